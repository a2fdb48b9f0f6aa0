# Generated from tests/_async/test_runtime_groups.py. Do not edit.
"""Task groups and concurrent maps."""

from __future__ import annotations

import pytest

from codeagent._runtime import sync_runtime as rt

from ..runtime_support import COLOUR
from .helpers import forever, until


def test_leaving_the_block_waits_for_the_tasks() -> None:
    done = []

    def work(number: int) -> int:
        rt.sleep(0.001)
        done.append(number)
        return number * number

    with rt.TaskGroup() as group:
        tasks = [group.start_soon(work, number) for number in range(5)]
    assert sorted(done) == [0, 1, 2, 3, 4]
    assert [task.wait() for task in tasks] == [0, 1, 4, 9, 16]
    assert all(task.done() for task in tasks)


def test_keyword_arguments_reach_the_function() -> None:
    def work(*, number: int) -> int:
        rt.checkpoint()
        return number

    with rt.TaskGroup() as group:
        task = group.start_soon(work, number=7)
    assert task.wait() == 7


def test_an_error_cancels_the_siblings_and_the_block() -> None:
    ended = []
    waiting = rt.Event()

    def sibling() -> None:
        try:
            waiting.set()
            forever()
        except rt.Cancelled:
            ended.append("sibling")
            raise

    def fail() -> None:
        waiting.wait()
        raise ValueError("broken")

    with pytest.raises(ExceptionGroup) as caught:
        with rt.TaskGroup() as group:
            group.start_soon(sibling)
            group.start_soon(fail)
            try:
                forever()
            except rt.Cancelled:
                ended.append("block")
                raise
    assert [str(error) for error in caught.value.exceptions] == ["broken"]
    assert sorted(ended) == ["block", "sibling"]


def test_several_errors_come_together() -> None:
    def fail(error: Exception) -> None:
        try:
            forever()
        finally:
            raise error

    with pytest.raises(ExceptionGroup) as caught:
        with rt.TaskGroup() as group:
            first = group.start_soon(fail, ValueError())
            second = group.start_soon(fail, KeyError())
            rt.sleep(0.01)
            first.cancel()
            second.cancel()
    assert {type(error) for error in caught.value.exceptions} == {ValueError, KeyError}


def test_an_error_of_the_block_cancels_the_tasks_and_is_in_the_group() -> None:
    ended = []
    started = rt.Event()

    def work() -> None:
        try:
            started.set()
            forever()
        finally:
            ended.append("work")

    with pytest.raises(ExceptionGroup) as caught:
        with rt.TaskGroup() as group:
            group.start_soon(work)
            started.wait()
            raise LookupError("in the block")
    assert [str(error) for error in caught.value.exceptions] == ["in the block"]
    assert ended == ["work"]


def test_what_ends_the_interpreter_is_not_wrapped() -> None:
    with pytest.raises(SystemExit):
        with rt.TaskGroup() as group:
            group.start_soon(forever)
            raise SystemExit(3)


def test_nothing_is_started_after_the_end() -> None:
    group = rt.TaskGroup()
    with pytest.raises(RuntimeError):
        group.start_soon(forever)
    with group:
        pass
    with pytest.raises(RuntimeError):
        group.start_soon(forever)


def test_nothing_is_started_after_an_error() -> None:
    refused = []

    def fail() -> None:
        raise ValueError

    with pytest.raises(ExceptionGroup):
        with rt.TaskGroup() as group:
            group.start_soon(fail)
            try:
                forever()
            finally:
                with pytest.raises(RuntimeError):
                    group.start_soon(forever)
                refused.append(True)
    assert refused == [True]


def test_a_task_may_start_others_while_the_block_is_being_left() -> None:
    done = []

    def second() -> None:
        rt.checkpoint()
        done.append("second")

    def first(group: rt.TaskGroup) -> None:
        rt.sleep(0.005)
        group.start_soon(second)

    with rt.TaskGroup() as group:
        group.start_soon(first, group)
    assert done == ["second"]


def test_cancelling_the_group_ends_the_tasks_and_not_the_block() -> None:
    steps = []
    started = rt.Event()

    def work() -> None:
        started.set()
        forever()

    with rt.TaskGroup() as group:
        task = group.start_soon(work)
        started.wait()
        group.cancel()
        rt.checkpoint()
        steps.append("the block goes on")
        with pytest.raises(rt.TaskCancelled):
            task.wait()
        again = group.start_soon(rt.checkpoint)
    again.wait()
    assert steps == ["the block goes on"]


def test_cancelling_the_group_leaves_the_scopes_of_the_block_alone() -> None:
    with rt.TaskGroup() as group, rt.timeout(3600):
        group.start_soon(forever)
        with rt.CancelScope() as scope:
            group.cancel()
            rt.sleep(0.001)
    assert not scope.ended_early


def test_a_cancelled_task_does_not_disturb_its_siblings() -> None:
    go_on = rt.Event()

    def work() -> str:
        go_on.wait()
        return "done"

    with rt.TaskGroup() as group:
        cancelled, other = group.start_soon(forever), group.start_soon(work)
        cancelled.cancel()
        with pytest.raises(rt.TaskCancelled):
            cancelled.wait()
        go_on.set()
    assert other.wait() == "done"
    assert cancelled.done()


def test_a_task_cancelled_at_once_ends() -> None:
    finished = []

    def work() -> None:
        rt.sleep(3600)
        finished.append(True)

    with rt.TaskGroup() as group:
        task = group.start_soon(work)
        task.cancel()
    assert finished == []
    with pytest.raises(rt.TaskCancelled):
        task.wait()


def test_waiting_for_a_failed_task_raises_its_error() -> None:
    def fail() -> None:
        raise ValueError("broken")

    with pytest.raises(ExceptionGroup):
        with rt.TaskGroup() as group:
            task = group.start_soon(fail)
    with pytest.raises(ValueError, match="broken"):
        task.wait()


def test_cancelling_the_wait_does_not_cancel_the_task() -> None:
    go_on = rt.Event()

    def work() -> str:
        go_on.wait()
        return "done"

    with rt.TaskGroup() as group:
        task = group.start_soon(work)
        with rt.CancelScope(0.005) as scope:
            task.wait()
        assert scope.ended_early
        assert not task.done()
        go_on.set()
        assert task.wait() == "done"


def test_an_inner_group_that_fails_is_an_error_of_the_outer() -> None:
    def fail() -> None:
        raise ValueError

    def inner() -> None:
        with rt.TaskGroup() as group:
            group.start_soon(fail)

    with pytest.raises(ExceptionGroup) as caught:
        with rt.TaskGroup() as group:
            group.start_soon(inner)
            group.start_soon(forever)
    assert caught.group_contains(ValueError, depth=2)


def test_tasks_see_the_context_in_which_they_were_started() -> None:
    seen = []

    def look() -> None:
        seen.append(COLOUR.get())
        COLOUR.set("changed by a task")

    COLOUR.set("blue")
    with rt.TaskGroup() as group:
        group.start_soon(look)
        group.start_soon(look)
    assert seen == ["blue", "blue"]
    assert COLOUR.get() == "blue"


def test_many_tasks_come_and_go_in_one_group() -> None:
    total = []

    def work(number: int) -> None:
        total.append(number)

    with rt.TaskGroup() as group:
        for number in range(100):
            task = group.start_soon(work, number)
            task.wait()
    assert total == list(range(100))


def test_a_map_keeps_the_order_and_the_limit() -> None:
    state, full = rt.StateLock(), rt.Event()
    running, most = 0, 0

    def square(number: int) -> int:
        nonlocal running, most
        with state:
            running += 1
            most = max(most, running)
            if running == 4:
                full.set()
        full.wait()
        rt.sleep(0.001 * (number % 3))
        with state:
            running -= 1
        return number * number

    assert rt.map_concurrently(square, range(20), limit=4) == [n * n for n in range(20)]
    assert most == 4


def test_a_map_of_nothing_is_empty() -> None:
    assert rt.map_concurrently(rt.sleep, [], limit=3) == []


def test_a_map_refuses_a_limit_below_one() -> None:
    with pytest.raises(ValueError, match="limit"):
        rt.map_concurrently(rt.sleep, [1.0], limit=0)


def test_an_error_ends_the_map_and_starts_no_more() -> None:
    started = []

    def work(number: int) -> None:
        started.append(number)
        if number == 1:
            raise ValueError("the second")
        forever()

    with pytest.raises(ExceptionGroup) as caught:
        rt.map_concurrently(work, range(100), limit=3)
    assert [str(error) for error in caught.value.exceptions] == ["the second"]
    assert len(started) <= 3


def test_a_failing_item_among_quick_ones_gives_its_own_error_only() -> None:
    def work(number: int) -> None:
        if number % 7 == 3:
            raise ValueError

    with pytest.raises(ExceptionGroup) as caught:
        rt.map_concurrently(work, range(50), limit=2)
    assert {type(error) for error in caught.value.exceptions} == {ValueError}


def test_each_item_of_a_map_has_a_context_of_its_own() -> None:
    def work(name: str) -> str:
        before = COLOUR.get()
        COLOUR.set(name)
        rt.checkpoint()
        return before

    COLOUR.set("outside")
    assert rt.map_concurrently(work, ["a", "b", "c"], limit=1) == ["outside"] * 3


def test_a_group_whose_scope_has_ended_passes_that_on() -> None:
    def quick() -> None:
        rt.checkpoint()

    steps = []
    with rt.CancelScope() as scope:
        with rt.TaskGroup() as group:
            task = group.start_soon(forever)
            group.start_soon(quick)
            scope.cancel()
        steps.append("after the group")
    assert steps == []
    assert task.done()
    until(task.done)
