"""Which functions and methods of the trees are coroutine functions.

Nothing is imported or executed: the answer comes from the syntax trees alone,
and a method of an object whose class is unknown is judged by its name.
"""

from __future__ import annotations

import ast
import io
import pathlib
import re
from collections import defaultdict, deque
from collections.abc import Generator, Iterator, Mapping
from contextvars import ContextVar

_COMMON: tuple[type, ...] = (
    str,
    bytes,
    dict,
    list,
    set,
    deque,
    io.TextIOWrapper,
    io.BufferedReader,
)
_COMMON += (pathlib.Path, re.Pattern, re.Match, ContextVar, Generator)
_BUILT_IN = {name for kind in _COMMON for name in dir(kind)}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Everything below ``node`` that runs with it: not the bodies of functions inside."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from own_nodes(child)


def is_coroutine_function(node: ast.AST) -> bool:
    """Whether calling the function that ``node`` defines gives a coroutine object.

    An async generator is none, nor is a function made a context manager.
    """
    if not isinstance(node, ast.AsyncFunctionDef):
        return False
    if any("contextmanager" in ast.unparse(decorator) for decorator in node.decorator_list):
        return False
    yields = (ast.Yield, ast.YieldFrom)
    return not any(isinstance(child, yields) for part in node.body for child in _with_own(part))


def _with_own(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        yield from own_nodes(node)


def methods_of(node: ast.ClassDef) -> dict[str, bool]:
    """The names that a class body defines; True for coroutine functions.

    An attribute that the class annotates or assigns may hold anything callable,
    so it counts as not one.
    """
    names: dict[str, bool] = {}
    for child in ast.walk(node):
        match child:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                names[name] = False
    for child in node.body:
        match child:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names[name] = is_coroutine_function(child) and names.get(name, True)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                names[name] = False
    return names


class Catalogue:
    """The definitions of many modules, found by dotted name or by bare name."""

    def __init__(self, trees: Mapping[str, ast.Module]) -> None:
        self._modules: dict[tuple[str, ...], dict[str, bool]] = {}
        self._imports: dict[tuple[str, ...], dict[str, tuple[str, str]]] = {}
        self._classes: set[str] = set()
        methods: defaultdict[str, list[bool]] = defaultdict(list)
        for path, tree in trees.items():
            parts = _module_parts(path)
            self._imports[parts] = {
                alias.asname or alias.name: (imported_module(node), alias.name)
                for node in tree.body
                if isinstance(node, ast.ImportFrom)
                for alias in node.names
            }
            self._modules[parts] = {
                node.name: is_coroutine_function(node)
                for node in tree.body
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            }
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    self._classes.add(node.name)
                    for name, coroutine in methods_of(node).items():
                        methods[name].append(coroutine)
        self._methods = {name: all(kinds) for name, kinds in methods.items()}

    def has_class(self, name: str) -> bool:
        return name in self._classes

    def has_module(self, dotted: str) -> bool:
        return any(True for _ in self._matching(dotted))

    def function(self, module: str, name: str) -> bool:
        """Whether ``module.name`` is a coroutine function in every module this may mean.

        A module that imports the function by name has it, too.
        """
        return bool(kinds := list(self._kinds(module, name, set()))) and all(kinds)

    def _kinds(self, module: str, name: str, seen: set[tuple[str, str]]) -> Iterator[bool]:
        if (module, name) in seen:
            return
        seen.add((module, name))
        for parts in self._matching(module):
            if name in self._modules[parts]:
                yield self._modules[parts][name]
            elif name in self._imports[parts]:
                yield from self._kinds(*self._imports[parts][name], seen)

    def method(self, name: str, *, own: bool = False) -> bool:
        """Whether every class that has a method ``name`` has it as a coroutine function.

        Names that built-in types have as well are trusted on ``self`` (``own``) only.
        """
        return self._methods.get(name, False) and (own or name not in _BUILT_IN)

    def _matching(self, dotted: str) -> Iterator[tuple[str, ...]]:
        """The modules that an import may mean: the last two parts of the name decide.

        An absolute name of one part is a module of its own, as in the standard library.
        """
        tail = tuple(part for part in dotted.split(".") if part)[-2:]
        whole = len(tail) == 1 and not dotted.startswith(".")
        for parts in self._modules:
            if tail and parts[-len(tail) :] == tail and not (whole and len(parts) > 1):
                yield parts


def imported_module(node: ast.ImportFrom) -> str:
    """The module of a ``from`` import, one leading dot if it is relative."""
    return ("." if node.level else "") + (node.module or "")


def _module_parts(path: str) -> tuple[str, ...]:
    parts = pathlib.PurePosixPath(path).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts
