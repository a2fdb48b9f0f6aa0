from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from codeagent.core.schedule import Backlog, retry_at
from codeagent.core.task import Task


def task(number: int, *, priority: int = 0, after: Sequence[int] = ()) -> Task:
    return Task(
        id=f"t{number}",
        text=f"task {number}",
        priority=priority,
        position=number,
        after=tuple(f"t{other}" for other in after),
    )


def taken(backlog: Backlog, now: float) -> list[str]:
    found = []
    while (got := backlog.take(now)) is not None:
        found.append(got.id)
    return found


def test_an_empty_backlog_has_nothing_to_start() -> None:
    backlog = Backlog()
    assert backlog.take(0) is None
    assert (len(backlog), backlog.next_at(), backlog.blocked(), backlog.clear()) == (
        0,
        None,
        {},
        [],
    )


@given(st.lists(st.integers(-5, 5), max_size=30))
def test_without_ageing_the_order_is_priority_then_the_place_in_the_list(
    priorities: list[int],
) -> None:
    backlog = Backlog(ageing=0)
    tasks = [task(n, priority=priority) for n, priority in enumerate(priorities)]
    backlog.add(reversed(tasks), 0)
    expected = sorted(tasks, key=lambda t: (-t.priority, t.position))
    assert taken(backlog, 0) == [t.id for t in expected]


@given(
    st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 1000)), max_size=20),
    st.sampled_from([60.0, 600.0]),
)
def test_waiting_is_worth_priority_whenever_one_looks(
    entries: list[tuple[int, int]], ageing: float
) -> None:
    backlog = Backlog(ageing=ageing)
    for number, (priority, at) in enumerate(entries):
        backlog.add([task(number, priority=priority)], at)
    now = 5000.0
    merits = {
        f"t{n}": (-(priority + (now - at) / ageing), at, n)
        for n, (priority, at) in enumerate(entries)
    }
    order = taken(backlog, now)
    assert sorted(order) == sorted(merits)
    for earlier, later in pairwise(order):
        assert merits[earlier][0] <= merits[later][0] + 1e-9


def test_nothing_waits_for_ever_behind_more_urgent_newcomers() -> None:
    backlog = Backlog(ageing=10)
    backlog.add([task(0)], 0)
    for now in range(100):
        backlog.add([task(now + 1, priority=3)], now)
        got = backlog.take(now)
        assert got is not None
        if got.id == "t0":
            break
    assert "t0" not in backlog


def test_a_task_waits_for_those_it_comes_after() -> None:
    backlog = Backlog()
    assert backlog.add([task(0, after=[1, 2]), task(1), task(2)], 0) == 2
    assert taken(backlog, 0) == ["t1", "t2"]
    assert backlog.blocked() == {"t0": {"t1", "t2"}}
    assert backlog.finished("t1", 1) == 0
    assert backlog.take(1) is None
    assert backlog.finished("t2", 1) == 1
    assert taken(backlog, 1) == ["t0"]


def test_what_was_finished_before_holds_nobody_up() -> None:
    backlog = Backlog()
    backlog.finished("t1", 0)
    assert backlog.add([task(0, after=[1])], 0) == 1
    assert taken(backlog, 0) == ["t0"]


def test_a_task_that_comes_after_itself_may_start() -> None:
    backlog = Backlog()
    assert backlog.add([task(0, after=[0])], 0) == 1
    assert taken(backlog, 0) == ["t0"]


def test_tasks_that_wait_for_each_other_are_blocked_and_nothing_is_due() -> None:
    backlog = Backlog()
    assert backlog.add([task(0, after=[1]), task(1, after=[0])], 0) == 0
    assert backlog.take(1e9) is None
    assert backlog.next_at() is None
    assert set(backlog.blocked()) == {"t0", "t1"}


def test_a_delayed_task_starts_when_it_is_due_and_not_before() -> None:
    backlog = Backlog()
    backlog.add([task(0)], 0, not_before=10)
    assert backlog.take(9.99) is None
    assert backlog.next_at() == 10
    assert taken(backlog, 10) == ["t0"]
    assert backlog.next_at() is None


def test_a_task_added_again_keeps_its_age_and_its_delay_and_takes_its_new_place() -> None:
    backlog = Backlog(ageing=10)
    backlog.add([task(0)], 0, not_before=50)
    backlog.add([task(1, priority=1)], 40)
    assert backlog.add([task(0, priority=-2)], 45) == 0
    assert (len(backlog), backlog.take(49)) == (2, task(1, priority=1))
    assert backlog.take(49) is None
    assert backlog.take(50) == task(0, priority=-2)


def test_a_task_added_again_takes_its_new_dependencies() -> None:
    backlog = Backlog()
    backlog.add([task(0)], 0)
    backlog.add([task(0, after=[1])], 1)
    assert backlog.take(1) is None
    backlog.add([task(0)], 2)
    assert taken(backlog, 2) == ["t0"]


def test_a_discarded_task_is_not_started_and_is_no_reason_to_wake_up() -> None:
    backlog = Backlog()
    backlog.add([task(0), task(1)], 0)
    backlog.add([task(2)], 0, not_before=5)
    backlog.discard("t0")
    backlog.discard("t2")
    backlog.discard("nobody")
    assert backlog.next_at() is None
    assert taken(backlog, 10) == ["t1"]


def test_a_discarded_task_can_come_back_without_its_old_delay() -> None:
    backlog = Backlog()
    backlog.add([task(0)], 0, not_before=100)
    backlog.discard("t0")
    assert backlog.add([task(0)], 1) == 1
    assert taken(backlog, 1) == ["t0"]
    assert backlog.take(100) is None


def test_ten_thousand_tasks_are_taken_in_order_with_the_delayed_ones_in_between() -> None:
    backlog = Backlog()
    tasks = [task(n, priority=n % 7) for n in range(10_000)]
    backlog.add(tasks[:9_000], 0)
    backlog.add(tasks[9_000:], 0, not_before=1)
    for again in range(5):  # the list is read again and again
        assert backlog.add(tasks[:9_000], 0.1 * again) == 0
    assert len(backlog) == 10_000
    expected = sorted(tasks[:9_000], key=lambda t: (-t.priority, t.position))
    assert taken(backlog, 0.9) == [t.id for t in expected]
    assert len(taken(backlog, 1)) == 1_000


def test_clear_gives_everything_back() -> None:
    backlog = Backlog()
    backlog.add([task(0), task(1, after=[0])], 0)
    assert backlog.clear() == [task(0), task(1, after=[0])]
    assert (len(backlog), backlog.take(0)) == (0, None)


def test_tasks_behind_an_obstacle_are_passed_over_and_keep_their_place() -> None:
    backlog = Backlog()
    backlog.add([task(n) for n in range(6)], 0)
    closed = {"even"}

    def admit(task: Task) -> str | None:
        kind = "odd" if task.position % 2 else "even"
        return kind if kind in closed else None

    assert [got.id for got in iter(lambda: backlog.take(0, admit), None)] == ["t1", "t3", "t5"]
    assert backlog.held() == {"t0": "even", "t2": "even", "t4": "even"}
    backlog.add([task(7)], 1)
    closed.clear()
    assert backlog.take(1, admit) == task(7)
    backlog.gone("even")
    assert [got.id for got in iter(lambda: backlog.take(1, admit), None)] == ["t0", "t2", "t4"]


def test_only_the_first_behind_an_obstacle_is_looked_at_when_it_has_gone() -> None:
    backlog = Backlog()
    backlog.add([task(n) for n in range(10_000)], 0)
    room, asked = 0, 0

    def admit(task: Task) -> str | None:
        nonlocal asked
        asked += 1
        return None if room else "full"

    assert backlog.take(0, admit) is None
    asked = 0
    for number in range(1_000):
        room = 1
        backlog.gone("full")
        assert backlog.take(0, admit) == task(number)
        room = 0
        assert backlog.take(0, admit) is None
    assert asked == 2_000


def test_a_task_that_is_queued_again_as_it_was_stays_behind_its_obstacle() -> None:
    backlog = Backlog()
    backlog.add([task(0)], 0)
    assert backlog.take(0, lambda task: "full") is None
    backlog.add([task(0)], 1)
    assert backlog.take(1) is None
    backlog.add([task(0, priority=1)], 2)
    assert backlog.take(2) == task(0, priority=1)


def test_a_task_that_goes_while_it_is_its_turn_lets_the_next_one_try() -> None:
    backlog = Backlog()
    backlog.add([task(0), task(1), task(2)], 0)
    assert backlog.take(0, lambda task: "full") is None
    backlog.gone("full")
    backlog.discard("t0")
    assert backlog.take(0) == task(1)
    backlog.add([task(2, after=[9])], 1)
    assert backlog.take(1) is None
    backlog.finished("t9", 2)
    assert backlog.take(2) == task(2, after=[9])


def test_a_task_that_is_not_to_start_before_some_time_waits_for_it() -> None:
    backlog = Backlog()
    parked = replace(task(0), not_before=50.0)
    backlog.add([parked], 0)
    assert (backlog.take(49), backlog.next_at()) == (None, 50)
    backlog.add([replace(parked, not_before=70.0)], 49)
    assert backlog.take(69) is None
    backlog.add([task(0)], 69)  # a person asked for it
    assert backlog.take(69) == task(0)


class BacklogMachine(RuleBasedStateMachine):
    """The backlog against a plain model: every task with its due time, and what is finished."""

    def __init__(self) -> None:
        super().__init__()
        self.backlog = Backlog(ageing=10)
        self.now = 0.0
        self.model: dict[str, tuple[Task, float, float]] = {}
        self.finished: set[str] = set()
        self.closed: set[str] = set()

    def admit(self, task: Task) -> str | None:
        """Every task has to pass one of three gates and then one of two."""
        gates = (f"a{task.position % 3}", f"b{task.position % 2}")
        return next((gate for gate in gates if gate in self.closed), None)

    def startable(self) -> dict[str, tuple[float, float, int]]:
        return {
            name: (queued / 10 - t.priority, queued, t.position)
            for name, (t, queued, due) in self.model.items()
            if due <= self.now
            and not set(t.after) - self.finished - {name}
            and self.admit(t) is None
        }

    @rule(gate=st.sampled_from(["a0", "a1", "a2", "b0", "b1"]), closed=st.booleans())
    def move_a_gate(self, gate: str, closed: bool) -> None:
        if closed:
            self.closed.add(gate)
        else:
            self.closed.discard(gate)
            self.backlog.gone(gate)

    @rule(
        number=st.integers(0, 7),
        priority=st.integers(-2, 2),
        after=st.lists(st.integers(0, 7), max_size=2),
        delay=st.sampled_from([0, 0, 3, 9]),
    )
    def add(self, number: int, priority: int, after: list[int], delay: float) -> None:
        new = task(number, priority=priority, after=after)
        _, queued, due = self.model.get(new.id, (new, self.now, self.now + delay))
        self.model[new.id] = (new, queued, due)
        self.backlog.add([new], self.now, not_before=self.now + delay)

    @rule(number=st.integers(0, 7))
    def discard(self, number: int) -> None:
        self.model.pop(f"t{number}", None)
        self.backlog.discard(f"t{number}")

    @rule(number=st.integers(0, 7))
    def finish(self, number: int) -> None:
        self.finished.add(f"t{number}")
        self.backlog.finished(f"t{number}", self.now)

    @rule(step=st.integers(1, 5))
    def wait(self, step: float) -> None:
        self.now += step

    @rule()
    def take(self) -> None:
        startable = self.startable()
        got = self.backlog.take(self.now, self.admit)
        if got is None:
            assert not startable
            assert not self.backlog.is_ready(self.now)
        else:
            assert startable[got.id] == min(startable.values())
            assert got == self.model.pop(got.id)[0]

    @precondition(lambda self: not self.startable())
    @rule()
    def sleep_until_it_says(self) -> None:
        self.take()
        due = self.backlog.next_at()
        waiting = [
            at
            for t, _, at in self.model.values()
            if at > self.now and not set(t.after) - self.finished - {t.id}
        ]
        if waiting:
            assert due is not None
            assert self.now < due <= min(waiting)

    @invariant()
    def it_holds_what_the_model_holds(self) -> None:
        assert self.backlog.ids() == set(self.model)


TestBacklogMachine = BacklogMachine.TestCase
TestBacklogMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize(
    ("attempts", "expected"), [(1, 105.0), (2, 110.0), (3, 120.0), (7, 400.0), (9, 400.0)]
)
def test_the_delay_doubles_up_to_the_longest(attempts: int, expected: float) -> None:
    assert retry_at(attempts, 10, 100, delay=5, longest=300) == expected


@given(st.integers(0, 10_000), st.integers(1, 100))
def test_a_task_is_tried_again_exactly_while_attempts_are_left(attempts: int, limit: int) -> None:
    again = retry_at(attempts, limit, 0, delay=1, longest=60)
    assert (again is None) == (attempts >= limit)
    assert again is None or 0 < again <= 60
