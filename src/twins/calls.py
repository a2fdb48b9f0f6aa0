"""Coroutine functions that are called but not awaited (TW101, TW102).

On the async path such a call makes an object and runs nothing; in the twin it
runs the function there and then.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .catalogue import Catalogue, Function, imported_module, is_coroutine_function, methods_of
from .findings import Finding

_Scope = dict[str, "bool | str"]  # True: coroutine function; text: the module it is, or comes from
_CONTAINERS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_LITERALS = (ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Starred)


def unawaited_calls(tree: ast.Module, path: str, catalogue: Catalogue) -> list[Finding]:
    """The findings of one module."""
    visitor = _Visitor(path, catalogue)
    visitor.scopes.append(visitor.bindings(tree.body))
    visitor.visit(tree)
    return visitor.found


class _Visitor(ast.NodeVisitor):
    def __init__(self, path: str, catalogue: Catalogue) -> None:
        self.path = path
        self.catalogue = catalogue
        self.found: list[Finding] = []
        self.scopes: list[_Scope] = []
        self.classes: list[dict[str, bool]] = []
        self.settled: set[ast.AST] = set()
        self.collected: set[ast.AST] = set()

    def visit_Await(self, node: ast.Await) -> None:
        self.settled.update(awaited_values(node.value))
        self.generic_visit(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        # Whoever calls the lambda awaits what it returns.
        self.settled.add(node.body)
        self._in_scope(node, dict.fromkeys(_parameters(node.args), False))

    def visit_FunctionDef(self, node: Function) -> None:
        scope: _Scope = dict.fromkeys(_parameters(node.args), False)
        self._in_scope(node, {**self.bindings(node.body), **scope})

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.classes.append(methods_of(node))
        self.generic_visit(node)
        self.classes.pop()

    def visit_Call(self, node: ast.Call) -> None:
        if node not in self.settled and self._is_coroutine_call(node.func):
            name = ast.unparse(node.func)
            if node in self.collected:
                text = (
                    f"{name}() makes coroutine objects here, the twin would run them one after another:"
                    " pass the function and the items to the seam's concurrent map"
                )
                self._report(node, "TW102", text)
            else:
                text = (
                    f"{name}() is not awaited, the twin would run it at this point: await it, or pass"
                    " the function and its arguments, as in group.start_soon(work, item)"
                )
                self._report(node, "TW101", text)
        self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> None:
        if isinstance(node, _CONTAINERS):
            self.collected.add(node.value if isinstance(node, ast.DictComp) else node.elt)
        elif isinstance(node, _LITERALS):
            self.collected.update(ast.iter_child_nodes(node))
        super().generic_visit(node)

    def bindings(self, body: list[ast.stmt]) -> _Scope:
        """What the statements bind; a name bound in several ways must agree on being one."""
        scope: _Scope = {}
        for node in _bound(body):
            for name, kind in self._bound_names(node):
                known = scope.get(name, kind)
                scope[name] = kind if known == kind else False
        return scope

    def _bound_names(self, node: ast.AST) -> Iterator[tuple[str, bool | str]]:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name, is_coroutine_function(node)
            case ast.Import(names=names):
                for alias in names:
                    yield alias.asname or alias.name.partition(".")[0], alias.name
            case ast.ImportFrom(names=names):
                module = imported_module(node)
                for alias in names:
                    coroutine = self.catalogue.function(module, alias.name)
                    yield alias.asname or alias.name, coroutine or f"{module}.{alias.name}"
            case ast.Name(id=name, ctx=ast.Store()):
                yield name, False
            case ast.ExceptHandler(name=str() as name) | ast.MatchAs(name=str() as name):
                yield name, False

    def _in_scope(self, node: ast.AST, scope: _Scope) -> None:
        self.scopes.append(scope)
        super().generic_visit(node)
        self.scopes.pop()

    def _is_coroutine_call(self, function: ast.expr) -> bool:
        match function:
            case ast.Name(id=name):
                return self._lookup(name) is True
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name) if self.classes:
                own = self.classes[-1].get(name)
                return self.catalogue.method(name, own=True) if own is None else own
            case ast.Attribute(value=ast.Name(id=base), attr=name):
                origin = self._lookup(base)
                if isinstance(origin, str):
                    if self.catalogue.has_module(origin):
                        return self.catalogue.function(origin, name)
                    if not self.catalogue.has_class(origin.rpartition(".")[2]):
                        return False
                return self.catalogue.method(name)
            case ast.Attribute(attr=name):
                return self.catalogue.method(name)
        return False

    def _lookup(self, name: str) -> bool | str | None:
        return next((scope[name] for scope in reversed(self.scopes) if name in scope), None)

    def _report(self, node: ast.expr, code: str, message: str) -> None:
        self.found.append(Finding(self.path, node.lineno, code, message))


def awaited_values(node: ast.expr) -> Iterator[ast.expr]:
    """The expressions one of which an ``await`` of ``node`` waits for."""
    if isinstance(node, ast.IfExp):
        yield from awaited_values(node.body)
        yield from awaited_values(node.orelse)
    else:
        yield node


def _parameters(arguments: ast.arguments) -> Iterator[str]:
    for node in ast.walk(arguments):
        if isinstance(node, ast.arg):
            yield node.arg


def _bound(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """The nodes of one scope that can bind a name, functions and classes not entered."""
    stack: list[ast.AST] = list(body)
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            stack.extend(ast.iter_child_nodes(node))
