"""Child processes on asyncio. Twin: ``sync_process``."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from types import TracebackType
from typing import IO

from . import children
from .async_files import finished, run_blocking


class ByteStream:
    """One output of a child: chunks as they come, read by one task at a time.

    What nobody reads stays in the pipe, which holds the child up when it is full.
    """

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._waiter: asyncio.Future[None] | None = None
        self._flooded = False

    async def read(self) -> bytes:
        """The bytes that have come since the last read; b"" at the end of the stream."""
        if self._waiter is not None:
            raise RuntimeError("another task reads this output")
        if self._flooded:
            await asyncio.sleep(0)  # a child that never pauses must not keep all others waiting
        self._flooded = True
        while not self._pipe.closed:
            try:
                return os.read(self._pipe.fileno(), children.CHUNK)
            except BlockingIOError:
                self._flooded = False
                await self._readable(self._pipe.fileno())
        return b""

    async def _readable(self, descriptor: int) -> None:
        loop = asyncio.get_running_loop()
        self._waiter = waiter = loop.create_future()
        loop.add_reader(descriptor, _wake, waiter)
        try:
            await waiter
        finally:
            self._waiter = None
            if not self._pipe.closed:
                loop.remove_reader(descriptor)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if data := await self.read():
            return data
        raise StopAsyncIteration

    def close(self) -> None:
        """Read no more; the writer gets a broken pipe, a reader the end of the stream."""
        if self._waiter is not None:
            self._waiter.get_loop().remove_reader(self._pipe.fileno())
            _wake(self._waiter)
        self._pipe.close()


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


class Process:
    """A child process and all that it starts, ended together at the latest
    when the block is left.

    ``started`` tells it from a later process with the same ``pid``; see
    `identity`.
    """

    def __init__(self, popen: subprocess.Popen[bytes], started: str) -> None:
        assert popen.stdout is not None  # noqa: S101 - `spawn` asked for both
        assert popen.stderr is not None  # noqa: S101
        self._popen = popen
        self._exited = asyncio.Event()
        self._exit_code: int | None = None
        self._watched: int | None = None
        self._reaped = False
        self.pid = popen.pid
        self.started = started
        self.stdout = ByteStream(popen.stdout)
        self.stderr = ByteStream(popen.stderr)

    async def __aenter__(self) -> Process:
        try:
            self._watch_exit(asyncio.get_running_loop())
        except BaseException:
            await finished(asyncio.ensure_future(run_blocking(children.discard, self._popen)))
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.signal(signal.SIGKILL)
        try:
            if not self._exited.is_set():
                await finished(asyncio.ensure_future(self._exited.wait()))
        finally:
            self.stdout.close()
            self.stderr.close()
            self._reaped = True
            self._popen.wait()

    async def wait(self) -> int:
        """Its exit code; negative for the signal that ended it."""
        await self._exited.wait()
        assert self._exit_code is not None  # noqa: S101 - set before the event
        return self._exit_code

    def signal(self, signum: int) -> None:
        """Send ``signum`` to the whole process group."""
        if not self._reaped:  # afterwards the number may be somebody else's
            children.signal_group(self.pid, signum)

    def _watch_exit(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            self._watched = os.pidfd_open(self.pid)
        except (AttributeError, OSError):  # not Linux, or out of descriptors
            threading.Thread(target=self._wait_beside, args=(loop,), daemon=True).start()
        else:
            try:
                loop.add_reader(self._watched, self._leader_exited)
            except BaseException:
                os.close(self._watched)
                raise

    def _leader_exited(self) -> None:
        if self._watched is not None:
            asyncio.get_running_loop().remove_reader(self._watched)
            os.close(self._watched)
            self._watched = None
        self._note_exit(children.exit_status(self.pid))

    def _note_exit(self, code: int | None) -> None:
        self._exit_code = -signal.SIGKILL if code is None else code
        self._exited.set()

    def _wait_beside(self, loop: asyncio.AbstractEventLoop) -> None:
        children.wait_unreaped(self.pid)
        with contextlib.suppress(RuntimeError):  # the loop is gone
            loop.call_soon_threadsafe(self._note_exit, children.exit_status(self.pid))


async def open_process(
    argv: Sequence[str],
    *,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    spawned: Callable[[int, str], object] | None = None,
) -> Process:
    """Start a child; use the result as a block. See `children.spawn`.

    ``spawned`` is told of its id and `identity` as soon as it is there, on
    whichever thread that is.  It is spawned beside the loop: uvloop itself would
    fork on it and stall everybody for milliseconds.
    """
    begun: list[tuple[subprocess.Popen[bytes], str]] = []

    def begin() -> None:
        begun.append(children.begin(argv, cwd=cwd, env=env, stdin=stdin, spawned=spawned))

    try:
        await run_blocking(begin)
    except asyncio.CancelledError:
        for popen, _ in begun:
            await finished(asyncio.ensure_future(run_blocking(children.discard, popen)))
        raise
    return Process(*begun[0])
