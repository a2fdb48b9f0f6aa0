# Generated from src/_async/scheduler.py. Do not edit.
"""Starts tasks when their turn comes and there is room for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from .._runtime import sync_runtime as rt
from ..core.dispatch import Dispatch, Snapshot
from ..core.events import Event, Sink
from ..core.handover import YIELDED, Memory
from ..core.task import Task

if TYPE_CHECKING:
    from ..core.config.limits import LimitSettings
    from ..core.limits import Floors, Headroom

Execute = Callable[[Task], rt.Result[float | None]]
"""Runs a task; the result is when it wants to be tried again, None if never.

It raises nothing but cancellation: what goes wrong is the task's own story.
"""


class TaskScheduler:
    """Runs submitted tasks, at most ``limit`` at a time.

    What waits, what runs and why is kept by a `Dispatch`; only what runs has a
    task of its own.  ``memory`` may hold those of another scheduler.  ``agent_of`` names the agent and account that a task is
    counted on, ``headroom`` looks at the machine and may block.
    """

    def __init__(
        self,
        execute: Execute,
        *,
        limit: int,
        ageing: float,
        clock: Callable[[], float],
        settings: LimitSettings | None = None,
        floors: Floors | None = None,
        headroom: Callable[[], Headroom] | None = None,
        agent_of: Callable[[Task], str] | None = None,
        sink: Sink | None = None,
        memory: Memory | None = None,
    ) -> None:
        self._execute = execute
        self._clock = clock
        self._headroom = headroom
        self._sink = sink
        self._state = rt.StateLock()
        memory = memory or Memory()
        if memory.dispatch is None:
            memory.dispatch = Dispatch(
                limit=limit,
                ageing=ageing,
                settings=settings,
                floors=floors if headroom is not None else None,
                agent_of=agent_of,
            )
        self._dispatch = memory.dispatch
        self._dispatch.draining = self._yielding = False
        self._tasks: dict[str, tuple[rt.CancelScope, rt.Task[None]]] = {}
        self._cancelled: set[str] = set()
        self._held: set[str] = set()
        self._changed = rt.Event()
        self._idle = rt.Event()
        if self._dispatch.is_at_rest(clock()):
            self._idle.set()

    def submit(self, tasks: Sequence[Task]) -> bool:
        """Queue tasks; those that run already, or are held, are left alone.

        Returns whether there was one among them that is new and may start.
        """
        now = self._clock()
        with self._state:
            if self._dispatch.draining:
                return False
            news = self._dispatch.submit([t for t in tasks if t.id not in self._held], now)
            if news:
                self._idle.clear()
        self._changed.set()
        return news

    def withdraw(self, task_ids: Sequence[str]) -> None:
        """Take tasks out that have not started."""
        with self._state:
            for task_id in task_ids:
                self._dispatch.withdraw(task_id)
        self._changed.set()

    def satisfied(self, task_ids: Sequence[str]) -> bool:
        """Tell which tasks are done, so that those that come after them may start.

        Returns whether there is one that may start now and could not before.
        """
        now = self._clock()
        with self._state:
            backlog = self._dispatch.backlog
            news = sum(backlog.finished(task_id, now) for task_id in task_ids) > 0
            if news and not self._dispatch.draining:
                self._idle.clear()
        self._changed.set()
        return news

    def feedback(self, agent: str, *, rate_limited: bool) -> None:
        """How an attempt on an agent went, while its task still runs: fewer or more may follow."""
        now = self._clock()
        with self._state:
            self._dispatch.feedback(agent, rate_limited=rate_limited, now=now)
        self._tell()
        self._changed.set()

    def pause(self) -> None:
        """Start nothing until `resume`; what runs goes on."""
        with self._state:
            self._dispatch.paused = True

    def resume(self) -> None:
        """Start tasks again."""
        with self._state:
            self._dispatch.paused = False
        self._changed.set()

    def drain(self) -> None:
        """Finish what runs, start nothing more, then end `run`."""
        with self._state:
            self._dispatch.draining = True
        self._changed.set()

    def hand_over(self, *, now: bool) -> None:
        """As `drain`, but what runs is put back and may start again in another scheduler.

        The executors see to that at their next boundary, or are cancelled ``now``.
        """
        with self._state:
            self._dispatch.draining = self._yielding = True
            scopes = [scope for scope, _ in self._tasks.values()] if now else []
        for scope in scopes:
            scope.cancel()
        self._changed.set()

    def cancel(self, task_id: str) -> rt.Task[None] | None:
        """End a task that runs; returns what can be waited for, None if it does not run.

        Its executor is cancelled as by a stop of the server; `cancelled` tells the
        difference.  It is not started again by itself.
        """
        with self._state:
            if task_id not in self._tasks:
                return None
            scope, running = self._tasks[task_id]
            self._cancelled.add(task_id)
        scope.cancel()
        return running

    def cancelled(self, task_id: str) -> bool:
        """Whether it was by `cancel` that a task which still runs is ended."""
        with self._state:
            return task_id in self._cancelled

    def hold(self, task_id: str) -> None:
        """Take a task out, end it if it runs, and start it no more until `release`."""
        with self._state:
            self._held.add(task_id)
            self._dispatch.withdraw(task_id)
        self._changed.set()
        running = self.cancel(task_id)
        if running is not None:
            with suppress(Exception):  # `run` raises it
                running.wait()

    def release(self, task_id: str) -> None:
        """Let a task that was held be submitted again."""
        with self._state:
            self._held.discard(task_id)

    def paused(self) -> bool:
        """Whether nothing is started until `resume`."""
        with self._state:
            return self._dispatch.paused

    def draining(self) -> bool:
        """Whether nothing is started any more."""
        with self._state:
            return self._dispatch.draining

    def waiting(self) -> frozenset[str]:
        """The ids of the tasks that wait."""
        with self._state:
            return self._dispatch.backlog.ids()

    def blocked(self) -> dict[str, frozenset[str]]:
        """The tasks that wait for others, with the ids of those."""
        with self._state:
            return self._dispatch.backlog.blocked()

    def running(self) -> frozenset[str]:
        """The ids of the tasks that run."""
        with self._state:
            return frozenset(self._dispatch.running)

    def snapshot(self) -> Snapshot:
        """What runs and what waits, and why."""
        now = self._clock()
        with self._state:
            return self._dispatch.snapshot(now)

    def idle(self) -> None:
        """Wait until nothing runs and nothing that waits can ever start by itself."""
        self._idle.wait()

    def run(self) -> None:
        """Run tasks until `drain` was called and the last one has ended."""
        with rt.TaskGroup() as group:
            while True:
                self._changed.clear()
                self._measure()
                while self._start_next(group):
                    pass
                now = self._clock()
                with self._state:
                    done = self._dispatch.draining and not self._dispatch.running
                    if done or self._dispatch.is_at_rest(now):
                        self._idle.set()
                    due = self._dispatch.wake_at(now)
                if done:
                    return
                with rt.CancelScope(None if due is None else max(due - now, 0)):
                    self._changed.wait()

    def _measure(self) -> None:
        """Look at the machine if there is something to start and it was not done just now."""
        if self._headroom is None:
            return
        with self._state:
            if not self._dispatch.is_to_be_measured(self._clock()):
                return
        headroom = rt.run_blocking(self._headroom)
        with self._state:
            self._dispatch.measured(headroom, self._clock())
        self._tell()

    def _start_next(self, group: rt.TaskGroup) -> bool:
        now = self._clock()
        with self._state:  # so that whatever runs can be cancelled
            task = self._dispatch.take(now)
            if task is None:
                return False
            scope = rt.CancelScope()
            self._tasks[task.id] = scope, group.start_soon(self._run_one, task, scope)
            return True

    def _run_one(self, task: Task, scope: rt.CancelScope) -> None:
        again: float | None = None
        try:
            with scope:
                again = self._execute(task)
        finally:
            now = self._clock()
            with self._state:
                del self._tasks[task.id]
                cancelled = task.id in self._cancelled
                self._cancelled.discard(task.id)
                if self._yielding and not cancelled and (again == YIELDED or scope.ended_early):
                    self._dispatch.yielded(task.id, now)
                else:
                    if cancelled or (self._dispatch.draining and not self._yielding):
                        again = None
                    self._dispatch.ended(task.id, now, again=again)
            self._changed.set()

    def _tell(self) -> None:
        with self._state:
            news = self._dispatch.news()
        if self._sink is not None:
            for name, data in news:
                self._sink(Event(name, self._clock(), data=data))
