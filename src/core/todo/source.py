"""From bytes to text and back without losing a byte."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .model import Problem

_BREAK = re.compile(r"\r\n|\r|\n")
_UNDECODABLE = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the characters from ``start`` up to ``end`` with ``text``."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a list, in which every offset is good for an edit.

    Bytes that no encoding explains stand in ``text`` as U+FFFD and in ``_raw``
    as lone surrogates, so that they are written back as they were.
    """

    text: str
    encoding: str
    problems: tuple[Problem, ...]
    _raw: str

    @classmethod
    def of(cls, data: bytes) -> Source:
        """Decode as UTF-8 (with or without a byte order mark), else as Windows-1251."""
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            problem = Problem(0, "the file is UTF-16: nothing is read; save it as UTF-8")
            return cls("", "utf-16", (problem,), "")
        marked = data.startswith(codecs.BOM_UTF8)
        for encoding in ("utf-8-sig",) if marked else ("utf-8", "cp1251"):
            try:
                text = data.decode(encoding)
            except UnicodeDecodeError:
                continue
            return cls(text, encoding, (), text)
        encoding = "utf-8-sig" if marked else "utf-8"
        raw = data.decode(encoding, "surrogateescape")
        bad = _UNDECODABLE.search(raw)
        line = line_number(raw, bad.start()) if bad else 0
        problem = Problem(line, "some bytes are not UTF-8: they show as \ufffd; save it as UTF-8")
        return cls(_UNDECODABLE.sub("\ufffd", raw), encoding, (problem,), raw)

    def edited(self, edits: Iterable[Edit]) -> bytes:
        """The bytes with ``edits`` applied, which must not overlap.

        Insertions at one offset stand in the order in which they are given.
        """
        parts: list[str] = []
        at = 0
        for edit in sorted(edits, key=lambda edit: edit.start):
            parts += self._raw[at : edit.start], edit.text
            at = edit.end
        parts.append(self._raw[at:])
        return "".join(parts).encode(self.encoding, "surrogateescape")

    def encodable(self, text: str) -> str:
        """``text`` with what the encoding lacks replaced by ``?``."""
        codec = "cp1251" if self.encoding == "cp1251" else "utf-8"
        return text.encode(codec, "replace").decode(codec)


def line_spans(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of every line, without its line break."""
    start = 0
    for found in _BREAK.finditer(text):
        yield start, found.start()
        start = found.end()
    yield start, len(text)


def line_number(text: str, offset: int) -> int:
    """The 0-based line on which ``offset`` lies."""
    return sum(1 for _ in _BREAK.finditer(text, 0, offset))


def line_end(text: str, offset: int) -> tuple[int, str]:
    """Where the line around ``offset`` ends, and the line break used there.

    The last line, which has none, is given the first line break of the text.
    """
    found = _BREAK.search(text, offset)
    if found:
        return found.start(), found[0]
    first = _BREAK.search(text)
    return len(text), first[0] if first else "\n"
