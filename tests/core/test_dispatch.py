from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.claims import PATIENCE
from codeagent.core.config.limits import LimitSettings
from codeagent.core.dispatch import Dispatch
from codeagent.core.limits import MEGABYTE, Floors, Headroom
from codeagent.core.overlap import tasks_overlap
from codeagent.core.task import Task


def task(number: int, *paths: str, priority: int = 0, after: Sequence[int] = ()) -> Task:
    return Task(
        id=f"t{number}",
        text=f"task {number}",
        priority=priority,
        position=number,
        after=tuple(f"t{other}" for other in after),
        paths=paths,
    )


def dispatch(limit: int = 10, *, floors: Floors | None = None, **limits: Any) -> Dispatch:
    return Dispatch(
        limit=limit,
        ageing=600,
        settings=LimitSettings.model_validate(limits),
        floors=floors,
        agent_of=lambda task: f"agent{task.position % 2}",
    )


def started(work: Dispatch, now: float = 0) -> list[str]:
    return [task.id for task in iter(lambda: work.take(now), None)]


def test_tasks_that_may_touch_the_same_files_do_not_run_together() -> None:
    work = dispatch()
    work.submit([task(0, "src"), task(1, "src/a.py"), task(2, "docs"), task(3)], 0)
    assert started(work) == ["t0", "t2", "t3"]
    assert work.snapshot(0).held == {"t1": "t0 works on src/a.py"}
    work.ended("t2", 1)
    assert started(work, 1) == []
    work.ended("t0", 2)
    assert started(work, 2) == ["t1"]


def test_ten_thousand_tasks_on_the_same_files_cost_no_more_than_others() -> None:
    work = dispatch()
    looks = 0
    admit = work._admit

    def counted(task: Task) -> object:
        nonlocal looks
        looks += 1
        return admit(task)

    work._admit = counted  # type: ignore[method-assign]
    work.submit([task(n, "src/common.py", f"src/{n}.py") for n in range(10_000)], 0)
    order = []
    while got := started(work):
        order += got
        work.ended(got[0], 0)
    assert order == [f"t{n}" for n in range(10_000)]
    assert looks < 40_000


def test_an_agent_takes_fewer_tasks_once_it_was_refused() -> None:
    work = dispatch(4, agent={"hold": 60, "raise_after": 1})
    work.submit([task(n) for n in range(0, 20, 2)], 0)
    assert started(work) == ["t0", "t2", "t4", "t6"]
    work.feedback("agent0", rate_limited=True, now=1)
    assert work.news() == [("limit.changed", {"name": "agent0", "limit": 2})]
    for ended in ("t0", "t2"):
        work.ended(ended, 2)
        assert started(work, 2) == []
    work.ended("t4", 3)
    assert started(work, 3) == ["t8"]
    assert work.snapshot(3).limits == {"tasks": (2, 4), "agent0": (2, 2)}
    assert work.snapshot(3).held["t10"] == "as many tasks as may run on agent0"
    work.feedback("agent0", rate_limited=False, now=70)
    assert work.news() == [("limit.changed", {"name": "agent0", "limit": 3})]
    assert started(work, 70) == ["t10"]


def test_a_busy_agent_holds_up_nobody_elses_tasks() -> None:
    work = dispatch(4, agents={"agent0": {"max": 1}})
    work.submit([task(0), task(2), task(4), task(1), task(3)], 0)
    assert started(work) == ["t0", "t1", "t3"]


def test_starts_are_staggered() -> None:
    work = dispatch(stagger=2)
    work.submit([task(0), task(1), task(2)], 0)
    assert (started(work, 0), work.wake_at(0)) == (["t0"], 2)
    assert (started(work, 1.9), work.wake_at(1.9)) == ([], 2)
    assert started(work, 2) == ["t1"]
    assert started(work, 1) == ["t2"]  # a clock that was set back


def test_nothing_more_is_started_while_memory_is_short_and_then_it_goes_on_by_itself() -> None:
    work = dispatch(floors=Floors(memory=512 * MEGABYTE, disk=1024 * MEGABYTE))
    rich, poor = Headroom(2**40, 2**40), Headroom(2**20, 2**40)
    work.submit([task(0), task(1), task(2)], 0)
    assert work.is_to_be_measured(0)
    work.measured(poor, 0)
    assert not work.is_to_be_measured(0.5)
    assert work.take(0) == task(0)  # nothing runs that could free memory by ending
    assert work.is_to_be_measured(1)
    work.measured(poor, 1)
    work.measured(poor, 2)
    assert (started(work, 2), work.wake_at(2), work.is_at_rest(2)) == ([], 3, False)
    assert [name for name, _ in work.news()] == ["start.held"]
    assert "memory" in (work.snapshot(2).shortage or "")
    work.measured(rich, 3)
    assert started(work, 3) == ["t1", "t2"]
    assert work.news() == [("start.resumed", {})]
    assert not work.is_to_be_measured(9)  # nothing waits


def test_without_disk_space_not_even_the_first_task_starts() -> None:
    work = dispatch(floors=Floors(disk=1024 * MEGABYTE))
    work.submit([task(0)], 0)
    work.measured(Headroom(None, 0), 0)
    assert (started(work), work.is_at_rest(0), work.wake_at(0)) == ([], False, 1)


def test_a_task_that_is_due_while_there_is_no_room_wakes_nobody_up() -> None:
    work = dispatch(1)
    work.submit([task(0), task(1)], 0)
    assert started(work) == ["t0"]
    work.ended("t0", 0, again=5)
    assert (started(work), work.wake_at(4)) == (["t1"], None)
    work.ended("t1", 6)
    assert (work.wake_at(6), started(work, 6)) == (6, ["t0"])


def test_a_broad_task_is_not_passed_over_for_ever() -> None:
    work = dispatch(2)
    work.submit([task(0, "src/0.py"), task(1, "src", priority=9), task(2, "src/2.py")], 0)
    work.withdraw("t1")
    assert started(work) == ["t0", "t2"]
    work.submit([task(1, "src", priority=9)], 0)
    for number in range(3, 3 * PATIENCE):
        work.submit([task(number, f"src/{number}.py")], 0)
        work.ended(min(work.running, key=lambda name: int(name[1:])), 0)
        if "t1" in started(work):
            break
    assert "t1" in work.running
    assert set(work.running) == {"t1"}


def test_a_task_whose_paths_are_kept_may_come_to_wait_for_one_that_needs_them() -> None:
    work = dispatch(2)
    work.submit([task(0, "src/0.py"), task(1, "src", "docs")], 0)
    assert started(work) == ["t0"]
    for _ in range(PATIENCE + 1):
        work.backlog.gone(work.backlog.held()["t1"])
        assert started(work) == []
    work.submit([task(2, "docs")], 0)
    assert started(work) == []
    assert work.snapshot(0).held["t2"] == "its paths are kept free for t1"
    work.submit([task(1, "src", "docs", after=[2])], 0)
    assert started(work) == ["t2"]


def test_what_was_held_can_be_told_to_a_person() -> None:
    work = dispatch(1)
    work.submit([task(0), task(1, after=[0]), task(2)], 0)
    assert started(work) == ["t0"]
    work.paused = True
    view = work.snapshot(0)
    assert (set(view.running), set(view.waiting)) == ({"t0"}, {"t1", "t2"})
    assert (view.held, view.paused) == ({"t1": "comes after t0"}, True)
    assert view.running["t0"].agent == "agent0"
    work.ended("t0", 1, again=3600)
    assert "not before" in work.snapshot(1).held["t0"]


_PATHS = st.sampled_from(["src", "src/a", "src/a/x.py", "src/*.py", "docs", "**/x.py", "b"])
_TASKS = st.lists(
    st.tuples(st.lists(_PATHS, max_size=2), st.integers(-2, 2), st.lists(st.integers(0, 30))),
    max_size=25,
)


@given(_TASKS, st.integers(1, 5), st.data())
@settings(deadline=None, max_examples=150)
def test_overlapping_tasks_never_run_together_and_everything_is_run_at_last(
    entries: list[tuple[list[str], int, list[int]]], limit: int, data: st.DataObject
) -> None:
    tasks = [
        task(n, *paths, priority=priority, after=[other for other in after if other < n][:2])
        for n, (paths, priority, after) in enumerate(entries)
    ]
    work = dispatch(limit, agents={"agent0": {"max": 2}}, agent={"hold": 3, "raise_after": 2})
    cut = data.draw(st.integers(0, len(tasks)))
    work.submit(tasks[:cut], 0)
    now, again = 0.0, set()
    done: list[str] = []
    while True:
        while (got := work.take(now)) is not None:
            assert not set(got.after) - set(done)
        running = [it.task for it in work.running.values()]
        assert len(running) <= limit
        for at, one in enumerate(running):
            assert not any(tasks_overlap(one, other) for other in running[at + 1 :])
        if not running and cut < len(tasks):
            work.submit(tasks[cut:], now)
            cut = len(tasks)
            continue
        if not running:
            if (due := work.wake_at(now)) is None:
                break
            assert due > now
            now = due
            continue
        now += 1
        ended = data.draw(st.sampled_from(sorted(work.running)))
        refused = data.draw(st.booleans())
        work.feedback(work.running[ended].agent, rate_limited=refused, now=now)
        if refused and ended not in again:
            again.add(ended)
            work.ended(ended, now, again=now + data.draw(st.integers(0, 9)))
        else:
            work.ended(ended, now)
            work.backlog.finished(ended, now)
            done.append(ended)
        if data.draw(st.integers(0, 4)) == 0:
            left = [t for t in tasks[:cut] if t.id not in done]
            work.submit(left, now)  # the list was read again
    assert sorted(done) == sorted(t.id for t in tasks)
    assert work.is_at_rest(now)
