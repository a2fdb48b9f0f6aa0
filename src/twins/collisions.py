"""Different names of one module that would be one name in the twin (TW203)."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from .convert import Converter
from .findings import Finding

_Origin = tuple[str, str]


def collisions(tree: ast.Module, path: str, converter: Converter) -> list[Finding]:
    """The findings of one module.

    ``AsyncX`` and ``X`` may both be imported from one place: the twin then imports
    ``X`` alone, which is what both mean there.
    """
    found = list(_clashes(_module_names(tree), path, converter))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            members = {name: (line, {("class", name)}) for name, line in _members(node)}
            found.extend(_clashes(members, path, converter))
    return found


def _clashes(
    names: Mapping[str, tuple[int, set[_Origin]]], path: str, converter: Converter
) -> Iterator[Finding]:
    by_twin: dict[str, str] = {}
    for name in sorted(names, key=lambda name: (converter.spelling(name) != name, name)):
        twin = converter.spelling(name)
        other = by_twin.setdefault(twin, name)
        if other == name:
            continue
        line, origins = names[name]
        if _in_twin(origins, converter) != _in_twin(names[other][1], converter):
            text = f"{name} and {other} would both be called {twin} in the twin: rename one of them"
            yield Finding(path, line, "TW203", text)


def _in_twin(origins: Iterable[_Origin], converter: Converter) -> set[_Origin]:
    return {
        (where, name)
        if where in ("here", "class")
        else (".".join(map(converter.spelling, where.split("."))), converter.spelling(name))
        for where, name in origins
    }


def _module_names(tree: ast.Module) -> dict[str, tuple[int, set[_Origin]]]:
    names: dict[str, tuple[int, set[_Origin]]] = {}

    def note(name: str, line: int, origin: _Origin | None = None) -> None:
        first, origins = names.setdefault(name, (line, set()))
        if origin is not None:
            origins.add(origin)
        names[name] = (min(first, line), origins)

    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=context):
                bound = None if isinstance(context, ast.Load) else ("here", name)
                note(name, node.lineno, bound)
            case ast.ClassDef(name=name):
                note(name, node.lineno, ("here", name))
            case ast.arg(arg=name):
                note(name, node.lineno, ("here", name))
            case ast.Import(names=aliases):
                for alias in aliases:
                    name = alias.asname or alias.name.partition(".")[0]
                    note(name, node.lineno, (f"import {alias.name}", name))
            case ast.ImportFrom(names=aliases):
                where = "from " + "." * node.level + (node.module or "")
                for alias in aliases:
                    note(alias.asname or alias.name, node.lineno, (where, alias.name))
    for statement in tree.body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            note(statement.name, statement.lineno, ("here", statement.name))
    return names


def _members(node: ast.ClassDef) -> Iterator[tuple[str, int]]:
    for child in node.body:
        match child:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, child.lineno
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                yield name, child.lineno
    for inner in ast.walk(node):
        match inner:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                yield name, inner.lineno
