"""The scheduler on an executor that does nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from codeagent._runtime import async_runtime as rt
from codeagent.core.config.limits import LimitSettings
from codeagent.core.limits import Floors, Headroom
from codeagent.core.task import Task
from tests.support.world import Clock, Recorder

from .dispatch_rig import Executor, scheduler, task
from .helpers import until


async def test_ten_thousand_tasks_run_once_each_a_hundred_at_a_time() -> None:
    execute = Executor()
    execute.gate.clear()
    work = scheduler(execute, limit=100)
    assert work.submit([task(n) for n in range(10_000)])
    async with rt.TaskGroup() as group:
        group.start_soon(work.run)
        await until(lambda: execute.running == 100)
        assert len(work.running()) == 100
        assert len(work.waiting()) == 9_900
        execute.gate.set()
        await work.idle()
        work.drain()
    assert execute.most == 100
    assert Counter(execute.started) == Counter(f"t{n}" for n in range(10_000))


async def test_the_more_urgent_task_comes_first_and_the_list_decides_among_equals() -> None:
    execute = Executor()
    work = scheduler(execute)
    work.submit([task(0), task(1, priority=2), task(2), task(3, priority=2)])
    async with rt.TaskGroup() as group:
        group.start_soon(work.run)
        await work.idle()
        work.drain()
    assert execute.started == ["t1", "t3", "t0", "t2"]


async def test_a_chain_of_dependencies_runs_in_its_order_however_many_may_run() -> None:
    execute = Executor()
    work = scheduler(execute, limit=10)

    async def then_tell(task: Task) -> float | None:
        again = await execute(task)
        work.satisfied([task.id])
        return again

    work = scheduler(then_tell, limit=10)
    chain = [task(n, after=(n + 1,)) for n in range(50)]
    work.submit([*chain, task(50)])
    async with rt.TaskGroup() as group:
        group.start_soon(work.run)
        await work.idle()
        work.drain()
    assert execute.started == [f"t{n}" for n in range(50, -1, -1)]


async def test_a_task_that_failed_comes_back_when_it_is_due() -> None:
    clock, execute = Clock(0), Executor()
    execute.again["t0"] = [100.0, 250.0]
    work = scheduler(execute, clock=clock)
    work.submit([task(0), task(1)])
    async with rt.TaskGroup() as group:
        group.start_soon(work.run)
        await until(lambda: execute.ended == ["t0", "t1"] and not work.running())
        assert work.waiting() == {"t0"}
        clock.advance(100)
        work.resume()
        await until(lambda: len(execute.ended) == 3 and not work.running())
        clock.advance(149)
        work.resume()
        clock.advance(1)
        work.resume()
        await work.idle()
        work.drain()
    assert execute.started == ["t0", "t1", "t0", "t0"]


async def test_a_short_delay_passes_by_itself() -> None:
    execute, clock = Executor(), Clock(0)
    execute.again["t0"] = [0.01]
    work = scheduler(execute, clock=clock)
    work.submit([task(0)])
    async with rt.TaskGroup() as group:
        group.start_soon(work.run)
        await until(lambda: execute.ended == ["t0"])
        clock.advance(0.01)
        await work.idle()
        work.drain()
    assert execute.started == ["t0", "t0"]


async def test_a_pause_starts_nothing_and_ends_nothing() -> None:
    execute = Executor()
    execute.gate.clear()
    work = scheduler(execute)
    work.submit([task(0), task(1)])
    async with rt.TaskGroup() as group:
        group.start_soon(work.run)
        await until(lambda: execute.running == 1)
        work.pause()
        execute.gate.set()
        await until(lambda: not work.running())
        assert (execute.ended, set(work.waiting())) == (["t0"], {"t1"})
        work.resume()
        await work.idle()
        work.drain()
    assert execute.ended == ["t0", "t1"]


async def test_to_drain_is_to_finish_what_runs_and_start_nothing_more() -> None:
    execute = Executor()
    execute.gate.clear()
    work = scheduler(execute)
    work.submit([task(0), task(1)])
    async with rt.TaskGroup() as group:
        running = group.start_soon(work.run)
        await until(lambda: execute.running == 1)
        work.drain()
        assert not work.submit([task(2)])
        execute.gate.set()
        await running.wait()
    assert (execute.ended, set(work.waiting())) == (["t0"], {"t1"})


async def test_what_is_withdrawn_does_not_start() -> None:
    execute = Executor()
    execute.gate.clear()
    work = scheduler(execute)
    work.submit([task(0), task(1), task(2)])
    async with rt.TaskGroup() as group:
        group.start_soon(work.run)
        await until(lambda: execute.running == 1)
        work.withdraw(["t0", "t1", "nobody"])
        execute.gate.set()
        await work.idle()
        work.drain()
    assert execute.ended == ["t0", "t2"]


async def test_what_runs_or_waits_is_not_queued_twice() -> None:
    execute = Executor()
    execute.gate.clear()
    work = scheduler(execute)
    assert work.submit([task(0), task(1)])
    async with rt.TaskGroup() as group:
        group.start_soon(work.run)
        await until(lambda: execute.running == 1)
        assert not work.submit([task(0), task(1)])
        execute.gate.set()
        await work.idle()
        work.drain()
    assert execute.ended == ["t0", "t1"]


async def test_only_blocked_tasks_are_left_then_it_is_idle_and_rests() -> None:
    clock, execute = Clock(), Executor()
    work = scheduler(execute, clock=clock)
    assert work.submit([task(0), task(1, after=(2,)), task(3, after=(1,))])
    async with rt.TaskGroup() as group:
        group.start_soon(work.run)
        await work.idle()
        assert (execute.ended, set(work.waiting())) == (["t0"], {"t1", "t3"})
        looks = clock.looks
        for _ in range(50):
            await rt.sleep(0.001)
        assert clock.looks <= looks + 2  # at most what was under way
        work.drain()


async def test_a_task_that_becomes_free_by_hand_is_waited_for() -> None:
    execute = Executor()
    work = scheduler(execute)
    assert not work.submit([task(1, after=(2,))])
    async with rt.TaskGroup() as group:
        group.start_soon(work.run)
        await work.idle()
        assert not work.satisfied(["other"])
        assert work.satisfied(["t2"])
        await work.idle()
        assert execute.ended == ["t1"]
        work.drain()


async def test_an_error_of_the_executor_ends_the_run_and_the_tasks_beside() -> None:
    execute = Executor()
    execute.gate.clear()

    def fail(task: Task) -> None:
        if task.id == "t1":
            raise OSError("no disk")

    execute.at_start = fail
    work = scheduler(execute, limit=2)
    work.submit([task(0), task(1)])
    with pytest.raises(ExceptionGroup) as caught:
        await work.run()
    assert caught.group_contains(OSError, match="no disk")
    assert (execute.ended, work.running()) == ([], frozenset())


async def test_tasks_on_the_same_paths_take_turns_and_others_pass_by() -> None:
    execute = Executor()
    execute.gate.clear()
    work = scheduler(execute, limit=3)
    work.submit([replace(task(n), paths=("src",)) for n in range(2)] + [task(2)])
    async with rt.TaskGroup() as group:
        group.start_soon(work.run)
        await until(lambda: execute.running == 2)
        view = work.snapshot()
        assert (set(view.running), view.held) == ({"t0", "t2"}, {"t1": "t0 works on src"})
        execute.gate.set()
        await work.idle()
        work.drain()
    assert sorted(execute.ended) == ["t0", "t1", "t2"]


async def test_a_refused_agent_gets_fewer_tasks_and_that_is_announced() -> None:
    execute, events = Executor(), Recorder()
    execute.gate.clear()
    work = scheduler(
        execute, limit=4, agent_of=lambda task: "cursor", settings=LimitSettings(), sink=events
    )
    work.submit([task(n) for n in range(8)])
    async with rt.TaskGroup() as group:
        group.start_soon(work.run)
        await until(lambda: execute.running == 4)
        work.feedback("cursor", rate_limited=True)
        assert work.snapshot().limits == {"tasks": (4, 4), "cursor": (4, 2)}
        execute.gate.set()
        await work.idle()
        work.drain()
    assert len(execute.ended) == 8
    assert events.named("limit.changed") == [{"name": "cursor", "limit": 2}]


async def test_starts_wait_while_the_disk_is_full_and_go_on_by_themselves() -> None:
    execute, events, clock = Executor(), Recorder(), Clock()
    free = [0]
    work = scheduler(
        execute,
        limit=2,
        clock=clock,
        floors=Floors(disk=100),
        headroom=lambda: Headroom(disk=free[0]),
        sink=events,
    )
    work.submit([task(0), task(1)])
    async with rt.TaskGroup() as group:
        group.start_soon(work.run)
        await until(lambda: work.snapshot().shortage is not None)
        assert (execute.started, set(work.waiting())) == ([], {"t0", "t1"})
        free[0] = 100
        clock.advance(1)
        work.resume()  # wakes it up, as the second would that passes
        await work.idle()
        work.drain()
    assert execute.ended == ["t0", "t1"]
    assert events.names() == ["start.held", "start.resumed"]


async def test_a_task_that_waits_for_nothing_is_no_reason_to_look_at_the_machine() -> None:
    execute = Executor()
    looks: list[int] = []

    def look() -> Headroom:
        looks.append(1)
        return Headroom(0, 0)

    work = scheduler(execute, floors=Floors(memory=100), headroom=look)
    work.submit([task(0, after=(1,))])
    async with rt.TaskGroup() as group:
        group.start_soon(work.run)
        await work.idle()
        work.drain()
    assert (execute.started, looks) == ([], [])
