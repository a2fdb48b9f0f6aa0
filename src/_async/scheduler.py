"""Starts tasks when their turn comes and there is room for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .._runtime import async_runtime as rt
from ..core.schedule import Backlog
from ..core.task import Task

Execute = Callable[[Task], rt.Result[float | None]]
"""Runs a task; the result is when it wants to be tried again, None if never.

It raises nothing but cancellation: what goes wrong is the task's own story.
"""


class AsyncTaskScheduler:
    """Runs submitted tasks, at most ``limit`` at a time.

    What waits lies in a `Backlog`; only what runs has a task of its own.
    """

    def __init__(
        self, execute: Execute, *, limit: int, ageing: float, clock: Callable[[], float]
    ) -> None:
        self._execute = execute
        self._limit = limit
        self._clock = clock
        self._state = rt.StateLock()
        self._backlog = Backlog(ageing)
        self._running: set[str] = set()
        self._paused = False
        self._draining = False
        self._changed = rt.Event()
        self._idle = rt.Event()
        self._idle.set()

    def submit(self, tasks: Sequence[Task]) -> bool:
        """Queue tasks; those that run already are left alone.

        Returns whether there was one among them that is new and may start.
        """
        now = self._clock()
        with self._state:
            if self._draining:
                return False
            news = self._backlog.add((t for t in tasks if t.id not in self._running), now) > 0
            if news:
                self._idle.clear()
        self._changed.set()
        return news

    def withdraw(self, task_ids: Sequence[str]) -> None:
        """Take tasks out that have not started."""
        with self._state:
            for task_id in task_ids:
                self._backlog.discard(task_id)
        self._changed.set()

    def satisfied(self, task_ids: Sequence[str]) -> bool:
        """Tell which tasks are done, so that those that come after them may start.

        Returns whether there is one that may start now and could not before.
        """
        now = self._clock()
        with self._state:
            news = sum(self._backlog.finished(task_id, now) for task_id in task_ids) > 0
            if news and not self._draining:
                self._idle.clear()
        self._changed.set()
        return news

    def pause(self) -> None:
        """Start nothing until `resume`; what runs goes on."""
        with self._state:
            self._paused = True

    def resume(self) -> None:
        """Start tasks again."""
        with self._state:
            self._paused = False
        self._changed.set()

    def drain(self) -> None:
        """Finish what runs, start nothing more, then end `run`."""
        with self._state:
            self._draining = True
        self._changed.set()

    def waiting(self) -> frozenset[str]:
        """The ids of the tasks that wait."""
        with self._state:
            return self._backlog.ids()

    def blocked(self) -> dict[str, frozenset[str]]:
        """The tasks that wait for others, with the ids of those."""
        with self._state:
            return self._backlog.blocked()

    def running(self) -> frozenset[str]:
        """The ids of the tasks that run."""
        with self._state:
            return frozenset(self._running)

    async def idle(self) -> None:
        """Wait until nothing runs and nothing that waits can ever start by itself."""
        await self._idle.wait()

    async def run(self) -> None:
        """Run tasks until `drain` was called and the last one has ended."""
        async with rt.TaskGroup() as group:
            while True:
                self._changed.clear()
                while (task := self._take()) is not None:
                    group.start_soon(self._run_one, task)
                with self._state:
                    if self._draining and not self._running:
                        self._idle.set()
                        return
                    due = None if self._paused else self._backlog.next_at()
                delay = None if due is None else max(due - self._clock(), 0)
                async with rt.CancelScope(delay):
                    await self._changed.wait()

    def _take(self) -> Task | None:
        now = self._clock()
        with self._state:
            task = None
            if len(self._running) < self._limit and not self._paused and not self._draining:
                task = self._backlog.take(now)
            if task is not None:
                self._running.add(task.id)
            elif not (self._running or self._paused or self._backlog.next_at() is not None):
                self._idle.set()
            return task

    async def _run_one(self, task: Task) -> None:
        again: float | None = None
        try:
            again = await self._execute(task)
        finally:
            now = self._clock()
            with self._state:
                self._running.discard(task.id)
                if again is not None and not self._draining:
                    self._backlog.add([task], now, not_before=again)
            self._changed.set()
