"""Blocking calls and whole-file operations on asyncio. Twin: ``sync_files``."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from io import FileIO
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Generic, ParamSpec, TypeVar
from weakref import WeakKeyDictionary, ref

from . import files

R = TypeVar("R")
P = ParamSpec("P")

_PIPE = 1 << 16  # bytes that a pipe holds on Linux; what is left is read the next time


async def finished(future: asyncio.Future[R]) -> R:
    """The result of ``future``, which a cancelled caller waits for as well."""
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    result = future.result()
    if cancelled is not None:
        raise cancelled
    return result


class _Call(asyncio.Future[None], Generic[R]):
    """A function for a thread, and its result; it cannot be cancelled once it has begun.

    A task that is cancelled while it awaits something that cannot be hears of it when
    that is there: `asyncio.Task.cancel`.  The result is beside the future, which the loop
    keeps until the caller waits again: a large one would still be there while the next is
    made.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, fn: Callable[[], R]) -> None:
        super().__init__(loop=loop)
        self._context = contextvars.copy_context()
        self._unclaimed = [fn]  # to pop it is one step: either the thread does, or `cancel`
        self._results: list[R] = []

    def cancel(self, msg: Any | None = None) -> bool:
        """Whether it will never begin."""
        try:
            self._unclaimed.pop()
        except IndexError:
            return False
        return super().cancel(msg)

    def __call__(self) -> Callable[[], object]:
        """Run the function; what is returned tells the future, on its loop."""
        try:
            fn = self._unclaimed.pop()
        except IndexError:
            return _nothing
        try:
            self._results.append(self._context.run(fn))
        except StopIteration as error:  # no future takes one; a coroutine does the same: PEP 479
            raised = RuntimeError(f"{fn} raised StopIteration")
            raised.__cause__ = error
            return partial(self.set_exception, raised)
        except BaseException as error:
            return partial(self.set_exception, error)
        return partial(self.set_result, None)

    def take(self) -> R:
        """The function's result, once, after it has ended."""
        return self._results.pop()


def _nothing() -> None:
    """Nobody waits."""


class Threads:
    """Threads that run calls from ``loop``, begun when they are needed.

    `concurrent.futures` pairs every call with a future, a lock and a semaphore of its
    own, which takes as long again as to go to a thread and back.  The loop hears of what
    has ended through a pipe: that skips its queue for other threads and the turn that is
    spent on it, and Linux likes to wake who waits for a pipe on the processor that has
    written to it, which need not be woken first.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, number: int) -> None:
        self._number = number
        self._calls: SimpleQueue[Callable[[], Callable[[], object]] | None] = SimpleQueue()
        self._ended: deque[Callable[[], object]] = deque()
        self._idle: deque[None] = deque()  # one step to add to and to take from
        self._threads: list[threading.Thread] = []
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        loop.add_reader(self._reader, self._tell)
        self._loop = ref(loop)  # a strong one would keep it in `_threads` for ever

    def submit(self, call: Callable[[], Callable[[], object]]) -> None:
        """Have a thread run ``call``, and the loop what it returns. Neither may raise."""
        self._calls.put(call)
        try:
            self._idle.pop()
        except IndexError:
            if len(self._threads) < self._number:
                thread = threading.Thread(target=self._work, name="io", daemon=True)
                thread.start()
                self._threads.append(thread)

    def close(self) -> None:
        """Wait until all that was submitted has ended; the loop hears no more of it."""
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads:
            thread.join()
        loop = self._loop()
        if loop is not None and not loop.is_closed():
            loop.remove_reader(self._reader)
        os.close(self._reader)
        os.close(self._writer)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            tell = call()
            self._idle.append(None)  # first, for the loop may have the next call at once
            self._ended.append(tell)
            del call, tell  # an idle thread must not keep the last result alive
            with contextlib.suppress(BlockingIOError):  # a full pipe wakes the loop, too
                os.write(self._writer, b"\0")

    def _tell(self) -> None:
        os.read(self._reader, _PIPE)  # first: what ends later writes once more
        while self._ended:
            self._ended.popleft()()


_threads: WeakKeyDictionary[asyncio.AbstractEventLoop, Threads] = WeakKeyDictionary()


def use_threads(loop: asyncio.AbstractEventLoop, threads: Threads) -> None:
    """Have blocking calls from ``loop`` run on ``threads``."""
    _threads[loop] = threads


async def run_blocking(fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a short blocking function beside the others.

    A cancelled caller hears of it when the function has ended, for it cannot
    be stopped and what it does must not surprise those who come after.
    """
    loop = asyncio.get_running_loop()
    call = _Call(loop, partial(fn, *args, **kwargs) if args or kwargs else fn)
    threads = _threads.get(loop)
    if threads is None:  # somebody else's loop
        _paired = loop.run_in_executor(None, lambda: loop.call_soon_threadsafe(call()))
    else:
        threads.submit(call)
    try:
        await call
    except asyncio.CancelledError:
        if not call.cancelled() and (error := call.exception()) is not None:
            raise error from None
        raise
    return call.take()


async def read_bytes(path: Path) -> bytes:
    """The content of ``path``."""
    return await run_blocking(files.read_bytes, path)


async def write_atomic(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data`` as a whole; see `files.write_atomic`."""
    await run_blocking(files.write_atomic, path, data)


async def append(path: Path, data: bytes) -> None:
    """Append ``data`` to ``path`` in one write."""
    await run_blocking(files.append, path, data)


class AppendFile:
    """A file that grows while something runs, such as an agent's raw output."""

    def __init__(self, descriptor: int, close: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._descriptor = descriptor
        self._close = close

    @classmethod
    def of(cls, file: FileIO) -> AppendFile:
        """``file``, opened by `files.open_append`; use the result as a block."""
        return cls(file.fileno(), partial(run_blocking, file.close))

    async def write(self, data: bytes) -> None:
        """Append ``data``; it has left this process when the call returns."""
        await run_blocking(files.write_all, self._descriptor, data)

    async def __aenter__(self) -> AppendFile:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        await finished(asyncio.ensure_future(self._close()))


async def open_append(path: Path) -> AppendFile:
    """Open ``path`` for appending, unbuffered; use the result as a block.

    A missing directory is made.
    """
    import aiofiles  # takes as long to load as an agent to start

    opening = asyncio.ensure_future(
        aiofiles.open(path, "ab", buffering=0, opener=files.open_in_its_directory)
    )
    try:
        file = await finished(opening)
    except asyncio.CancelledError:
        if not opening.cancelled():
            await finished(asyncio.ensure_future(opening.result().close()))
        raise
    return AppendFile(file.fileno(), file.close)
