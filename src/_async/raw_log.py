"""The file of an agent's raw output."""

from __future__ import annotations

from contextlib import suppress
from io import FileIO
from pathlib import Path

from .._runtime import async_runtime as rt
from .._runtime.files import open_append

LONGEST = 1 << 30
"""Bytes that are kept of one run, so that no agent can fill the disk."""


class AsyncRawLog:
    """Grows while an agent runs.

    The thread that starts the agent opens it, before the store writes that there is
    an agent: a file is not created until what is being written is on the disk.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: list[FileIO] = []  # to pop is one step
        self._room = LONGEST

    def open(self) -> None:
        """Open it on this thread; where that fails, `take` tries again and tells why."""
        with suppress(OSError):
            self._opened.append(open_append(self._path))

    def close(self) -> None:
        """Close what was opened and not taken."""
        while self._opened:
            self._opened.pop().close()

    async def take(self) -> rt.AppendFile:
        """The file to `write` to; use it as a block. Raises `OSError`."""
        if self._opened:
            return rt.AppendFile.of(self._opened.pop())
        return await rt.open_append(self._path)

    async def write(self, file: rt.AppendFile, data: bytes) -> None:
        """Append what there is room for."""
        if self._room > 0:
            await file.write(data[: self._room])
        self._room -= len(data)
