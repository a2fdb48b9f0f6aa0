"""Task lists in Markdown: ``- [ ] text <!-- comment -->``.

Bullets are ``-``, ``*``, ``+``, ``1.`` and ``1)``, also within quotes.  What
stands in fenced code or in an HTML comment is no task, as in CommonMark 0.31
(sections 4.5 and 4.6); so are headings, prose and bullets without a box.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .lines import BOX, BULLET, Note, PlacedItem, edits, level_of, place
from .model import ItemState, Problem
from .source import Edit, line_spans

_QUOTE = r"(?P<quote>(?:[ \t]*>)*+)"
_TASK = re.compile(rf"{_QUOTE}(?P<indent>[ \t]*)(?:{BULLET})*?{BULLET}{BOX}")
_FENCE = re.compile(rf"{_QUOTE}[ \t]*(?:{BULLET})*+(?P<fence>`{{3,}}(?!.*`)|~{{3,}})")
_FENCE_END = re.compile(rf"{_QUOTE}[ \t]*(?P<fence>`{{3,}}|~{{3,}})[ \t]*")
_COMMENT = re.compile(rf"{_QUOTE}[ \t]*<!--")
_QUOTED = re.compile(_QUOTE)


@dataclass(frozen=True, slots=True)
class _Fence:
    marks: str
    depth: int
    line: int


def read(text: str) -> tuple[list[PlacedItem], list[Problem]]:
    """All items of a Markdown text with the places of their parts."""
    placed: list[PlacedItem] = []
    problems: list[Problem] = []
    fence: _Fence | None = None
    comment: int | None = None
    spans = list(line_spans(text))
    for number, (start, end) in enumerate(spans):
        if comment is not None:
            comment = None if text.find("-->", start, end) >= 0 else comment
            continue
        if fence and _depth(text, start, end) >= fence.depth:
            fence = None if _closes(fence, text, start, end) else fence
            continue
        fence = None
        if task := _TASK.match(text, start, end):
            item = place(
                text,
                line=number,
                level=_level(task),
                box=task.start("box"),
                body=task.end(),
                end=_content_end(text, spans, number),
                last_note=_last_note,
                problems=problems,
            )
            if item:
                placed.append(item)
        elif opened := _FENCE.match(text, start, end):
            fence = _Fence(opened["fence"], opened["quote"].count(">"), number)
        elif (begun := _COMMENT.match(text, start, end)) and (
            text.find("-->", begun.end() - 2, end) < 0
        ):
            comment = number
    if comment is not None:
        problems.append(_unclosed(comment, "HTML comment", "-->"))
    elif fence:
        problems.append(_unclosed(fence.line, "code block", fence.marks[:3]))
    return placed, problems


def mark(placed: PlacedItem, state: ItemState, comment: str | None) -> list[Edit]:
    """The edits of one line that mark the item."""
    return edits(placed, state, comment, (" <!-- ", " -->"))


def harmless(comment: str) -> str:
    """``comment`` without what would begin or end an HTML comment."""
    return comment.replace("-->", "-- >").replace("--!>", "--! >").replace("<!--", "<! --")


def _level(task: re.Match[str]) -> int:
    indent = task["indent"]
    return level_of(indent.removeprefix(" ") if task["quote"] else indent)


def _depth(text: str, start: int, end: int) -> int:
    quote = _QUOTED.match(text, start, end)
    return quote[0].count(">") if quote else 0


def _closes(fence: _Fence, text: str, start: int, end: int) -> bool:
    found = _FENCE_END.fullmatch(text, start, end)
    return found is not None and found["fence"].startswith(fence.marks)


def _content_end(text: str, spans: list[tuple[int, int]], number: int) -> int:
    """Where the content of an item ends: before a comment that goes on below it."""
    start, end = spans[number]
    opening = text.rfind("<!--", start, end)
    if opening < 0 or text.find("-->", opening + 2, end) >= 0:
        return end
    for index in range(number + 1, len(spans)):
        below = spans[index]
        if not text[slice(*below)].strip() or _TASK.match(text, *below):
            break
        if _COMMENT.match(text, *below) or _FENCE.match(text, *below):
            break
        if text.find("-->", *below) >= 0:
            return opening
    return end


def _last_note(text: str, start: int, end: int) -> Note | None:
    closing = end - len("-->")
    opening = text.rfind("<!--", start, max(closing, start))
    if opening < 0 or text.find("-->", opening + 2, end) != closing:
        return None
    return Note(opening, (opening + len("<!--"), closing))


def _unclosed(line: int, what: str, closing: str) -> Problem:
    return Problem(line, f"this {what} is never closed with {closing}: no task below it is read")
