"""Constructs that convert into something that means something else, or nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from .calls import awaited_values
from .catalogue import own_nodes
from .convert import Converter, string_names
from .findings import Finding

_SUSPENDS = (ast.Await, ast.AsyncWith, ast.AsyncFor, ast.Yield, ast.YieldFrom)
_ASKS = ("isawaitable", "iscoroutine", "iscoroutinefunction")
_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the rules need to know of the project."""

    state_locks: tuple[str, ...]
    banned_imports: tuple[str, ...]
    packages: tuple[str, ...]
    """The last names of the async directories."""


def constructs(
    tree: ast.Module, path: str, converter: Converter, settings: Settings
) -> list[Finding]:
    """The findings of one module."""
    rules = _Rules(path, converter, settings, string_names(tree))
    rules.visit(tree)
    return rules.found


class _Rules(ast.NodeVisitor):
    def __init__(
        self,
        path: str,
        converter: Converter,
        settings: Settings,
        names: dict[tuple[int, int], str],
    ) -> None:
        self.path = path
        self.converter = converter
        self.settings = settings
        self.names = names
        self.found: list[Finding] = []
        self.modules: dict[str, str] = {}
        self.in_template = False

    def report(self, node: ast.AST, code: str, message: str) -> None:
        self.found.append(Finding(self.path, getattr(node, "lineno", 1), code, message))

    # Awaiting

    def visit_Await(self, node: ast.Await) -> None:
        if not all(isinstance(value, ast.Call) for value in awaited_values(node.value)):
            self.report(
                node,
                "TW103",
                f"`await {ast.unparse(node.value)}` awaits an object, the twin would do nothing here:"
                " give it a method that waits, as in `await task.wait()`",
            )
        self.generic_visit(node)

    def _chained(self, node: ast.expr, value: ast.expr) -> None:
        if isinstance(value, ast.Await):
            self.report(
                node,
                "TW104",
                f"`{_short(node)}` goes on from an awaited value and leaves parentheses in the twin:"
                " give the value a name first",
            )

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self._chained(node, node.value)
        self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        outermost = not self.in_template
        changed = sorted({text for child in ast.walk(node) if (text := self._converts(child))})
        if changed and outermost:
            self.report(
                node,
                "TW105",
                f"what stands inside an f-string is not converted, and {', '.join(changed)} would have"
                " to be: give the value a name before the string",
            )
        self.in_template = True
        self.generic_visit(node)
        self.in_template = not outermost

    def visit_TemplateStr(self, node: ast.JoinedStr) -> None:
        self.visit_JoinedStr(node)

    def _converts(self, node: ast.AST) -> str:
        match node:
            case ast.Await():
                return "await"
            case ast.comprehension(is_async=1):
                return "async for"
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.keyword(arg=str() as name):
                return name if self.converter.spelling(name) != name else ""
        return ""

    def visit_With(self, node: ast.With) -> None:
        if any(self._is_state_lock(item) for item in node.items):
            suspended = next(
                (n for part in node.body for n in _running(part) if _suspends(n)), None
            )
            if suspended is not None:
                self.report(
                    suspended,
                    "TW107",
                    f"`{_short(suspended)}` may suspend the task while it holds a state lock:"
                    " read and write inside the block, wait outside it",
                )
        self.generic_visit(node)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> None:
        if any(self._is_state_lock(item) for item in node.items):
            self.report(node, "TW107", "a state lock never waits: enter it with a plain `with`")
        self.generic_visit(node)

    def _is_state_lock(self, item: ast.withitem) -> bool:
        match item.context_expr:
            case ast.Attribute(attr=name) | ast.Name(id=name):
                return name.endswith(self.settings.state_locks)
        return False

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if node.name == "__await__":
            self.report(
                node,
                "TW106",
                "__await__ has no counterpart in the twin: write a method that waits, as `wait()`",
            )
        self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    # Names and modules

    def visit_Name(self, node: ast.Name) -> None:
        self._name(node, node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._chained(node, node.value)
        self._name(node, node.attr)
        if isinstance(node.value, ast.Name):
            module = self.modules.get(node.value.id, "")
            if module == "typing" and node.attr == "AsyncGenerator":
                self._generator(node)
            elif module and f"{module}.{node.attr}" in self.settings.banned_imports:
                self._banned(node, f"{module}.{node.attr}")
        self.generic_visit(node)

    def _name(self, node: ast.expr, name: str) -> None:
        if name == "CancelledError":
            text = (
                "CancelledError does not exist in the twin: catch the seam's own, as `rt.Cancelled`"
            )
            self.report(node, "TW302", text)
        elif name in ("Awaitable", "Coroutine"):
            text = f"{name} stays in the twin, whose value is plain: use the seam's alias, as `rt.Result[T]`"
            self.report(node, "TW303", text)
        elif name in _ASKS:
            text = f"{name}() is never true in the twin: let the seam call it, as `await rt.call(callback)`"
            self.report(node, "TW108", text)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.modules[alias.asname or alias.name.partition(".")[0]] = (
                alias.name if alias.asname else alias.name.partition(".")[0]
            )
            self._import(node, alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level or node.module is None:
            return
        for alias in node.names:
            self.modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"
            self._import(node, f"{node.module}.{alias.name}")
            if node.module == "typing" and alias.name == "AsyncGenerator":
                self._generator(node)

    def _import(self, node: ast.stmt, name: str) -> None:
        for banned in self.settings.banned_imports:
            if name == banned or name.startswith(f"{banned}."):
                self._banned(node, banned)

    def _banned(self, node: ast.AST, name: str) -> None:
        text = (
            f"{name} has one colour only: use what the seam offers in both (import the seam as rt)"
        )
        self.report(node, "TW301", text)

    def _generator(self, node: ast.AST) -> None:
        text = "typing.Generator wants three parameters: import AsyncGenerator from collections.abc"
        self.report(node, "TW304", text)

    # Strings

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(
            node.value, ast.Constant
        ):  # a docstring is prose: the residue scan reads it
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self._chained(node, node.func)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if not isinstance(node.value, str) or (node.lineno, node.col_offset) in self.names:
            return
        text = node.value
        if self.converter.spelling(text) != text or self.converter.prefixed(text):
            self.report(
                node,
                "TW201",
                f"the string {_clip(text)} looks like a renamed name but stays as it is in the twin: keep"
                " values and messages that name no class, or move them out of the pair",
            )
        elif _DOTTED.fullmatch(text) and set(text.split(".")) & set(self.settings.packages):
            self.report(
                node,
                "TW202",
                f"the string {_clip(text)} would lead the twin into the async package: use the imported"
                " object, as in monkeypatch.setattr(module, name, value)",
            )


def _running(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        yield from own_nodes(node)


def _suspends(node: ast.AST) -> bool:
    return isinstance(node, _SUSPENDS) or (
        isinstance(node, ast.comprehension) and bool(node.is_async)
    )


def _short(node: ast.AST) -> str:
    return _clip(ast.unparse(node).split("\n")[0], quote=False)


def _clip(text: str, *, quote: bool = True) -> str:
    short = text if len(text) <= 40 else f"{text[:39]}…"
    return repr(short) if quote else short
