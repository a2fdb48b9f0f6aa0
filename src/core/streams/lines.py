"""Bytes to lines, however the chunks were cut."""

from __future__ import annotations

from itertools import islice
from typing import Final

MAX_LINE: Final = 64 * 1024 * 1024
"""The longest line that is kept, in bytes, without its line feed."""


class LineSplitter:
    r"""Collects chunks and gives out whole lines.

    A line ends with ``\n``; one ``\r`` before it belongs to the end.  A line
    longer than ``limit`` bytes is dropped as a whole and counted in
    ``overlong``; what follows it is not affected, and no more than ``limit``
    bytes are ever held.  The time is linear in the bytes fed, whether they come
    one by one or in chunks larger than a line.
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
                    self.overlong += 1
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
            self._held = bytearray()
        else:
            self._held += piece

    def _release(self, lines: list[bytes]) -> None:
        if self._dropping:
            self._dropping = False
            self.overlong += 1
        else:
            lines.append(bytes(self._held).removesuffix(b"\r"))
            self._held = bytearray()
