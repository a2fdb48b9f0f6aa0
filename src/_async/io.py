"""Files, as everybody in the server uses them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType

from .._runtime import async_runtime as rt
from .._runtime import files
from ..core.report import Signature
from .locks import AsyncLockManager

READS = 2
"""Whole files that are read at once.  What lies in memory is copied no faster by more:
ten reads of 1 MB on eight threads take six times as long as on two, since their
buffers come from everywhere and are given back to the system every time."""


class AsyncIOManager:
    """Whole-file operations and file watching.

    Writers of one file take turns; readers never see half a file.
    """

    def __init__(self) -> None:
        self._locks = AsyncLockManager()
        self._reading = rt.Semaphore(READS)
        self._watcher = rt.FileWatcher()

    async def __aenter__(self) -> AsyncIOManager:
        await self._watcher.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        await self._watcher.__aexit__(exc_type, exc, tb)

    @property
    def watching(self) -> bool:
        """Whether the system tells of changed files; otherwise they are looked for."""
        return self._watcher.watching

    def watch(self, paths: Iterable[Path]) -> rt.Watch:
        """A block in which changes of ``paths`` can be waited for."""
        return self._watcher.watch(paths)

    @asynccontextmanager
    async def undisturbed(self, directory: Path) -> AsyncGenerator[None]:
        """A block during which nobody here replaces the files of a checkout as a whole."""
        async with self._locks.hold(str(directory)):
            yield

    async def read(self, path: Path) -> bytes | None:
        """The content of ``path``, None where there is no such file. Raises `OSError`."""
        async with self._reading:
            return await rt.run_blocking(files.read_or_none, path)

    async def snapshot(self, path: Path, limit: int) -> files.Snapshot | None:
        """The content of ``path`` with what tells whether it is whole."""
        return await rt.run_blocking(files.snapshot, path, limit)

    async def look(
        self,
        paths: Sequence[Path],
        limit: int,
        wanted: Callable[[Path, Signature], bool],
        *,
        told: bool = False,
    ) -> list[files.Look]:
        """The signature of each file, and the content of those that are ``wanted``.

        What the system has just ``told`` of is in its memory, most likely: then nobody is
        sent to look, unless it would have to be waited for.
        """
        if told:
            with suppress(BlockingIOError):
                return files.look(list(paths), limit, wanted, wait=False)
        return await rt.run_blocking(files.look, list(paths), limit, wanted)

    async def signatures(self, paths: Sequence[Path]) -> list[Signature | None]:
        """What tells the present state of each file from a later one."""
        return await rt.run_blocking(files.signatures, list(paths))

    async def write(self, path: Path, data: bytes) -> None:
        """Replace ``path`` as a whole, durably. Raises `OSError`."""
        async with self._locks.hold(str(path)):
            await rt.write_atomic(path, data)

    async def append(self, path: Path, text: str) -> None:
        """Append ``text`` in one write. Raises `OSError`."""
        async with self._locks.hold(str(path)):
            await rt.append(path, text.encode("utf-8", "replace"))

    async def edit(self, path: Path, change: Callable[[bytes], bytes]) -> bool:
        """Replace ``path`` by what ``change`` makes of its newest content.

        Returns whether anything changed.  Raises `OSError`, and what ``change`` raises.
        """
        async with self._locks.hold(str(path)):
            return await rt.run_blocking(files.edit, path, change)

    async def make_directories(self, paths: Iterable[Path]) -> None:
        """Create what is missing. Raises `OSError`."""
        await rt.run_blocking(files.make_directories, list(paths))

    async def remove(self, paths: Iterable[Path]) -> None:
        """Delete files; those that are gone already do not matter. Raises `OSError`."""
        await rt.run_blocking(files.remove, list(paths))
