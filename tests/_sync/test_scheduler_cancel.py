# Generated from tests/_async/test_scheduler_cancel.py. Do not edit.
"""Tasks that are cancelled, held and released while the scheduler runs."""

from __future__ import annotations

from codeagent._runtime import sync_runtime as rt
from codeagent.core.task import Task

from .dispatch_rig import Executor, scheduler, task
from .helpers import until


def test_a_cancelled_task_ends_alone_and_knows_by_whom() -> None:
    execute = Executor()
    told: list[bool] = []

    def run(task: Task) -> float | None:
        try:
            return execute(task)
        except rt.Cancelled:
            told.append(work.cancelled(task.id))
            raise

    execute.gate.clear()
    work = scheduler(run, limit=2)
    work.submit([task(0), task(1)])
    with rt.TaskGroup() as group:
        group.start_soon(work.run)
        until(lambda: execute.running == 2)
        ending = work.cancel("t0")
        assert ending is not None
        ending.wait()
        assert work.running() == {"t1"}
        assert not work.waiting()
        assert told == [True]
        assert not work.cancelled("t0")
        assert work.cancel("t0") is None
        execute.gate.set()
        work.idle()
        work.drain()
    assert execute.ended == ["t1"]


def test_a_stop_of_the_server_is_no_cancellation_by_a_person() -> None:
    execute = Executor()
    told: list[bool] = []

    def run(task: Task) -> float | None:
        try:
            return execute(task)
        finally:
            told.append(work.cancelled(task.id))

    execute.gate.clear()
    work = scheduler(run)
    work.submit([task(0)])
    with rt.TaskGroup() as group:
        group.start_soon(work.run)
        until(lambda: execute.running == 1)
        group.cancel()
    assert told == [False]


def test_a_task_that_is_cancelled_before_its_first_step_is_over() -> None:
    execute = Executor()
    work = scheduler(execute, limit=3)
    early: list[bool] = []

    def cancel_the_other(task: Task) -> None:
        if task.id == "t0":
            early.append(work.cancel("t1") is not None)

    execute.at_start = cancel_the_other
    execute.gate.clear()
    work.submit([task(0), task(1)])
    with rt.TaskGroup() as group:
        group.start_soon(work.run)
        until(lambda: early and (early[0] or "t1" in work.running()))
        work.cancel("t1")
        until(lambda: work.running() == {"t0"})
        execute.gate.set()
        work.idle()
        work.drain()
    assert execute.ended == ["t0"]


def test_a_task_that_is_held_is_ended_and_not_taken_again_until_it_is_released() -> None:
    execute = Executor()
    execute.again["t0"] = [0.0]
    execute.gate.clear()
    work = scheduler(execute, limit=2)
    work.submit([task(0), task(1), task(2)])
    with rt.TaskGroup() as group:
        group.start_soon(work.run)
        until(lambda: execute.running == 2)
        work.hold("t0")
        work.hold("t2")
        assert work.running() == {"t1"}
        assert not work.waiting()
        assert not work.submit([task(0), task(2)])
        work.release("t2")
        assert work.submit([task(0), task(2)])
        execute.gate.set()
        work.idle()
        work.drain()
    assert sorted(execute.ended) == ["t1", "t2"]
