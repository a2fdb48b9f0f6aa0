"""Plain text: one task a line, ``[x] text  # comment``.

Numbers and bullets before the task and the box are optional.  Blank lines,
lines that begin with ``#`` and ruled lines are no tasks.  A comment is set off
by two blanks or a tab before its ``#``.
"""

from __future__ import annotations

import re

from .lines import BOX, BULLET, Note, PlacedItem, edits, level_of, place
from .model import ItemState, Problem
from .source import Edit, line_spans

_LINE = re.compile(rf"(?P<indent>[ \t]*)(?:(?:{BULLET}|•[ \t]+))?(?P<body>(?:{BOX})?)")
_RULED = re.compile(r"[-=*_~+.•]+|[0-9]{1,9}[.)]")
_SIGN = re.compile(r"#(?=[ \t]|$)")


def read(text: str) -> tuple[list[PlacedItem], list[Problem]]:
    """All items of a plain text with the places of their parts."""
    placed: list[PlacedItem] = []
    problems: list[Problem] = []
    for number, (start, end) in enumerate(line_spans(text)):
        content = text[start:end].strip()
        if content.startswith("#") or _RULED.fullmatch(content):
            continue
        if line := _LINE.match(text, start, end):
            item = place(
                text,
                line=number,
                level=level_of(line["indent"]),
                box=line.start("box") if line["box"] else None,
                body=line.start("body"),
                end=end,
                last_note=_last_note,
                problems=problems,
            )
            if item:
                placed.append(item)
    return placed, problems


def mark(placed: PlacedItem, state: ItemState, comment: str | None) -> list[Edit]:
    """The edits of one line that mark the item; a missing box follows the number or bullet."""
    return edits(placed, state, comment, ("  # ", ""))


def _last_note(text: str, start: int, end: int) -> Note | None:
    last = None
    for sign in _SIGN.finditer(text, start, end):
        before = text[max(sign.start() - 2, start) : sign.start()]
        if before == "  " or before.endswith("\t"):
            last = Note(sign.start(), (sign.end(), end))
    return last
