# Generated from tests/_async/test_runtime_scopes.py. Do not edit.
"""Time-outs, scopes and shields."""

from __future__ import annotations

import pytest

from codeagent._runtime import sync_runtime as rt

from .helpers import forever, until


def test_a_timeout_that_is_not_reached_changes_nothing() -> None:
    with rt.timeout(3600):
        rt.checkpoint()


def test_a_timeout_of_none_never_ends_the_block() -> None:
    with rt.timeout(None):
        rt.sleep(0.001)


def test_a_timeout_ends_the_wait_with_an_error() -> None:
    with pytest.raises(TimeoutError):
        with rt.timeout(0.01):
            forever()


def test_a_timeout_of_zero_ends_the_first_wait() -> None:
    with pytest.raises(TimeoutError):
        with rt.timeout(0):
            forever()


def test_the_inner_timeout_ends_only_the_inner_block() -> None:
    after = False
    with rt.timeout(3600):
        with pytest.raises(TimeoutError):
            with rt.timeout(0.01):
                forever()
        rt.checkpoint()
        after = True
    assert after


def test_the_outer_timeout_passes_through_the_inner_block() -> None:
    reached = []
    with pytest.raises(TimeoutError):
        with rt.timeout(0.01):
            try:
                with rt.timeout(3600):
                    forever()
            except TimeoutError:
                reached.append("inner")
            reached.append("between")
    assert reached == []


def test_when_both_timeouts_have_run_out_the_outer_one_counts() -> None:
    reached = []
    with pytest.raises(TimeoutError):
        with rt.timeout(0):
            try:
                with rt.timeout(0):
                    forever()
            except TimeoutError:
                reached.append("inner")
    assert reached == []


def test_an_error_of_the_block_goes_first() -> None:
    with pytest.raises(KeyError):
        with rt.timeout(3600):
            raise KeyError


def test_a_timeout_error_of_the_block_itself_is_no_early_end() -> None:
    scope = rt.CancelScope(3600)
    with pytest.raises(TimeoutError):
        with scope:
            raise TimeoutError
    assert not scope.ended_early


def test_a_scope_ends_without_an_error() -> None:
    with rt.CancelScope(0.01) as scope:
        forever()
    assert scope.ended_early


def test_a_scope_that_is_not_ended_says_so() -> None:
    with rt.CancelScope(3600) as scope:
        rt.checkpoint()
    assert not scope.ended_early


def test_a_scope_is_cancelled_by_another_task() -> None:
    waiting = rt.Event()
    scope = rt.CancelScope()

    def cancel() -> None:
        waiting.wait()
        scope.cancel()

    with rt.TaskGroup() as group:
        group.start_soon(cancel)
        with scope:
            waiting.set()
            forever()
    assert scope.ended_early


def test_a_scope_that_cancels_itself_ends_at_its_next_wait() -> None:
    steps = []
    with rt.CancelScope() as scope:
        scope.cancel()
        steps.append("no wait yet")
        forever()
        steps.append("too far")
    assert steps == ["no wait yet"]
    assert scope.ended_early


def test_a_scope_cancelled_before_it_is_entered_ends_at_its_first_wait() -> None:
    scope = rt.CancelScope()
    scope.cancel()
    with scope:
        forever()
    assert scope.ended_early


def test_a_scope_starts_its_clock_when_it_is_entered() -> None:
    scope = rt.CancelScope(0.3)
    rt.sleep(0.3)
    with scope:
        rt.checkpoint()
    assert not scope.ended_early


def test_cancelling_twice_or_after_the_end_does_no_harm() -> None:
    with rt.CancelScope(0.01) as scope:
        scope.cancel()
        scope.cancel()
        try:
            forever()
        finally:
            scope.cancel()
    scope.cancel()
    assert scope.ended_early
    rt.sleep(0.001)


def test_cancelling_a_scope_whose_time_is_up_does_no_harm() -> None:
    with rt.CancelScope(0.01) as scope:
        try:
            forever()
        finally:
            scope.cancel()
    assert scope.ended_early


def test_cancelling_the_outer_scope_passes_through_the_inner_one() -> None:
    steps = []
    with rt.CancelScope() as outer:
        with rt.CancelScope() as inner:
            outer.cancel()
            forever()
        steps.append("between")
    assert steps == []
    assert outer.ended_early
    assert not inner.ended_early


def test_cancelling_the_inner_scope_leaves_the_outer_one_alone() -> None:
    steps = []
    with rt.CancelScope() as outer:
        with rt.CancelScope() as inner:
            inner.cancel()
            forever()
        rt.checkpoint()
        steps.append("between")
    assert steps == ["between"]
    assert inner.ended_early
    assert not outer.ended_early


def test_a_deadline_reaches_the_tasks_of_a_group_inside() -> None:
    ended = []

    def work() -> None:
        try:
            forever()
        finally:
            ended.append("work")

    with rt.CancelScope(0.02) as scope, rt.TaskGroup() as group:
        group.start_soon(work)
        group.start_soon(work)
    assert scope.ended_early
    assert ended == ["work", "work"]


def test_a_checkpoint_in_an_ended_scope_ends_it() -> None:
    with rt.CancelScope() as scope:
        scope.cancel()
        rt.checkpoint()
        pytest.fail("the block went on")
    assert scope.ended_early


def test_a_shielded_function_runs_to_its_end_and_the_caller_hears_of_it_then() -> None:
    steps = []
    started, go_on = rt.Event(), rt.Event()

    def flush() -> None:
        started.set()
        go_on.wait()
        steps.append("flushed")

    def caller() -> None:
        rt.shielded(flush)
        steps.append("went on")

    with rt.TaskGroup() as group:
        task = group.start_soon(caller)
        started.wait()
        task.cancel()
        task.cancel()
        rt.checkpoint()
        go_on.set()
        with pytest.raises(rt.TaskCancelled):
            task.wait()
    assert steps == ["flushed"]


def test_a_shield_holds_against_a_deadline_too() -> None:
    done = []

    def flush() -> None:
        rt.sleep(0.03)
        done.append(True)

    with rt.CancelScope(0.01) as scope:
        rt.shielded(flush)
        forever()
    assert done == [True]
    assert scope.ended_early


def test_a_shielded_function_returns_its_result() -> None:
    def double(number: int, *, plus: int) -> int:
        rt.checkpoint()
        return 2 * number + plus

    assert rt.shielded(double, 4, plus=1) == 9


def test_cleaning_up_may_shield_several_things_in_a_row() -> None:
    steps: list[str] = []

    def step(name: str) -> None:
        rt.sleep(0.001)
        steps.append(name)

    with rt.CancelScope(0.01):
        try:
            forever()
        finally:
            rt.shielded(step, "first")
            rt.shielded(step, "second")
            steps.append("third")
    assert steps == ["first", "second", "third"]


def test_the_error_of_a_shielded_function_is_not_lost() -> None:
    started, go_on = rt.Event(), rt.Event()

    def flush() -> None:
        started.set()
        go_on.wait()
        raise OSError("the disk is full")

    def caller() -> None:
        rt.shielded(flush)

    with pytest.raises(ExceptionGroup) as caught:
        with rt.TaskGroup() as group:
            task = group.start_soon(caller)
            started.wait()
            task.cancel()
            go_on.set()
            until(task.done)
    assert [str(error) for error in caught.value.exceptions] == ["the disk is full"]


def test_a_timeout_inside_a_shield_works() -> None:
    def flush() -> str:
        try:
            with rt.timeout(0.01):
                forever()
        except TimeoutError:
            return "gave up"
        return "never"

    assert rt.shielded(flush) == "gave up"


def test_call_takes_functions_that_wait_and_functions_that_do_not() -> None:
    def waits(number: int) -> int:
        rt.checkpoint()
        return number

    def does_not(number: int) -> int:
        return -number

    assert rt.call(waits, 3) == 3
    assert rt.call(does_not, 3) == -3
