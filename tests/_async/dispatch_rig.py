"""Tasks and an executor that do nothing, for the scheduler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from codeagent._async.scheduler import AsyncTaskScheduler, Execute
from codeagent._runtime import async_runtime as rt
from codeagent.core.task import Task
from tests.support.world import Clock


def task(number: int, *, priority: int = 0, after: tuple[int, ...] = ()) -> Task:
    names = tuple(f"t{other}" for other in after)
    return Task(f"t{number}", f"task {number}", priority=priority, position=number, after=names)


def scheduler(
    execute: Execute, *, limit: int = 1, clock: Clock | None = None, **more: Any
) -> AsyncTaskScheduler:
    return AsyncTaskScheduler(execute, limit=limit, ageing=600, clock=clock or Clock(), **more)


class Executor:
    """Notes what runs; ``gate`` holds everything up while it is closed."""

    def __init__(self) -> None:
        self._state = rt.StateLock()
        self.started: list[str] = []
        self.ended: list[str] = []
        self.most = 0
        self.gate = rt.Event()
        self.gate.set()
        self.at_start: Callable[[Task], None] = lambda task: None
        self.again: dict[str, list[float]] = {}

    @property
    def running(self) -> int:
        return len(self.started) - len(self.ended)

    async def __call__(self, task: Task) -> float | None:
        with self._state:
            self.started.append(task.id)
            self.most = max(self.most, self.running)
        self.at_start(task)
        await self.gate.wait()
        with self._state:
            self.ended.append(task.id)
            again = self.again.get(task.id)
            return again.pop(0) if again else None
