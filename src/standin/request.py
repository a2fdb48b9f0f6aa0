"""What a prompt asks for: the task, the report, the phrase, the misbehaviour."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final, NamedTuple

_MARKER: Final = re.compile(r"\[standin:([^\]\n]*)\]", re.IGNORECASE)
_TASK: Final = re.compile(r"^\s*(?:\*\*)?(?:task|задача)(?:\*\*)?:(?:\*\*)?\s*(\S.*)$", re.I | re.M)
_REPORT: Final = re.compile(r"write your report to the file (\S+\.md)\b", re.IGNORECASE)
_PHRASE: Final = re.compile(r"must end with this line[^\n]*:\s*\n\s*(\S.*)", re.IGNORECASE)
_FILE: Final = re.compile(r"(?<![\w./\\~:-])[\w.-]+(?:/[\w.-]+)*\.md\b")
_ABOUT_REPORT: Final = re.compile(r"report|result|отч[её]т|результат", re.IGNORECASE)
_QUOTED: Final = re.compile(r"\"([^\"\n]+!)\"|'([^'\n]+!)'|«([^»\n]+!)»|“([^”\n]+!)”|`([^`\n]+!)`")
_SENTENCE: Final = re.compile(r"[^.!?:\n]+[.!?:\n]?")


class Request(NamedTuple):
    """``report`` is relative to the working directory; both it and the phrase may be absent."""

    task: str
    report: str | None
    phrase: str | None
    markers: tuple[str, ...]
    prompt: str = ""


def parse(prompt: str) -> Request:
    """Read a prompt as an agent would: the plain sentences first, then good guesses."""
    markers = tuple(match[1] for match in _MARKER.finditer(prompt))
    text = _MARKER.sub("", prompt)
    return Request(_task(text), _report(text), _phrase(text), markers, text)


def slug(task: str) -> str:
    """A short file name for a task, the same one every time."""
    words = re.findall(r"[^\W_]+", task.lower())
    return "-".join(words)[:40].strip("-") or "task"


def _task(text: str) -> str:
    if match := _TASK.search(text):
        return match[1].strip()
    return next((line.strip() for line in text.splitlines() if line.strip()), "task")


def _report(text: str) -> str | None:
    # The text of the task stands before the sentences of the template, so the
    # last match is the template's own.
    stated = [match[1] for match in _REPORT.finditer(text)]
    if stated:
        return stated[-1] if _inside(stated[-1]) else None
    best: str | None = None
    best_score = 0
    for line in text.splitlines():
        for match in _FILE.finditer(line):
            path = match[0]
            score = 1 + 2 * bool(_ABOUT_REPORT.search(line.replace(path, "")))
            score += path.startswith(("docs/results/", "docs/reviews/"))
            if _inside(path) and score >= best_score:
                best, best_score = path, score
    return best


def _phrase(text: str) -> str | None:
    stated = [match[1].strip() for match in _PHRASE.finditer(text)]
    quoted = [match[match.lastindex or 0] for match in _QUOTED.finditer(text)]
    sentences = [match[0].strip() for match in _SENTENCE.finditer(text)]
    exclaimed = [sentence for sentence in sentences if sentence.endswith("!") and sentence != "!"]
    return next((found[-1] for found in (stated, quoted, exclaimed) if found), None)


def _inside(path: str) -> bool:
    pure = PurePosixPath(path)
    return not pure.is_absolute() and ".." not in pure.parts
