"""A project's twins: generate them, compare them, lint their sources."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePath

from . import files
from .compare import Difference, compare
from .config import DEFAULT_HEADER, Config, Pair
from .convert import Converter, parse
from .errors import ConversionError, Refused
from .findings import Finding
from .formatting import format_text, resolve, verify
from .linting import lint_sources
from .rules import Settings


@dataclass(frozen=True, slots=True)
class Generated:
    """What ``generate`` did; paths are relative to the project's root."""

    written: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """What ``check`` saw."""

    files: int
    differences: tuple[Difference, ...]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return not self.differences and not self.findings


@dataclass(frozen=True, slots=True)
class _Module:
    """One source and the place of its twin."""

    pair: Pair
    source: Path
    target: Path
    text: str


def generate(config: Config) -> Generated:
    """Write every twin, and delete what has no source any more.

    All or nothing is written: raises ConversionError when a source cannot be
    converted, and Refused when a file in the way was not generated.  Findings do
    not keep the twins from being written.
    """
    converter = _converter(config)
    modules = _modules(config, converter)
    wanted = _convert(config, converter, modules)
    present = _present(config)
    origins = {config.relative(module.target): module for module in modules}
    differing = [d.path for d in compare(wanted, present)]
    _require_generated(
        config, {path: present[path] for path in differing if path in present}, wanted
    )
    written = [path for path in differing if path in wanted]
    removed = [path for path in differing if path not in wanted]
    for path in differing:
        files.require_inside(config.root / path, _target_of(config, path))
    for path in removed:
        files.remove(config.root / path, _target_of(config, path))
    for path in written:
        module = origins[path]
        files.write(module.target, wanted[path], module.source, module.pair.target)
    return Generated(
        written=tuple(written),
        removed=tuple(removed),
        unchanged=len(wanted) - len(written),
        findings=_findings(config, converter, modules),
    )


def check(config: Config) -> Checked:
    """Compare the twins with what would be generated, both ways; nothing is touched.

    Raises ConversionError when a source cannot be converted.
    """
    converter = _converter(config)
    modules = _modules(config, converter)
    wanted = _convert(config, converter, modules)
    return Checked(
        files=len(wanted),
        differences=tuple(compare(wanted, _present(config))),
        findings=_findings(config, converter, modules),
    )


def lint(config: Config) -> tuple[Finding, ...]:
    """What the conversion would get wrong, without the formatter.  Raises ConversionError."""
    converter = _converter(config)
    return _findings(config, converter, _modules(config, converter))


def _converter(config: Config) -> Converter:
    return Converter(config.renames, config.strip_prefix)


def _modules(config: Config, converter: Converter) -> list[_Module]:
    modules: dict[Path, _Module] = {}
    for pair in config.pairs:
        for source in files.files_below(pair.source):
            if source.suffix != ".py":
                continue
            target = pair.target / _twin_path(source.relative_to(pair.source), converter)
            if target in modules:
                one, other = config.relative(modules[target].source), config.relative(source)
                raise ConversionError(f"{one} and {other} have one twin, {config.relative(target)}")
            text = files.read_source(source, config.relative(source))
            modules[target] = _Module(pair, source, target, text)
    return list(modules.values())


def _twin_path(path: PurePath, converter: Converter) -> Path:
    """Files and folders are renamed as the imports that name them are."""
    return Path(*map(converter.rename, path.parts[:-1]), f"{converter.rename(path.stem)}.py")


def _convert(config: Config, converter: Converter, modules: Iterable[_Module]) -> dict[str, bytes]:
    commands = resolve(config.formatter)

    def finish(module: _Module, converted: str) -> tuple[str, bytes]:
        source, target = config.relative(module.source), config.relative(module.target)
        header = config.header.replace("{source}", source)
        text = format_text(f"{header}\n{converted}", target, commands, config.root)
        verify(text, header, target, source)
        return target, text.encode()

    modules = list(modules)
    converted = []
    for module in modules:
        shown = config.relative(module.source)
        try:
            converted.append(converter.convert(module.text, parse(module.text, shown)))
        except ConversionError as error:
            text = str(error)
            raise ConversionError(text if text.startswith(shown) else f"{shown}: {text}") from None
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(pool.map(finish, modules, converted))


def _present(config: Config) -> dict[str, bytes]:
    return {
        config.relative(path): path.read_bytes()
        for pair in config.pairs
        for path in files.files_below(pair.target)
    }


def _target_of(config: Config, path: str) -> Path:
    return next(p.target for p in config.pairs if (config.root / path).is_relative_to(p.target))


def _require_generated(
    config: Config, doomed: Mapping[str, bytes], wanted: Mapping[str, bytes]
) -> None:
    """Raise Refused if a file that would be lost does not bear the generated header.

    An empty file in the place of a twin is nobody's work and may be replaced.
    """
    headers = [_header_pattern(template) for template in {config.header, DEFAULT_HEADER}]
    own = [
        path
        for path, data in doomed.items()
        if not any(header.match(data.decode(errors="replace")) for header in headers)
        and (data or path not in wanted)
    ]
    if own:
        raise Refused(
            f"nothing was written: {', '.join(own)} {'does' if len(own) == 1 else 'do'} not bear the"
            " generated header and would be lost; move or delete what is not generated"
        )


def _header_pattern(template: str) -> re.Pattern[str]:
    parts = (re.escape(part).replace("\\\n", r"\r?\n") for part in template.split("{source}"))
    return re.compile("\N{ZERO WIDTH NO-BREAK SPACE}?" + r"[^\n]+\.py".join(parts) + r"\r?(\n|\Z)")


def _findings(
    config: Config, converter: Converter, modules: Iterable[_Module]
) -> tuple[Finding, ...]:
    sources = {config.relative(module.source): module.text for module in modules}
    settings = Settings(
        state_locks=config.state_locks,
        banned_imports=config.banned_imports,
        packages=tuple(pair.source.name for pair in config.pairs),
    )
    seam = {
        config.relative(path): files.read_source(path, config.relative(path))
        for path in config.seam
    }
    found = lint_sources(
        sources, converter, settings, allow_residue=config.allow_residue, seam=seam
    )
    return (*found, *_without_twin(config), *_unused_renames(config, converter))


def _without_twin(config: Config) -> Iterable[Finding]:
    text = "only .py files have twins: keep the file outside the pair, where both can read it"
    for pair in config.pairs:
        for path in files.files_below(pair.source):
            if path.suffix != ".py":
                yield Finding(config.relative(path), 1, "TW402", text)


def _unused_renames(config: Config, converter: Converter) -> Iterable[Finding]:
    unused = [name for name in config.renames if name not in converter.used]
    lines = config.file.read_text(encoding="utf-8-sig").split("\n") if unused else []
    for name in unused:
        quoted = re.compile(rf"(?<![\w/.-])[\"']?{re.escape(name)}[\"']?\s*=")
        line = next((n for n, text in enumerate(lines, 1) if quoted.search(text)), 1)
        text = (
            f"the rename of {name} is used nowhere: remove it from renames, or correct its spelling"
        )
        yield Finding(config.relative(config.file), line, "TW403", text)
