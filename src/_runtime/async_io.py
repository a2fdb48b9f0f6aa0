"""Files, processes, file watching and signals on asyncio. Twin: ``sync_io``."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import aiofiles
import aiofiles.os

from ..core.report import Signature
from . import children, files
from .inotify import Subscription, WatchTable, WatchUnavailable

R = TypeVar("R")
P = ParamSpec("P")

POLL = 0.25
"""Seconds between two looks at a file where the system cannot watch files."""


async def run_blocking(fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a short blocking function beside the others.

    A cancelled caller hears of it when the function has ended, for it cannot
    be stopped and what it does must not surprise those who come after.
    """
    context = contextvars.copy_context()
    work = functools.partial(context.run, fn, *args, **kwargs)
    return await _finished(asyncio.get_running_loop().run_in_executor(None, work))


async def _finished(future: asyncio.Future[R]) -> R:
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        future.exception()
        raise cancelled
    return future.result()


_read_bytes = aiofiles.os.wrap(files.read_bytes)
_write_atomic = aiofiles.os.wrap(files.write_atomic)
_append = aiofiles.os.wrap(files.append)


async def read_bytes(path: Path) -> bytes:
    """The content of ``path``."""
    return await _finished(asyncio.ensure_future(_read_bytes(path)))


async def write_atomic(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data`` as a whole; see `files.write_atomic`."""
    await _finished(asyncio.ensure_future(_write_atomic(path, data)))


async def append(path: Path, data: bytes) -> None:
    """Append ``data`` to ``path`` in one write."""
    await _finished(asyncio.ensure_future(_append(path, data)))


class AppendFile:
    """A file that grows while something runs, such as an agent's raw output."""

    def __init__(self, file: Any) -> None:
        self._file = file

    async def write(self, data: bytes) -> None:
        """Append ``data``; it has left this process when the call returns."""
        await _finished(asyncio.ensure_future(self._file.write(data)))

    async def __aenter__(self) -> AppendFile:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await _finished(asyncio.ensure_future(self._file.close()))


async def open_append(path: Path) -> AppendFile:
    """Open ``path`` for appending, unbuffered."""
    opened = aiofiles.open(path, "ab", buffering=0)
    return AppendFile(await _finished(asyncio.ensure_future(_entered(opened))))


async def _entered(opened: Any) -> Any:
    return await opened


class ByteStream(asyncio.Protocol):
    """One output of a child: chunks as they come, read one at a time."""

    _HIGH_WATER = 4 * children.CHUNK

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._size = 0
        self._ended = False
        self._paused = False
        self._transport: asyncio.ReadTransport | None = None
        self._ready = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._chunks.append(bytes(data))
        self._size += len(data)
        self._ready.set()
        if self._size > self._HIGH_WATER and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._ready.set()

    async def read(self) -> bytes:
        """The bytes that have come since the last read; b"" at the end of the stream."""
        while not self._chunks and not self._ended:
            self._ready.clear()
            await self._ready.wait()
        data = b"".join(self._chunks)
        self._chunks.clear()
        self._size = 0
        if self._paused and not self._ended and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while data := await self.read():
            yield data

    def close(self) -> None:
        """Read no more; the writer gets a broken pipe."""
        if self._transport is not None:
            self._transport.close()


class Process:
    """A child process and all that it starts, ended together at the latest
    when the block is left."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self._popen = popen
        self._exited = asyncio.Event()
        self._exit_code: int | None = None
        self._watched: int | None = None
        self.pid = popen.pid
        self.started = children.identity(popen.pid)
        self.stdout = ByteStream()
        self.stderr = ByteStream()

    async def __aenter__(self) -> Process:
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: self.stdout, self._popen.stdout)
        await loop.connect_read_pipe(lambda: self.stderr, self._popen.stderr)
        try:
            self._watched = os.pidfd_open(self.pid)
            loop.add_reader(self._watched, self._leader_exited)
        except (AttributeError, OSError):
            self._waiter = loop.run_in_executor(None, self._wait_without_pidfd, loop)
        return self

    async def __aexit__(self, *exc: object) -> None:
        children.signal_group(self.pid, signal.SIGKILL)
        try:
            await _finished(asyncio.ensure_future(self._exited.wait()))
        finally:
            self.stdout.close()
            self.stderr.close()
            self._popen.wait()

    async def wait(self) -> int:
        """Its exit code; negative for the signal that ended it."""
        await self._exited.wait()
        assert self._exit_code is not None  # noqa: S101 - set before the event
        return self._exit_code

    def signal(self, signum: int) -> None:
        """Send ``signum`` to the whole process group."""
        children.signal_group(self.pid, signum)

    def _leader_exited(self) -> None:
        if self._watched is not None:
            asyncio.get_running_loop().remove_reader(self._watched)
            os.close(self._watched)
            self._watched = None
        self._note_exit(children.exit_status(self.pid))

    def _note_exit(self, code: int | None) -> None:
        self._exit_code = code if code is not None else -signal.SIGKILL
        self._exited.set()

    def _wait_without_pidfd(self, loop: asyncio.AbstractEventLoop) -> None:
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        loop.call_soon_threadsafe(self._note_exit, children.exit_status(self.pid))


async def open_process(
    argv: Sequence[str],
    *,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
) -> Process:
    """Start a child; use the result as a block. See `children.spawn`.

    It is spawned beside the loop: uvloop itself would fork on it and stall
    everybody for milliseconds.
    """
    start = functools.partial(children.spawn, argv, cwd=cwd, env=env, stdin=stdin)
    future = asyncio.get_running_loop().run_in_executor(None, start)
    try:
        return Process(await _finished(future))
    except asyncio.CancelledError:
        if future.done() and future.exception() is None:
            _discard(future.result())
        raise


def _discard(popen: subprocess.Popen[bytes]) -> None:
    children.signal_group(popen.pid, signal.SIGKILL)
    with popen:
        pass


class FileWatcher:
    """Watches files for all who wait, on one descriptor."""

    def __init__(self) -> None:
        self._table: WatchTable | None = None

    async def __aenter__(self) -> FileWatcher:
        with contextlib.suppress(WatchUnavailable):
            self._table = WatchTable()
            loop = asyncio.get_running_loop()
            loop.add_reader(self._table.descriptor, self._table.dispatch)
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._table is not None:
            asyncio.get_running_loop().remove_reader(self._table.descriptor)
            self._table.close()

    @property
    def watching(self) -> bool:
        """Whether the system tells of changes; otherwise they are looked for."""
        return self._table is not None

    def watch(self, paths: Iterable[Path]) -> Watch:
        """Wait for changes of ``paths``; their directories may be missing yet."""
        return Watch(self._table, paths)


class Watch:
    """The changes of some files, from the moment the block is entered."""

    def __init__(self, table: WatchTable | None, paths: Iterable[Path]) -> None:
        self._table = table
        self._changed = asyncio.Event()
        self._subscription = Subscription(paths, self._changed.set)
        self._seen: list[Signature | None] = []

    async def __aenter__(self) -> Watch:
        if self._table is not None:
            try:
                self._table.subscribe(self._subscription)
            except WatchUnavailable:
                self._table = None
        if self._table is None:
            self._seen = files.signatures(sorted(self._subscription.paths))
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._table is not None:
            self._table.unsubscribe(self._subscription)

    async def changed(self) -> frozenset[Path]:
        """Wait until some of the files were written, replaced or deleted."""
        if self._table is None:
            return await self._polled()
        await self._changed.wait()
        return self.take()

    def take(self) -> frozenset[Path]:
        """The changes since the last call, perhaps none; does not wait."""
        self._changed.clear()
        changed = frozenset(self._subscription.changed)
        self._subscription.changed.clear()
        return changed

    async def _polled(self) -> frozenset[Path]:
        paths = sorted(self._subscription.paths)
        while True:
            now = files.signatures(paths)
            changed = {p for p, a, b in zip(paths, self._seen, now, strict=True) if a != b}
            self._seen = now
            if changed:
                return frozenset(changed)
            await asyncio.sleep(POLL)


class Signals:
    """The signals that arrive while the block runs, instead of their usual effect."""

    def __init__(self, *signums: int) -> None:
        self._signums = signums
        self._arrived: asyncio.Queue[int] = asyncio.Queue()
        self._handled: list[int] = []

    async def __aenter__(self) -> Signals:
        loop = asyncio.get_running_loop()
        for signum in self._signums:
            with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
                loop.add_signal_handler(signum, self._arrived.put_nowait, signum)
                self._handled.append(signum)
        return self

    async def __aexit__(self, *exc: object) -> None:
        for signum in self._handled:
            asyncio.get_running_loop().remove_signal_handler(signum)

    async def wait(self) -> int:
        """The next signal. Never returns outside the main thread."""
        return await self._arrived.get()
