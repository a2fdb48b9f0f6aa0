"""What the environment contributes: variables, ``.env`` and the project's directory."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from io import StringIO
from typing import Any

from .document import Path, key_text
from .problems import Problem

_PLACEHOLDER = re.compile(r"\$\{(?P<name>[^:${}]*)(?::(?P<default>.*))?\}", re.DOTALL)

_STAND_INS = ("PROJECT_DIR_CONTAINER", "PROJECT_DIR_DOCKER", "PROJECT_DIR_POSIX")


def is_placeholder(text: str) -> bool:
    """Whether the whole of ``text`` is ``${NAME}`` or ``${NAME:default}``."""
    return _PLACEHOLDER.fullmatch(text) is not None


def substitute(tree: Any, environment: Mapping[str, str]) -> tuple[Any, dict[Path, str]]:
    """Replace the strings of ``tree`` that are ``${NAME}`` or ``${NAME:default}``.

    Only a string that is such an expression from its first character to its last
    is replaced, and always by a string.  A default runs to the closing brace and
    may hold colons; name and default are stripped.  A variable that is set to
    nothing counts as set.

    Returns the new tree, and for each place that names an unset variable without
    a default the name of that variable.
    """
    unset: dict[Path, str] = {}
    done: dict[int, Any] = {}  # values under an alias are one object and stay one

    def walk(value: Any, path: Path) -> Any:
        if isinstance(value, str):
            match = _PLACEHOLDER.fullmatch(value)
            return value if match is None else resolve(match, path)
        if not isinstance(value, dict | list):
            return value
        if id(value) in done:
            return done[id(value)]
        result: Any
        if isinstance(value, dict):
            result = {key: walk(item, (*path, key_text(key))) for key, item in value.items()}
        else:
            result = [walk(item, (*path, index)) for index, item in enumerate(value)]
        done[id(value)] = result
        return result

    def resolve(match: re.Match[str], path: Path) -> str:
        name, default = match["name"].strip(), match["default"]
        if name in environment:
            return environment[name]
        if default is not None:
            return default.strip()
        unset[path] = name
        return match[0]

    return walk(tree, ()), unset


def unset_variable(name: str, key: str, line: int | None, *, predecessor: bool) -> Problem:
    """The problem of a placeholder whose variable is not set."""
    message = (
        f"Переменная окружения не найдена: {name}"
        if predecessor
        else f"the environment variable {name} is not set; set it, or write ${{{name}:default}}"
    )
    return Problem(key, message, line=line)


def environment_with(dotenv_text: str | None, base: Mapping[str, str]) -> dict[str, str]:
    """``base`` and the variables of a ``.env`` file, whose values win.

    The file is read as python-dotenv reads it, ``${NAME}`` in its values included;
    names that it does not define are taken from ``base``.  Lines that make no sense
    and names without a value are passed over.
    """
    merged = dict(base)
    if not dotenv_text:
        return merged
    from dotenv.parser import parse_stream
    from dotenv.variables import parse_variables

    for binding in parse_stream(StringIO(dotenv_text.removeprefix("\ufeff"))):
        if binding.key is None or binding.value is None:
            continue
        value = "".join(atom.resolve(merged) for atom in parse_variables(binding.value))
        if "\0" not in binding.key + value:  # no environment can hold it
            merged[binding.key] = value
    return merged


def project_directory(
    base_dir: str,
    environment: Mapping[str, str],
    *,
    windows: bool,
    exists: Callable[[str], bool],
) -> str:
    """``base_dir``, or where a Windows path is mounted on a host that is not Windows.

    The first variable set of ``PROJECT_DIR_CONTAINER``, ``PROJECT_DIR_DOCKER`` and
    ``PROJECT_DIR_POSIX`` names the place, else it is ``/workspace``.  A place that
    does not exist is not used.
    """
    if windows or not _looks_like_windows(base_dir):
        return base_dir
    names = (environment.get(name) for name in _STAND_INS)
    place = next((name for name in names if name), "/workspace")
    return place if exists(place) else base_dir


def _looks_like_windows(path: str) -> bool:
    return (path[1:2] == ":" and path[2:3] in ("\\", "/")) or (":" in path and "\\" in path)
