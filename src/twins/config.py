"""The ``[tool.codeagent.twins]`` section of a pyproject.toml."""

from __future__ import annotations

import difflib
import re
import shlex
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from keyword import iskeyword
from pathlib import Path
from typing import Any, TypeVar

from .errors import ConfigError

SECTION = "tool.codeagent.twins"
DEFAULT_HEADER = "# Generated from {source}. Do not edit."
DEFAULT_FORMATTER = (
    "ruff check --quiet --exit-zero --no-cache --fix --select I,F401 --stdin-filename {file} -",
    "ruff format --quiet --no-cache --stdin-filename {file} -",
)
DEFAULT_BANNED = ("asyncio", "threading", "subprocess", "concurrent.futures", "time.sleep")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Pair:
    """A canonical directory and the directory generated from it, both absolute."""

    source: Path
    target: Path


@dataclass(frozen=True, slots=True)
class Config:
    """One project's settings, checked.

    ``root`` is the directory of ``file``; paths in messages are relative to it.
    """

    file: Path
    pairs: tuple[Pair, ...]
    renames: Mapping[str, str]
    strip_prefix: str = "Async"
    header: str = DEFAULT_HEADER
    formatter: tuple[str, ...] = DEFAULT_FORMATTER
    allow_residue: tuple[str, ...] = ()
    state_locks: tuple[str, ...] = ("_state",)
    banned_imports: tuple[str, ...] = DEFAULT_BANNED
    seam: tuple[Path, ...] = ()

    @property
    def root(self) -> Path:
        return self.file.parent

    def relative(self, path: Path) -> str:
        """``path`` as it is written in messages and headers: from the root, with slashes."""
        return path.relative_to(self.root).as_posix()


def load_config(file: Path | None = None, *, start: Path | None = None) -> Config:
    """Read the section from ``file``, or from the nearest pyproject.toml that has it.

    The search goes from ``start`` (the working directory by default) upwards.
    Raises ConfigError.
    """
    if file is not None:
        file = file.absolute()
        section = _section(file)
        if section is None:
            raise ConfigError(f"{file}: there is no [{SECTION}] section in this file")
        return parse_config(section, file)
    directory = (start or Path.cwd()).absolute()
    seen = []
    for folder in (directory, *directory.parents):
        candidate = folder / "pyproject.toml"
        if candidate.is_file():
            section = _section(candidate)
            if section is not None:
                return parse_config(section, candidate)
            seen.append(str(candidate))
    where = f"looked in {', '.join(seen)}" if seen else f"no pyproject.toml in or above {directory}"
    raise ConfigError(
        f"there is no [{SECTION}] section ({where}). Add one with at least"
        ' pairs = { "src/package/_async" = "src/package/_sync" }, or name the file with --config'
    )


def parse_config(section: Mapping[str, object], file: Path) -> Config:
    """Check the values of the section; ``file`` is where they come from."""
    readers: dict[str, Callable[[object, Path], object]] = {
        "pairs": _pairs,
        "renames": _renames,
        "strip-prefix": _prefix,
        "header": _header,
        "formatter": _commands,
        "allow-residue": _patterns,
        "state-locks": _strings,
        "banned-imports": _strings,
        "seam": _files,
    }
    values: dict[str, Any] = {"renames": {}}
    for key, value in section.items():
        if key not in readers:
            near = difflib.get_close_matches(key.replace("_", "-"), readers, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise _wrong(file, key, f"unknown key{hint} Allowed: {', '.join(readers)}")
        try:
            values[key.replace("-", "_")] = readers[key](value, file.parent)
        except ValueError as error:
            raise _wrong(file, key, str(error)) from None
    if "pairs" not in section:
        raise _wrong(
            file, "pairs", "the key is required: a table of async directory = sync directory"
        )
    return Config(file=file, **values)


def _section(file: Path) -> Mapping[str, object] | None:
    try:
        found: object = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not valid TOML: {error}") from None
    for name in SECTION.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    if found is not None and not isinstance(found, dict):
        raise ConfigError(f"{file}: [{SECTION}] must be a table")
    return found


def _wrong(file: Path, key: str, text: str) -> ConfigError:
    return ConfigError(f"{file}: [{SECTION}] {key}: {text}")


def _typed(value: object, kind: type[_T], wanted: str) -> _T:
    if not isinstance(value, kind):
        raise ValueError(f"{value!r} is not {wanted}")
    return value


def _strings(value: object, _root: Path) -> tuple[str, ...]:
    items = _typed(value, list, "a list of strings")
    for item in items:
        if not isinstance(item, str) or not item.strip():
            raise ValueError(f"{item!r} in the list is not a non-empty string")
    return tuple(items)


def _commands(value: object, root: Path) -> tuple[str, ...]:
    commands = _strings(value, root)
    for command in commands:
        try:
            shlex.split(command)
        except ValueError as error:
            raise ValueError(f"{command!r} is not a command line: {error}") from None
    return commands


def _patterns(value: object, root: Path) -> tuple[str, ...]:
    patterns = _strings(value, root)
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
    return patterns


def _prefix(value: object, _root: Path) -> str:
    prefix = _typed(value, str, "a string")
    if prefix and not prefix.isidentifier():
        raise ValueError(f'{prefix!r} cannot begin a name. Allowed: an identifier, or "" for none')
    return prefix


def _header(value: object, _root: Path) -> str:
    header = _typed(value, str, "a string").rstrip()
    if "{source}" not in header:
        raise ValueError("the template must contain {source}, so that its files can be recognised")
    if not all(line.startswith("#") for line in header.split("\n")):
        raise ValueError("every line of the template must begin with #")
    return header


def _renames(value: object, _root: Path) -> dict[str, str]:
    table = _typed(value, dict, 'a table of name = "name"')
    for old, new in table.items():
        for name in (old, new):
            if not isinstance(name, str) or not name.isidentifier() or iskeyword(name):
                raise ValueError(
                    f"{old} = {new!r}: {name!r} is not a name. Both sides are single identifiers;"
                    " dotted names and phrases cannot be renamed"
                )
    return dict(table)


def _inside(name: object, root: Path) -> Path:
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"{name!r} is not a path")
    path = Path(name)
    if (
        path.is_absolute()
        or ".." in path.parts
        or not (root / path).resolve().is_relative_to(root.resolve())
    ):
        raise ValueError(f"{name!r} must be a path inside {root}, relative to it, without '..'")
    return root / path


def _files(value: object, root: Path) -> tuple[Path, ...]:
    paths = tuple(_inside(item, root) for item in _typed(value, list, "a list of files"))
    for path in paths:
        if not path.is_file():
            raise ValueError(f"{path} does not exist")
    return paths


def _pairs(value: object, root: Path) -> tuple[Pair, ...]:
    table = _typed(value, dict, "a table of async directory = sync directory")
    if not table:
        raise ValueError("the table is empty: name at least one async directory = sync directory")
    pairs = tuple(Pair(_inside(old, root), _inside(new, root)) for old, new in table.items())
    for pair in pairs:
        if not pair.source.is_dir():
            raise ValueError(f"the async directory {pair.source} does not exist")
        if pair.target.exists() and not pair.target.is_dir():
            raise ValueError(f"{pair.target} is not a directory")
    for position, pair in enumerate(pairs):
        for other in pairs:
            if _overlap(pair.target, other.source):
                raise ValueError(
                    f"the sync directory {pair.target} is, holds or lies in the async directory"
                    f" {other.source}: generating would overwrite the source"
                )
        for other in pairs[position + 1 :]:
            if _overlap(pair.target, other.target) or _overlap(pair.source, other.source):
                raise ValueError(
                    f"{pair.source} -> {pair.target} and {other.source} -> {other.target} overlap:"
                    " every directory may appear once, and none inside another"
                )
    return pairs


def _overlap(one: Path, other: Path) -> bool:
    one, other = one.resolve(), other.resolve()
    return one.is_relative_to(other) or other.is_relative_to(one)
