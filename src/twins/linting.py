"""Texts to findings: what the conversion of a tree gets wrong."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from .calls import unawaited_calls
from .catalogue import Catalogue
from .collisions import collisions
from .convert import Converter, parse
from .findings import Finding, without_ignored
from .residue import residue
from .rules import Settings, constructs


def lint_sources(
    sources: Mapping[str, str],
    converter: Converter,
    settings: Settings,
    *,
    allow_residue: Sequence[str] = (),
    seam: Mapping[str, str] | None = None,
) -> list[Finding]:
    """The findings of many modules, by path and line.

    ``seam`` holds further modules that are not linted; their coroutine functions
    are known to the rule about calls without await.  Raises ConversionError.
    """
    trees = {path: parse(text, path) for path, text in sources.items()}
    known = {path: parse(text, path) for path, text in (seam or {}).items()}
    catalogue = Catalogue({**known, **trees})
    found: list[Finding] = []
    for path, tree in trees.items():
        text = sources[path]
        special = _special(tree, path, converter, settings, catalogue)
        explained = {finding.line for finding in special}
        remains = residue(converter.convert(text, tree), path, allow_residue)
        special += [finding for finding in remains if finding.line not in explained]
        found.extend(without_ignored(special, text))
    return sorted(set(found))


def _special(
    tree: ast.Module, path: str, converter: Converter, settings: Settings, catalogue: Catalogue
) -> list[Finding]:
    return [
        *unawaited_calls(tree, path, catalogue),
        *constructs(tree, path, converter, settings),
        *collisions(tree, path, converter),
    ]
