from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from itertools import islice
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core import task as machine
from codeagent.core.task import (
    TRANSITIONS,
    Fenced,
    InvalidTransition,
    Task,
    TaskState,
    Transition,
)

PENDING, RUNNING, DONE, FAILED, SKIPPED = TaskState
TASK = Task("task_1", "Build it", total_instructions=4, epoch=3, attempts=2)

APPLY = {
    Transition.BEGIN: lambda task: machine.begin(task, instructions=4, now=9.0),
    Transition.COMPLETE: lambda task: machine.finish(task, task.epoch, DONE, 9.0),
    Transition.FAIL: lambda task: machine.finish(task, task.epoch, FAILED, 9.0),
    Transition.SKIP: lambda task: machine.finish(task, task.epoch, SKIPPED, 9.0),
    Transition.INTERRUPT: lambda task: machine.interrupt(task, task.epoch),
    Transition.ACCEPT: lambda task: machine.settle(task, DONE, 9.0),
    Transition.DISMISS: lambda task: machine.settle(task, SKIPPED, 9.0),
    Transition.RESET: machine.reset,
}


@pytest.mark.parametrize("state", TaskState)
@pytest.mark.parametrize("transition", Transition)
def test_a_transition_leads_where_the_table_says_or_is_refused(
    transition: Transition, state: TaskState
) -> None:
    task = replace(TASK, state=state)
    expected = TRANSITIONS[transition].get(state)
    if expected is None:
        with pytest.raises((InvalidTransition, Fenced), match="task_1"):
            APPLY[transition](task)
    else:
        assert APPLY[transition](task).state is expected


def test_the_table_in_words() -> None:
    allowed = {
        (str(transition), str(before), str(after))
        for transition, moves in TRANSITIONS.items()
        for before, after in moves.items()
    }
    assert allowed == {
        ("begin", "pending", "running"),
        ("begin", "failed", "running"),
        ("complete", "running", "done"),
        ("fail", "running", "failed"),
        ("skip", "running", "skipped"),
        ("interrupt", "running", "pending"),
        ("accept", "pending", "done"),
        ("accept", "failed", "done"),
        ("dismiss", "pending", "skipped"),
        ("dismiss", "failed", "skipped"),
        ("reset", "pending", "pending"),
        ("reset", "failed", "pending"),
        ("reset", "done", "pending"),
        ("reset", "skipped", "pending"),
    }


def test_an_attempt_gets_the_next_epoch_and_keeps_progress() -> None:
    before = replace(TASK, completed=(1, 2), last_completed=2, error="old", ended_at=5.0)
    task = machine.begin(before, instructions=4, now=7.0)
    assert (task.epoch, task.attempts, task.started_at) == (4, 3, 7.0)
    assert (task.completed, task.last_completed) == ((1, 2), 2)
    assert (task.error, task.ended_at) == (None, None)


def test_progress_in_a_sequence_of_another_length_is_dropped() -> None:
    before = replace(TASK, completed=(1, 2), last_completed=2)
    task = machine.begin(before, instructions=5, now=7.0)
    assert (task.completed, task.last_completed, task.total_instructions) == ((), 0, 5)


def test_an_attempt_without_instructions_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one instruction"):
        machine.begin(TASK, instructions=0, now=7.0)


def test_a_sequence_of_another_length_may_go_on_at_another_place() -> None:
    before = replace(TASK, completed=(1, 3), last_completed=3)
    task = machine.begin(before, instructions=5, now=7.0, first=3)
    assert (task.completed, task.last_completed) == ((1, 2), 2)
    assert machine.remaining(task) == (3, 4, 5)
    assert machine.begin(before, instructions=4, now=7.0, first=3).completed == (1, 3)
    assert machine.begin(TASK, instructions=5, now=7.0, first=3).completed == ()
    with pytest.raises(ValueError, match="cannot begin at 6 of 5"):
        machine.begin(before, instructions=5, now=7.0, first=6)


@pytest.mark.parametrize("epoch", [0, 2, 4])
def test_a_report_of_another_attempt_is_fenced_off(epoch: int) -> None:
    task = replace(TASK, state=RUNNING)
    reports: tuple[Callable[[], object], ...] = (
        lambda: machine.accept_step(task, epoch, 1),
        lambda: machine.finish(task, epoch, DONE, 9.0),
        lambda: machine.interrupt(task, epoch),
    )
    for report in reports:
        with pytest.raises(Fenced, match=f"attempt {epoch} reports, but attempt 3"):
            report()


def test_a_report_after_the_end_of_its_attempt_is_fenced_off() -> None:
    task = machine.interrupt(replace(TASK, state=RUNNING), 3)
    with pytest.raises(Fenced, match="it is over"):
        machine.finish(task, 3, DONE, 9.0)


def test_a_completed_instruction_is_not_run_again() -> None:
    task = replace(TASK, state=RUNNING, completed=(2,), last_completed=2)
    with pytest.raises(InvalidTransition, match="not run again"):
        machine.require_step(task, 3, 2)


@pytest.mark.parametrize("position", [-1, 0, 5])
def test_a_position_outside_the_sequence_is_refused(position: int) -> None:
    with pytest.raises(ValueError, match="positions 1 to 4"):
        machine.accept_step(replace(TASK, state=RUNNING), 3, position)


def test_an_interruption_counts_only_when_asked() -> None:
    task = replace(TASK, state=RUNNING)
    assert machine.interrupt(task, 3).attempts == 1
    assert machine.interrupt(task, 3, counted=True).attempts == 2


def test_a_reset_forgets_attempts_and_progress_but_not_the_epoch() -> None:
    before = replace(TASK, state=FAILED, completed=(1,), last_completed=1, error="x", ended_at=1.0)
    task = machine.reset(before)
    assert (task.attempts, task.completed, task.last_completed) == (0, (), 0)
    assert (task.error, task.ended_at, task.epoch) == (None, None, 3)


@pytest.mark.parametrize("state", [PENDING, RUNNING])
def test_an_attempt_does_not_end_in_a_state_that_is_no_end(state: TaskState) -> None:
    with pytest.raises(InvalidTransition, match="cannot end as"):
        machine.finish(replace(TASK, state=RUNNING), 3, state, 9.0)


def test_a_task_is_not_settled_as_failed() -> None:
    with pytest.raises(InvalidTransition, match="cannot be settled as failed"):
        machine.settle(TASK, FAILED, 9.0)


@pytest.mark.parametrize(
    ("completed", "last", "expected"),
    [
        ((), 0, (1, 2, 3, 4)),
        ((1, 2), 2, (3, 4)),
        ((1, 3), 3, (4,)),
        ((1, 4), 4, (2, 3)),
        ((1, 2, 4), 2, (3,)),
        ((1, 2, 3, 4), 4, ()),
    ],
)
def test_an_attempt_goes_on_behind_the_last_completed_instruction(
    completed: tuple[int, ...], last: int, expected: tuple[int, ...]
) -> None:
    assert machine.remaining(replace(TASK, completed=completed, last_completed=last)) == expected


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 12), st.randoms(use_true_random=False))
def test_in_whatever_order_they_succeed_each_instruction_runs_once(
    total: int, random: Random
) -> None:
    task = machine.begin(Task("task_1", "x"), instructions=total, now=1.0)
    ran: list[int] = []
    while left := machine.remaining(task):
        position = random.choice(left)
        ran.append(position)
        task = machine.accept_step(task, 1, position)
    assert sorted(ran) == list(range(1, total + 1))


def test_ids_are_seconds_and_step_aside() -> None:
    assert machine.new_task_id(1700000000.9, ()) == "task_1700000000"
    assert machine.new_task_id(5.0, {"task_5", "task_6", "task_8"}) == "task_7"
    assert list(islice(machine.task_ids(5.0, {"task_6"}), 3)) == ["task_5", "task_7", "task_8"]


def left_after_beginning(
    completed: Collection[int], last: int, saved: int, total: int
) -> tuple[int, ...]:
    """What an attempt at ``total`` instructions still has to run, ``saved`` the time before."""
    task = replace(
        TASK,
        state=PENDING,
        completed=tuple(sorted(completed)),
        last_completed=last,
        total_instructions=saved,
    )
    begun = machine.begin(task, instructions=total, now=1.0) if total else task
    return machine.remaining(begun)


@pytest.mark.parametrize(
    ("completed", "last", "saved", "total", "expected"),
    [
        ((), 0, 0, 4, (1, 2, 3, 4)),
        ((), 0, 4, 4, (1, 2, 3, 4)),
        ((1, 2), 2, 4, 4, (3, 4)),
        ((1, 3), 3, 4, 4, (4,)),
        ((1, 3, 4), 4, 4, 4, (2,)),
        ((1, 3, 4), 2, 4, 4, (2,)),
        ((4,), 9, 4, 4, (1, 2, 3)),
        ((1, 2, 3, 4), 4, 4, 4, ()),
        ((1, 2, 3, 4), 2, 4, 4, ()),
        ((1, 2), 2, 2, 4, (1, 2, 3, 4)),
        ((1, 2, 3, 4), 4, 4, 2, (1, 2)),
        ((), 0, 0, 0, ()),
    ],
)
def test_a_task_goes_on_after_its_last_completed_instruction(
    completed: tuple[int, ...], last: int, saved: int, total: int, expected: tuple[int, ...]
) -> None:
    assert left_after_beginning(completed, last, saved, total) == expected


@settings(deadline=None, max_examples=100)
@given(st.sets(st.integers(1, 8)), st.integers(0, 9), st.integers(1, 8))
def test_a_completed_instruction_is_never_run_again(
    completed: set[int], last: int, total: int
) -> None:
    left = left_after_beginning(completed, last, total, total)
    assert completed.isdisjoint(left)
    assert bool(left) == (not completed.issuperset(range(1, total + 1)))
