"""Concurrency on asyncio. Twin: ``sync_runtime``.

Functions that start work take the function and its arguments, never a running
call.  No operation has a time-out of its own: deadlines come from scopes.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Generic, Literal, ParamSpec, TypeVar

from .async_io import (
    AppendFile,
    FileWatcher,
    Process,
    Signals,
    Watch,
    append,
    open_append,
    open_process,
    read_bytes,
    run_blocking,
    write_atomic,
)
from .async_locks import Channel, Event, Lock, Semaphore, StateLock
from .loops import choose_loop
from .shared import ChannelClosed, Fifo, Prioritised, TaskCancelled

__all__ = [
    "PATH",
    "AppendFile",
    "CancelScope",
    "Cancelled",
    "Channel",
    "ChannelClosed",
    "Event",
    "Fifo",
    "FileWatcher",
    "Lock",
    "Prioritised",
    "Process",
    "Result",
    "Semaphore",
    "Signals",
    "StateLock",
    "Task",
    "TaskCancelled",
    "TaskGroup",
    "Watch",
    "append",
    "call",
    "checkpoint",
    "loop_name",
    "map_concurrently",
    "open_append",
    "open_process",
    "read_bytes",
    "run",
    "run_blocking",
    "shielded",
    "sleep",
    "timeout",
    "wait_for_future",
    "write_atomic",
]

T = TypeVar("T")
R = TypeVar("R")
P = ParamSpec("P")

PATH: Literal["async", "sync"] = "async"
Result = Coroutine[Any, Any, T]
Cancelled = asyncio.CancelledError
timeout = asyncio.timeout


def run(
    main: Callable[..., Coroutine[Any, Any, R]],
    *args: Any,
    loop: str = "auto",
    debug: bool = False,
    io_threads: int = 8,
) -> R:
    """Run ``main`` to its end on an event loop of its own and return its result.

    ``loop`` names the loop (see `choose_loop`), ``io_threads`` limits how many
    blocking calls run side by side.
    """
    with asyncio.Runner(loop_factory=choose_loop(loop).factory, debug=debug or None) as runner:
        executor = ThreadPoolExecutor(io_threads, thread_name_prefix="io")
        runner.get_loop().set_default_executor(executor)
        return runner.run(main(*args))


def loop_name() -> str:
    """What the calling code runs on: the module of its event loop."""
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]


async def sleep(delay: float) -> None:
    """Wait for ``delay`` seconds."""
    await asyncio.sleep(delay)


async def checkpoint() -> None:
    """Let others run, and end here if the scope has ended."""
    await asyncio.sleep(0)


async def shielded(fn: Callable[P, Coroutine[Any, Any, R]], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run ``fn`` to its end even if the caller is cancelled meanwhile."""
    task = asyncio.ensure_future(fn(*args, **kwargs))
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not task.cancelled():
            task.exception()  # it was the caller's to see; the caller is gone
        raise cancelled
    return task.result()


async def call(fn: Callable[P, R | Awaitable[R]], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call ``fn``, which may or may not have to be waited for."""
    result = fn(*args, **kwargs)
    return await result if inspect.isawaitable(result) else result


async def wait_for_future(future: Future[T]) -> T:
    """Wait for what another thread promised. Cancelling the wait leaves the work alone."""
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()

    def finish() -> None:
        if not waiter.done():
            waiter.set_result(None)

    def wake(_: Future[T]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(finish)

    future.add_done_callback(wake)
    await waiter
    return future.result()


class CancelScope:
    """A block that can be ended from outside, or by its deadline, without an error.

    ``async with CancelScope(5) as scope`` leaves the block after five seconds
    or when somebody calls ``scope.cancel()``; ``scope.ended_early`` tells.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._timeout = asyncio.timeout(seconds)
        self._cancelled = False
        self._entered = False
        self.ended_early = False

    def cancel(self) -> None:
        """End the block at its next wait."""
        if not self._cancelled:
            self._cancelled = True
            if self._entered:
                self._timeout.reschedule(asyncio.get_running_loop().time())

    async def __aenter__(self) -> CancelScope:
        await self._timeout.__aenter__()
        self._entered = True
        if self._cancelled:
            self._timeout.reschedule(asyncio.get_running_loop().time())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> bool:
        self._entered = False
        try:
            await self._timeout.__aexit__(exc_type, exc, tb)
        except TimeoutError:
            self.ended_early = True
            return True
        return False


class Task(Generic[T]):
    """A function that runs in a `TaskGroup`."""

    def __init__(self, task: asyncio.Task[T]) -> None:
        self._task = task

    async def wait(self) -> T:
        """Its result or its error; raises `TaskCancelled` if it was cancelled.

        Cancelling the wait does not cancel the task.
        """
        await asyncio.wait([self._task])
        if self._task.cancelled():
            raise TaskCancelled
        return self._task.result()

    def done(self) -> bool:
        """Whether it has ended, in whichever way."""
        return self._task.done()

    def cancel(self) -> None:
        """End it at its next wait."""
        self._task.cancel()


class TaskGroup:
    """Runs functions side by side; leaving the block waits for all of them.

    The first error cancels the others and is raised at the end of the block
    within an `ExceptionGroup`.
    """

    def __init__(self) -> None:
        self._group = asyncio.TaskGroup()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> TaskGroup:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        await self._group.__aexit__(exc_type, exc, tb)

    def start_soon(
        self, fn: Callable[P, Coroutine[Any, Any, R]], *args: P.args, **kwargs: P.kwargs
    ) -> Task[R]:
        """Start ``fn(*args)`` in the group; raises `RuntimeError` once the group has ended."""
        work = fn(*args, **kwargs)
        try:
            task = self._group.create_task(work, name=getattr(fn, "__qualname__", None))
        except RuntimeError:
            work.close()
            raise
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return Task(task)

    def cancel(self) -> None:
        """Cancel the tasks, not the block that opened the group."""
        for task in list(self._tasks):
            task.cancel()


async def map_concurrently(
    fn: Callable[[T], Coroutine[Any, Any, R]], items: Iterable[T], *, limit: int
) -> list[R]:
    """``fn`` of every item, at most ``limit`` at a time, results in the items' order."""
    slots = asyncio.Semaphore(limit)

    async def one(item: T) -> R:
        async with slots:
            return await fn(item)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(item)) for item in items]
    return [task.result() for task in tasks]
