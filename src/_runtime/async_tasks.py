"""Scopes and task groups on asyncio. Twin: ``sync_tasks``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from types import TracebackType
from typing import Any, Generic, ParamSpec, TypeVar

from .shared import TaskCancelled

T = TypeVar("T")
R = TypeVar("R")
P = ParamSpec("P")

timeout = asyncio.timeout


class CancelScope:
    """A block that can be ended from outside, or by its deadline, without an error.

    ``async with CancelScope(5) as scope`` leaves the block after five seconds
    or when somebody calls ``scope.cancel()``; ``scope.ended_early`` tells.  A
    block that ends in the same moment by itself has not ended early.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = seconds
        self._timeout: asyncio.Timeout | None = None
        self._cancelled = False
        self.ended_early = False

    def cancel(self) -> None:
        """End the block at its next wait."""
        self._cancelled = True
        if self._timeout is not None and not self._timeout.expired():
            self._timeout.reschedule(asyncio.get_running_loop().time())

    async def __aenter__(self) -> CancelScope:
        timeout = asyncio.timeout(0 if self._cancelled else self._seconds)
        self._timeout = await timeout.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> bool:
        assert self._timeout is not None  # noqa: S101 - the block was entered
        timeout, self._timeout = self._timeout, None
        try:
            await timeout.__aexit__(exc_type, exc, tb)
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
        if not self._task.done():
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
    if limit < 1:
        raise ValueError("limit must be at least 1")
    slots = asyncio.Semaphore(limit)

    async def one(item: T) -> R:
        result = await fn(item)
        slots.release()  # after an error the group ends whoever waits for a place
        return result

    async with asyncio.TaskGroup() as group:
        tasks: list[asyncio.Task[R]] = []
        for item in items:
            await slots.acquire()  # no task is made before it may run
            tasks.append(group.create_task(one(item)))
    return [task.result() for task in tasks]
