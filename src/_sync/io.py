# Generated from src/_async/io.py. Do not edit.
"""Files, as everybody in the server uses them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from .._runtime import files
from .._runtime import sync_runtime as rt
from ..core.report import Signature
from .locks import LockManager

READS = 2
"""Whole files that are read at once.  What lies in memory is copied no faster by more:
ten reads of 1 MB on eight threads take six times as long as on two, since their
buffers come from everywhere and are given back to the system every time."""


class IOManager:
    """Whole-file operations and file watching.

    Writers of one file take turns; readers never see half a file.
    """

    def __init__(self) -> None:
        self._locks = LockManager()
        self._reading = rt.Semaphore(READS)
        self._watcher = rt.FileWatcher()

    def __enter__(self) -> IOManager:
        self._watcher.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._watcher.__exit__(exc_type, exc, tb)

    @property
    def watching(self) -> bool:
        """Whether the system tells of changed files; otherwise they are looked for."""
        return self._watcher.watching

    def watch(self, paths: Iterable[Path]) -> rt.Watch:
        """A block in which changes of ``paths`` can be waited for."""
        return self._watcher.watch(paths)

    @contextmanager
    def undisturbed(self, directory: Path) -> Generator[None]:
        """A block during which nobody here replaces the files of a checkout as a whole."""
        with self._locks.hold(str(directory)):
            yield

    def read(self, path: Path) -> bytes | None:
        """The content of ``path``, None where there is no such file. Raises `OSError`."""
        with self._reading:
            return rt.run_blocking(files.read_or_none, path)

    def snapshot(self, path: Path, limit: int) -> files.Snapshot | None:
        """The content of ``path`` with what tells whether it is whole."""
        return rt.run_blocking(files.snapshot, path, limit)

    def look(
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
        return rt.run_blocking(files.look, list(paths), limit, wanted)

    def signatures(self, paths: Sequence[Path]) -> list[Signature | None]:
        """What tells the present state of each file from a later one."""
        return rt.run_blocking(files.signatures, list(paths))

    def write(self, path: Path, data: bytes) -> None:
        """Replace ``path`` as a whole, durably. Raises `OSError`."""
        with self._locks.hold(str(path)):
            rt.write_atomic(path, data)

    def append(self, path: Path, text: str) -> None:
        """Append ``text`` in one write. Raises `OSError`."""
        with self._locks.hold(str(path)):
            rt.append(path, text.encode("utf-8", "replace"))

    def edit(self, path: Path, change: Callable[[bytes], bytes]) -> bool:
        """Replace ``path`` by what ``change`` makes of its newest content.

        Returns whether anything changed.  Raises `OSError`, and what ``change`` raises.
        """
        with self._locks.hold(str(path)):
            return rt.run_blocking(files.edit, path, change)

    def make_directories(self, paths: Iterable[Path]) -> None:
        """Create what is missing. Raises `OSError`."""
        rt.run_blocking(files.make_directories, list(paths))

    def remove(self, paths: Iterable[Path]) -> None:
        """Delete files; those that are gone already do not matter. Raises `OSError`."""
        rt.run_blocking(files.remove, list(paths))
