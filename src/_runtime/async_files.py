"""Blocking calls and whole-file operations on asyncio. Twin: ``sync_files``."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

import aiofiles
import aiofiles.os

from . import files

R = TypeVar("R")
P = ParamSpec("P")


async def finished(future: asyncio.Future[R], give_up: Callable[[], bool] = lambda: False) -> R:
    """The result of ``future``, which a cancelled caller waits for as well.

    Unless ``give_up`` says that nothing has been begun yet.
    """
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            if give_up():
                raise
            cancelled = error
    result = future.result()
    if cancelled is not None:
        raise cancelled
    return result


async def run_blocking(fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a short blocking function beside the others.

    A cancelled caller hears of it when the function has ended, for it cannot
    be stopped and what it does must not surprise those who come after.
    """
    context = contextvars.copy_context()
    unclaimed = [True]  # to pop it is one step: either the thread does, or the caller

    def claim() -> bool:
        try:
            return unclaimed.pop()
        except IndexError:
            return False

    def work() -> R:
        return context.run(fn, *args, **kwargs) if claim() else None  # type: ignore[return-value]

    return await finished(asyncio.get_running_loop().run_in_executor(None, work), claim)


_read_bytes = aiofiles.os.wrap(files.read_bytes)
_write_atomic = aiofiles.os.wrap(files.write_atomic)
_append = aiofiles.os.wrap(files.append)


async def read_bytes(path: Path) -> bytes:
    """The content of ``path``."""
    return await finished(asyncio.ensure_future(_read_bytes(path)))


async def write_atomic(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data`` as a whole; see `files.write_atomic`."""
    await finished(asyncio.ensure_future(_write_atomic(path, data)))


async def append(path: Path, data: bytes) -> None:
    """Append ``data`` to ``path`` in one write."""
    await finished(asyncio.ensure_future(_append(path, data)))


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
