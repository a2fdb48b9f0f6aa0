"""Items that take one line each, as Markdown and plain text have them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .attributes import Attributes, parse_attributes
from .model import Item, ItemState, Problem
from .source import Edit

# A box may be ticked with the Cyrillic letter that looks like an x.  What
# follows the closing bracket must not make a link of it.
BOX = r"\[(?P<box>[ \t\u00a0xX\u0445\u0425-])\](?![(\[:])"
BULLET = r"(?:[-*+]|[0-9]{1,9}[.)])[ \t]++"
TAB_WIDTH = 2

_CHARACTERS = {ItemState.PENDING: " ", ItemState.DONE: "x", ItemState.SKIPPED: "-"}
_STATES = {"-": ItemState.SKIPPED} | dict.fromkeys("xX\u0445\u0425", ItemState.DONE)


@dataclass(frozen=True, slots=True)
class Note:
    """One trailing comment: where it begins, and the span of what it says."""

    start: int
    inner: tuple[int, int]


LastNote = Callable[[str, int, int], Note | None]
"""Finds the comment with which ``text[start:end]`` ends."""


@dataclass(frozen=True, slots=True)
class PlacedItem:
    """An item and the offsets at which it can be edited.

    ``box`` is the character between the brackets, ``body`` where a missing box
    goes, ``comment`` the span of the whole comment, and ``end`` where a missing
    comment goes.
    """

    item: Item
    box: int | None
    body: int
    comment: tuple[int, int] | None
    end: int


def level_of(indent: str) -> int:
    """The depth that ``indent`` stands for: two blanks or one tab a level."""
    return len(indent.expandtabs(TAB_WIDTH)) // TAB_WIDTH


def place(
    text: str,
    *,
    line: int,
    level: int,
    box: int | None,
    body: int,
    end: int,
    last_note: LastNote,
    problems: list[Problem],
) -> PlacedItem | None:
    """Read the item whose content is ``text[body:end]``; ``None`` if it has no text.

    Of the comments at its end, one may hold attributes and one a remark; a
    further one belongs to the text.
    """
    start = body if box is None else box + 2
    start, stop = _stripped(text, start, end)
    end = stop
    attributes: Attributes | None = None
    remark: tuple[int, int] | None = None
    comment: str | None = None
    while note := last_note(text, start, stop):
        inner = text[slice(*note.inner)].strip()
        found = parse_attributes(inner)
        if found is not None and attributes is None:
            attributes = found
        elif found is None and remark is None:
            remark, comment = (note.start, stop), inner or None
        else:
            break
        stop = _stripped(text, start, note.start)[1]
    if start == stop:
        return None
    attributes = attributes or Attributes()
    if attributes.complaint:
        problems.append(Problem(line, attributes.complaint))
    item = Item(
        text=text[start:stop],
        level=level,
        state=ItemState.PENDING if box is None else _STATES.get(text[box], ItemState.PENDING),
        comment=comment,
        line=line,
        id=attributes.id,
        after=attributes.after,
        priority=attributes.priority,
        paths=attributes.paths,
    )
    return PlacedItem(item, box, body, remark, end)


def edits(
    placed: PlacedItem, state: ItemState, comment: str | None, delimiters: tuple[str, str]
) -> list[Edit]:
    """What makes the item ``state`` and gives it ``comment``, unless that is ``None``."""
    made: list[Edit] = []
    if placed.item.state is not state:
        character = _CHARACTERS[state]
        if placed.box is None:
            made.append(Edit(placed.body, placed.body, f"[{character}] "))
        else:
            made.append(Edit(placed.box, placed.box + 1, character))
    if comment is not None and comment != placed.item.comment:
        written = comment.join(delimiters)
        if placed.comment is None:
            made.append(Edit(placed.end, placed.end, written))
        else:
            made.append(Edit(*placed.comment, written.lstrip()))
    return made


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without the white space at its ends."""
    inner = text[start:end]
    left = len(inner) - len(inner.lstrip())
    return start + left, start + max(len(inner.rstrip()), left)
