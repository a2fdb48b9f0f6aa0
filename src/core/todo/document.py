"""Reading a list and marking its items, whatever the format."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from . import markdown, plain
from .attributes import as_remark
from .comments import one_line
from .lines import PlacedItem
from .merge import normalised
from .model import Document, EditRefused, Item, ItemNotFound, ItemState, Problem, TodoFormat
from .source import Edit, Source

if TYPE_CHECKING:
    from .yaml_list import YamlItem

_SHOWN = 80


def parse(data: bytes, todo_format: TodoFormat) -> Document:
    """Read a list; what is wrong with it becomes ``problems``, never an exception.

    The bytes are UTF-8, with or without a byte order mark, else Windows-1251.
    """
    source = Source.of(data)
    placed, problems = _read(source.text, todo_format)
    items = tuple(entry.item for entry in placed)
    return Document(items, todo_format, source.encoding, (*source.problems, *problems))


def mark(
    data: bytes, todo_format: TodoFormat, text: str, state: ItemState, comment: str | None
) -> bytes:
    """The list with the item called ``text`` made ``state``; every other item untouched.

    Of several items with the text the first pending one is meant, unless one
    already has this state and this comment.  White space counts only if that
    leaves an item to mark; the beginning of a text is never enough.

    ``comment`` replaces the one that is there; ``None`` keeps it.  It is made
    one line, and what would end it early or be read as attributes is spaced
    out.  Characters that the file's encoding lacks become ``?``.

    Raises :class:`ItemNotFound` if no item has the text, and
    :class:`EditRefused` if the edited list would not read back as intended.
    """
    source = Source.of(data)
    placed, _ = _read(source.text, todo_format)
    items = [entry.item for entry in placed]
    if comment is not None:
        comment = _writable(source.encodable(one_line(comment)), todo_format) or None
    index = _find(items, text, state, comment)
    marked = source.edited(_edits(source.text, placed[index], todo_format, state, comment))
    items[index] = replace(items[index], state=state, comment=comment or items[index].comment)
    after = parse(marked, todo_format)
    if after.encoding != source.encoding or _unplaced(after.items) != _unplaced(items):
        raise EditRefused(
            f"{_quoted(text)} on line {items[index].line + 1} cannot be marked without touching "
            "other parts of the file: mark it by hand, or put each of its keys on its own line"
        )
    return marked


def _read(
    text: str, todo_format: TodoFormat
) -> tuple[Sequence[PlacedItem | YamlItem], list[Problem]]:
    match todo_format:
        case TodoFormat.MD:
            return markdown.read(text)
        case TodoFormat.TXT:
            return plain.read(text)
        case TodoFormat.YAML:
            from . import yaml_list

            return yaml_list.read(text)


def _edits(
    text: str,
    placed: PlacedItem | YamlItem,
    todo_format: TodoFormat,
    state: ItemState,
    comment: str | None,
) -> list[Edit]:
    if isinstance(placed, PlacedItem):
        if todo_format is TodoFormat.MD:
            return markdown.mark(placed, state, comment)
        return plain.mark(placed, state, comment)
    from . import yaml_edit

    return yaml_edit.mark(text, placed, state, comment)


def _writable(comment: str, todo_format: TodoFormat) -> str:
    """``comment`` as it can stand in a list of this format."""
    match todo_format:
        case TodoFormat.MD:
            return markdown.harmless(as_remark(comment))
        case TodoFormat.TXT:
            return as_remark(comment)
        case TodoFormat.YAML:
            return comment


def _find(items: Sequence[Item], text: str, state: ItemState, comment: str | None) -> int:
    """The index of the item that ``text`` means."""
    wanted = text.strip()
    found = [index for index, item in enumerate(items) if item.text == wanted]
    if not found:
        wanted = normalised(text)
        found = [index for index, item in enumerate(items) if normalised(item.text) == wanted]
    if not found:
        raise ItemNotFound(
            f"no task {_quoted(text)} in this list: it was changed or removed meanwhile; "
            "put the text back, or mark the task by hand"
        )
    if comment is not None:
        for index in found:
            if items[index].state is state and items[index].comment == comment:
                return index
    return next((index for index in found if items[index].state is ItemState.PENDING), found[0])


def _unplaced(items: Iterable[Item]) -> list[Item]:
    """The items without their lines, which an edit may shift."""
    return [replace(item, line=0) for item in items]


def _quoted(text: str) -> str:
    shown = normalised(text)
    return f'"{shown}"' if len(shown) <= _SHOWN else f'"{shown[:_SHOWN]}…"'
