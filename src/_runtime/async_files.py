"""Blocking calls and whole-file operations on asyncio. Twin: ``sync_files``."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import aiofiles

from . import files

R = TypeVar("R")
P = ParamSpec("P")


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


class _Call(asyncio.Future[R]):
    """A function for a thread, and its result; it cannot be cancelled once it has begun.

    A task that is cancelled while it awaits something that cannot be hears of it when
    that is there: `asyncio.Task.cancel`.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, fn: Callable[[], R]) -> None:
        super().__init__(loop=loop)
        self._context = contextvars.copy_context()
        self._unclaimed = [fn]  # to pop it is one step: either the thread does, or `cancel`

    def cancel(self, msg: Any | None = None) -> bool:
        """Whether it will never begin."""
        try:
            self._unclaimed.pop()
        except IndexError:
            return False
        return super().cancel(msg)

    def __call__(self) -> None:
        try:
            fn = self._unclaimed.pop()
        except IndexError:
            return
        loop = self.get_loop()
        try:
            result = self._context.run(fn)
        except BaseException as error:
            loop.call_soon_threadsafe(self.set_exception, error)
        else:
            loop.call_soon_threadsafe(self.set_result, result)


_threads: WeakKeyDictionary[asyncio.AbstractEventLoop, ThreadPoolExecutor] = WeakKeyDictionary()


def use_threads(loop: asyncio.AbstractEventLoop, executor: ThreadPoolExecutor) -> None:
    """Have blocking calls from ``loop`` run on ``executor``, which is its default from now on."""
    loop.set_default_executor(executor)
    _threads[loop] = executor


async def run_blocking(fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a short blocking function beside the others.

    A cancelled caller hears of it when the function has ended, for it cannot
    be stopped and what it does must not surprise those who come after.
    """
    loop = asyncio.get_running_loop()
    call = _Call(loop, partial(fn, *args, **kwargs) if args or kwargs else fn)
    # The loop's own way to its threads takes half as long again: it pairs two futures.
    executor = _threads.get(loop)
    if executor is None:
        _paired = loop.run_in_executor(None, call)
    else:
        executor.submit(call)
    try:
        return await call
    except asyncio.CancelledError:
        if not call.cancelled() and (error := call.exception()) is not None:
            raise error from None
        raise


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

    def __init__(self, file: Any) -> None:
        self._file = file

    async def write(self, data: bytes) -> None:
        """Append ``data``; it has left this process when the call returns."""
        rest = memoryview(data)
        while rest:
            rest = rest[await finished(asyncio.ensure_future(self._file.write(rest))) :]

    async def __aenter__(self) -> AppendFile:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        await finished(asyncio.ensure_future(self._file.close()))


async def open_append(path: Path) -> AppendFile:
    """Open ``path`` for appending, unbuffered; use the result as a block.

    A missing directory is made.
    """
    opening = asyncio.ensure_future(
        aiofiles.open(path, "ab", buffering=0, opener=files.open_in_its_directory)
    )
    try:
        return AppendFile(await finished(opening))
    except asyncio.CancelledError:
        if not opening.cancelled():
            await finished(asyncio.ensure_future(opening.result().close()))
        raise
