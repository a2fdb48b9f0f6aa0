"""Writes once more into a scratch directory, to see whether they come out the same."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from .._runtime import async_runtime as rt
from .io import AsyncIOManager

Change = Callable[[bytes], bytes]


class Recorded:
    """A change of a file that remembers what it last made of what."""

    def __init__(self, change: Change) -> None:
        self._change = change
        self.before: bytes | None = None
        self.after = b""

    def __call__(self, data: bytes) -> bytes:
        """Make the change."""
        self.before, self.after = data, self._change(data)
        return self.after


class AsyncRehearsal:
    """Each method is a write of files; it returns what the write returns if all is well.

    Otherwise it returns what came out instead.
    """

    async def write(self, path: Path, data: bytes) -> object:
        """Replace a file that is not there."""
        return await self._compared(path.name, None, data, _write(data))

    async def append(self, path: Path, text: str) -> object:
        """Append to a file that is not there."""
        data = text.encode("utf-8", "replace")
        return await self._compared(path.name, None, data, _append(text))

    async def edit(self, path: Path, change: Recorded) -> object:
        """Edit a file that is as the real one was."""
        if change.before is None:
            return False
        found = await self._compared(path.name, change.before, change.after, _edit(change))
        return change.before != change.after if found is None else found

    async def _compared(
        self,
        name: str,
        before: bytes | None,
        after: bytes,
        work: Callable[[AsyncIOManager, Path], rt.Result[object]],
    ) -> object:
        directory = await rt.run_blocking(tempfile.mkdtemp, prefix="codeagent-")
        try:
            file = Path(directory, name)
            if before is not None:
                await rt.write_atomic(file, before)
            await work(AsyncIOManager(), file)
            found = await rt.read_bytes(file)
        finally:
            await rt.run_blocking(shutil.rmtree, directory, ignore_errors=True)
        return None if found == after else found


def _write(data: bytes) -> Callable[[AsyncIOManager, Path], rt.Result[object]]:
    async def work(io: AsyncIOManager, path: Path) -> object:
        await io.write(path, data)
        return None

    return work


def _append(text: str) -> Callable[[AsyncIOManager, Path], rt.Result[object]]:
    async def work(io: AsyncIOManager, path: Path) -> object:
        await io.append(path, text)
        return None

    return work


def _edit(change: Recorded) -> Callable[[AsyncIOManager, Path], rt.Result[object]]:
    async def work(io: AsyncIOManager, path: Path) -> object:
        return await io.edit(path, lambda data: change.after)

    return work
