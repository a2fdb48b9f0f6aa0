"""YAML as a tree in which every node knows its place in the text.

PyYAML's own composer hides where an alias stands, resolves scalars to types
that a list of texts has no use for, and descends recursively, which a file of
nothing but brackets turns into a crash.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

_LOADER: type[yaml.SafeLoader] | type[yaml.CSafeLoader] = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)
_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)  # YAML 1.1, section 4.1.1
_MAX_DEPTH = 100
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


class Unreadable(Exception):
    """The text is not YAML: ``line`` (0-based) and what is wrong there."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True)
class Node:
    """A part of the text: offsets of its first and behind its last character."""

    start: int
    end: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Scalar(Node):
    """A scalar; ``style`` is its quote, ``|``, ``>`` or empty."""

    value: str
    style: str

    @property
    def is_null(self) -> bool:
        """Whether nothing, or a plain ``null``, was written."""
        return not self.style and self.value in _NULLS

    @property
    def is_block(self) -> bool:
        """Whether the scalar takes lines of its own: ``|`` and ``>``."""
        return self.style in ("|", ">")


@dataclass(frozen=True, slots=True)
class Sequence(Node):
    """A list."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mapping(Node):
    """A mapping; ``flow`` if written in braces."""

    pairs: tuple[tuple[Node, Node], ...]
    flow: bool


@dataclass(frozen=True, slots=True)
class Alias(Node):
    """A reference; ``target`` is ``None`` for one to a node that contains it."""

    name: str
    target: Node | None


@dataclass(slots=True)
class _Open:
    event: yaml.CollectionStartEvent
    children: list[Node] = field(default_factory=list)


def compose(text: str) -> tuple[Node, ...]:
    """The root nodes of all documents in ``text``; raises :class:`Unreadable`."""
    bad = _UNPRINTABLE.search(text)
    if bad:
        line = len(re.findall(r"\r\n|\r|\n", text[: bad.start()]))
        raise Unreadable(line, f"character {bad[0]!r} is not allowed")
    try:
        return tuple(_composed(text))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = error.problem or error.context or "it cannot be parsed"
        raise Unreadable(mark.line if mark else 0, what) from None
    except yaml.YAMLError as error:
        raise Unreadable(0, " ".join(str(error).split())) from None


def _composed(text: str) -> Iterator[Node]:
    stack: list[_Open] = []
    anchors: dict[str, Node | None] = {}
    node: Node
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.DocumentStartEvent):
            anchors.clear()
            continue
        if isinstance(event, yaml.CollectionStartEvent):
            if len(stack) == _MAX_DEPTH:
                raise Unreadable(_place(event)[2], f"more than {_MAX_DEPTH} levels of nesting")
            if event.anchor:
                anchors[event.anchor] = None
            stack.append(_Open(event))
            continue
        if isinstance(event, yaml.ScalarEvent):
            node = Scalar(*_place(event), value=event.value, style=event.style or "")
            anchor = event.anchor
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in anchors:
                raise Unreadable(_place(event)[2], f"nothing is called &{event.anchor}")
            node = Alias(*_place(event), name=event.anchor, target=anchors[event.anchor])
            anchor = None
        elif isinstance(event, yaml.CollectionEndEvent):
            opened = stack.pop()
            node, anchor = _closed(opened, _place(event)[1]), opened.event.anchor
        else:
            continue
        if anchor:
            anchors[anchor] = node
        if stack:
            stack[-1].children.append(node)
        else:
            yield node


def _closed(opened: _Open, end: int) -> Node:
    start, _, line, column = _place(opened.event)
    place = (start, end, line, column)
    children = opened.children
    if isinstance(opened.event, yaml.SequenceStartEvent):
        return Sequence(*place, items=tuple(children))
    pairs = tuple(zip(children[::2], children[1::2], strict=True))
    return Mapping(*place, pairs=pairs, flow=bool(opened.event.flow_style))


def _place(event: yaml.Event) -> tuple[int, int, int, int]:
    """Start, end, line and column of what a parser's event tells of."""
    start, end = event.start_mark, event.end_mark
    if start is None or end is None:
        raise Unreadable(0, "it has no marks")
    return start.index, end.index, start.line, start.column
