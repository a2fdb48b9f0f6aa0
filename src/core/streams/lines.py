"""Bytes to lines, however the chunks were cut."""

from __future__ import annotations

from itertools import islice
from typing import Final

MAX_LINE: Final = 8 * 1024 * 1024
"""The longest line that is kept, in bytes, without its line feed."""

BEGINNING: Final = 64 * 1024
"""How much is kept of a longer one, in bytes."""


class Cut(bytes):
    """The beginning of a line that was too long to be kept."""


class LineSplitter:
    r"""Collects chunks and gives out whole lines.

    A line ends with ``\n``; one ``\r`` before it belongs to the end.  Of a line
    longer than ``limit`` bytes only the beginning is given out, as `Cut`, and it
    is counted in ``overlong``; what follows it is not affected, and no more than
    ``limit`` bytes are ever held.  The time is linear in the bytes fed, whether
    they come one by one or in chunks larger than a line.
    """

    __slots__ = ("_dropping", "_held", "_limit", "overlong")

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._limit = limit
        self._held = bytearray()
        self._dropping = False
        self.overlong = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Take a chunk and return the lines that it completes, without their ends."""
        pieces = data.split(b"\n")
        tail = pieces.pop()
        lines: list[bytes] = []
        if pieces:
            self._hold(pieces[0])
            self._release(lines)
            for piece in islice(pieces, 1, None):
                if len(piece) > self._limit:
                    lines.append(self._cut(piece))
                else:
                    lines.append(piece.removesuffix(b"\r"))
        self._hold(tail)
        return lines

    def close(self) -> list[bytes]:
        """Return the last line if the stream ended without a line feed."""
        lines: list[bytes] = []
        if self._held or self._dropping:
            self._release(lines)
        return lines

    def _hold(self, piece: bytes) -> None:
        if self._dropping:
            return
        if len(self._held) + len(piece) > self._limit:
            self._dropping = True
            room = max(0, min(BEGINNING, self._limit) - len(self._held))
            self._held += piece[:room]
            self._held = self._held[:BEGINNING]
        else:
            self._held += piece

    def _release(self, lines: list[bytes]) -> None:
        if self._dropping:
            self._dropping = False
            lines.append(self._cut(bytes(self._held)))
        else:
            lines.append(bytes(self._held).removesuffix(b"\r"))
        self._held = bytearray()

    def _cut(self, line: bytes) -> Cut:
        self.overlong += 1
        return Cut(line[: min(BEGINNING, self._limit)])
