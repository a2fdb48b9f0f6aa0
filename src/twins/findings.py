"""What the lint reports, and how one line is excused from it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_IGNORE = re.compile(r"#\s*twins:\s*ignore\[([A-Z0-9,\s]+)\]")

CODES = {
    "TW101": "a coroutine function is called without await",
    "TW102": "coroutine objects are collected in a container",
    "TW103": "an object is awaited instead of a call",
    "TW104": "something is taken from an awaited value in one expression",
    "TW105": "an f-string holds what conversion would have to change",
    "TW106": "__await__ is defined",
    "TW107": "the task may be suspended while it holds a state lock",
    "TW108": "a value is asked at run time whether it can be awaited",
    "TW201": "a string equals a renamed name or begins with the prefix",
    "TW202": "a dotted string names the async package",
    "TW203": "two names become one",
    "TW301": "a banned module or function is imported",
    "TW302": "CancelledError is named",
    "TW303": "Awaitable or Coroutine is named in an annotation",
    "TW304": "AsyncGenerator is taken from typing",
    "TW401": "the twin would still speak of async things",
    "TW402": "a file that is not Python has no twin",
    "TW403": "a configured rename is used nowhere",
}


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One line of a source whose twin would be wrong, and what to write instead."""

    path: str
    line: int
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.code} {self.message}"


def without_ignored(findings: Iterable[Finding], text: str) -> Iterator[Finding]:
    """Leave out what a ``# twins: ignore[CODE]`` comment on the same line silences."""
    lines = text.split("\n")
    for finding in findings:
        match = _IGNORE.search(lines[finding.line - 1])
        if match is None or finding.code not in re.split(r"[,\s]+", match[1]):
            yield finding
