# Generated from benchmarks/_async/server.py. Do not edit.
"""Parts of the server at work: reports, the scheduler, the store."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from codeagent._runtime import sync_runtime as rt
from codeagent._sync.io import IOManager
from codeagent._sync.reports import ReportWatch
from codeagent._sync.scheduler import TaskScheduler
from codeagent.core.task import StepState, Task
from codeagent.store import Store

Execute = Callable[[Task], rt.Result[float | None]]

PHRASE = "the work is finished"

SETTLE = 0.5
"""Seconds until everybody who is to wait does."""


def see_reports(project: Path, names: Sequence[str], write: Callable[[str], None]) -> list[float]:
    """Have reports written, one after the other; when each was seen (monotonic, seconds)."""
    seen = []
    with IOManager() as io:
        for name in names:
            with ReportWatch(io, project, [name], PHRASE) as watch:
                write(name)
                watch.wait()
                seen.append(time.monotonic())
    return seen


def wait_in_vain(project: Path, waiters: int, seconds: float) -> float:
    """The CPU time, in seconds, that so many waiters use in ``seconds``."""
    with IOManager() as io, rt.TaskGroup() as group:
        for number in range(waiters):
            group.start_soon(_wait_for, io, project, f"report_{number}.md")
        rt.sleep(SETTLE)
        before = time.process_time()
        rt.sleep(seconds)
        used = time.process_time() - before
        group.cancel()
    return used


def _wait_for(io: IOManager, project: Path, name: str) -> None:
    with ReportWatch(io, project, [name], PHRASE) as watch:
        watch.wait()


def _nothing(task: Task) -> float | None:
    rt.checkpoint()
    return None


def dispatch(tasks: Sequence[Task], limit: int, execute: Execute = _nothing) -> None:
    """Run tasks, at most ``limit`` at a time; without ``execute`` they only give way once."""
    scheduler = scheduler_of(limit, execute)
    with rt.TaskGroup() as group:
        group.start_soon(scheduler.run)
        scheduler.submit(tasks)
        scheduler.idle()
        scheduler.drain()


def scheduler_of(limit: int, execute: Execute = _nothing) -> TaskScheduler:
    """A scheduler of tasks that only give way once, or of others."""
    return TaskScheduler(execute, limit=limit, ageing=600.0, clock=time.time)


def record_steps(store: Store, task_id: str, count: int) -> None:
    """One attempt with so many instructions, each begun and finished durably."""
    attempt = rt.wait_for_future(
        store.begin_attempt(task_id, path=rt.PATH, instructions=count, now=time.time())
    )
    for position in range(1, count + 1):
        now = time.time()
        rt.wait_for_future(
            store.begin_step(task_id, attempt.epoch, position, position, "a step", now)
        )
        rt.wait_for_future(store.finish_step(task_id, attempt.epoch, position, StepState.DONE, now))
    rt.wait_for_future(store.interrupt_task(task_id, attempt.epoch, time.time(), reason="measured"))
    rt.wait_for_future(store.reset_task(task_id, time.time()))


class NoopExecutor:
    """Holds every task until so many are there, and calls ``full`` then."""

    def __init__(self, expected: int, full: Callable[[], None]) -> None:
        self._expected = expected
        self._full = full
        self._state = rt.StateLock()
        self._present = 0

    def execute(self, task: Task) -> float | None:
        """Never ends by itself."""
        with self._state:
            self._present += 1
            complete = self._present == self._expected
        if complete:
            rt.sleep(SETTLE)
            self._full()
        rt.Event().wait()
        return None
