"""Parts of the server at work: reports, the scheduler, the store."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from codeagent._async.io import AsyncIOManager
from codeagent._async.reports import AsyncReportWatch
from codeagent._async.scheduler import AsyncTaskScheduler
from codeagent._runtime import async_runtime as rt
from codeagent.core.task import StepState, Task
from codeagent.store import Store

Execute = Callable[[Task], rt.Result[float | None]]

PHRASE = "the work is finished"

SETTLE = 0.5
"""Seconds until everybody who is to wait does."""


async def see_reports(
    project: Path, names: Sequence[str], write: Callable[[str], None]
) -> list[float]:
    """Have reports written, one after the other; when each was seen (monotonic, seconds)."""
    seen = []
    async with AsyncIOManager() as io:
        for name in names:
            async with AsyncReportWatch(io, project, [name], PHRASE) as watch:
                write(name)
                await watch.wait()
                seen.append(time.monotonic())
    return seen


async def wait_in_vain(project: Path, waiters: int, seconds: float) -> float:
    """The CPU time, in seconds, that so many waiters use in ``seconds``."""
    async with AsyncIOManager() as io, rt.TaskGroup() as group:
        for number in range(waiters):
            group.start_soon(_wait_for, io, project, f"report_{number}.md")
        await rt.sleep(SETTLE)
        before = time.process_time()
        await rt.sleep(seconds)
        used = time.process_time() - before
        group.cancel()
    return used


async def _wait_for(io: AsyncIOManager, project: Path, name: str) -> None:
    async with AsyncReportWatch(io, project, [name], PHRASE) as watch:
        await watch.wait()


async def _nothing(task: Task) -> float | None:
    await rt.checkpoint()
    return None


async def dispatch(tasks: Sequence[Task], limit: int, execute: Execute = _nothing) -> None:
    """Run tasks, at most ``limit`` at a time; without ``execute`` they only give way once."""
    scheduler = scheduler_of(limit, execute)
    async with rt.TaskGroup() as group:
        group.start_soon(scheduler.run)
        scheduler.submit(tasks)
        await scheduler.idle()
        scheduler.drain()


def scheduler_of(limit: int, execute: Execute = _nothing) -> AsyncTaskScheduler:
    """A scheduler of tasks that only give way once, or of others."""
    return AsyncTaskScheduler(execute, limit=limit, ageing=600.0, clock=time.time)


async def record_steps(store: Store, task_id: str, count: int) -> None:
    """One attempt with so many instructions, each begun and finished durably."""
    attempt = await rt.wait_for_future(
        store.begin_attempt(task_id, path=rt.PATH, instructions=count, now=time.time())
    )
    for position in range(1, count + 1):
        now = time.time()
        await rt.wait_for_future(
            store.begin_step(task_id, attempt.epoch, position, position, "a step", now)
        )
        await rt.wait_for_future(
            store.finish_step(task_id, attempt.epoch, position, StepState.DONE, now)
        )
    await rt.wait_for_future(
        store.interrupt_task(task_id, attempt.epoch, time.time(), reason="measured")
    )
    await rt.wait_for_future(store.reset_task(task_id, time.time()))


class AsyncNoopExecutor:
    """Holds every task until so many are there, and calls ``full`` then."""

    def __init__(self, expected: int, full: Callable[[], None]) -> None:
        self._expected = expected
        self._full = full
        self._state = rt.StateLock()
        self._present = 0

    async def execute(self, task: Task) -> float | None:
        """Never ends by itself."""
        with self._state:
            self._present += 1
            complete = self._present == self._expected
        if complete:
            await rt.sleep(SETTLE)
            self._full()
        await rt.Event().wait()
        return None
