"""A YAML document that still knows where each of its values was written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]

MAX_DEPTH = 100
"""Nesting that a configuration may have; aliases count as what they stand for."""


@dataclass(frozen=True, slots=True)
class Document:
    """``tree`` as YAML reads it, and its nodes for looking up lines.

    ``warnings`` are about the text itself, such as a key that stands there twice.
    """

    tree: dict[Any, Any]
    root: Any = None
    warnings: tuple[str, ...] = ()

    def line(self, path: Path) -> int | None:
        """The 1-based line of the value at ``path``, else of what was to hold it."""
        found: int | None = None
        for mark, _ in self._descend(path):
            found = mark.line + 1
        return found

    def written(self, path: Path) -> str | None:
        """The scalar at ``path`` as the user wrote it, None if there is none."""
        nodes = [node for _, node in self._descend(path)]
        if len(nodes) == len(path) and nodes and nodes[-1].id == "scalar":
            return str(nodes[-1].value)
        return None

    def _descend(self, path: Path) -> Iterator[tuple[Any, Any]]:
        node = self.root
        for step in path:
            found = child(node, step)
            if found is None:
                return
            yield found
            node = found[1]


def dotted(path: Path) -> str:
    """A path as it is written in messages: ``server.http_port``."""
    return ".".join(map(str, path))


def key_text(key: object) -> str:
    """A key of a mapping as a step of a path."""
    try:
        return str(key)
    except ValueError:  # an integer of more digits than Python is willing to print
        return f"<{type(key).__name__}>"


def child(node: Any, step: str | int) -> tuple[Any, Any] | None:
    """The start mark and the node of one entry of a mapping or a sequence."""
    if node is None or node.id == "scalar":
        return None
    if node.id == "sequence":
        if isinstance(step, int) and step < len(node.value):
            return node.value[step].start_mark, node.value[step]
        return None
    for key, value in reversed(node.value):  # of a key written twice the last one counts
        if key.id == "scalar" and key.value == str(step):
            return key.start_mark, value
    return None


def children(node: Any) -> Iterator[Any]:
    """The nodes directly inside ``node``."""
    if node.id == "sequence":
        yield from node.value
    elif node.id == "mapping":
        for key, value in node.value:
            yield key
            yield value


def repeated_keys(root: Any) -> Iterator[tuple[str, int, int]]:
    """Keys that stand twice in one mapping: the key, its first line and the repeated one."""
    pending, seen = [root], {id(root)}
    while pending:
        node = pending.pop()
        for inner in children(node):
            if id(inner) not in seen:
                seen.add(id(inner))
                pending.append(inner)
        if node.id != "mapping":
            continue
        first: dict[str, int] = {}
        for key, _ in node.value:
            if key.id != "scalar" or key.value == "<<":
                continue
            line = key.start_mark.line + 1
            if key.value in first:
                yield key.value, first[key.value], line
            first.setdefault(key.value, line)


def is_too_deep(root: Any) -> bool:
    """Whether the document nests deeper than :data:`MAX_DEPTH` or contains itself."""
    heights: dict[int, int] = {}

    def height(node: Any, depth: int) -> int:
        if depth > MAX_DEPTH:
            return 0
        known = heights.get(id(node))
        if known is None:
            known = 1 + max((height(inner, depth + 1) for inner in children(node)), default=0)
            heights[id(node)] = known
        return known

    return height(root, 0) > MAX_DEPTH
