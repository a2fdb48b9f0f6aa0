"""Time-outs, scopes and shields."""

from __future__ import annotations

import pytest

from codeagent._runtime import async_runtime as rt

from .helpers import forever, until


async def test_a_timeout_that_is_not_reached_changes_nothing() -> None:
    async with rt.timeout(3600):
        await rt.checkpoint()


async def test_a_timeout_of_none_never_ends_the_block() -> None:
    async with rt.timeout(None):
        await rt.sleep(0.001)


async def test_a_timeout_ends_the_wait_with_an_error() -> None:
    with pytest.raises(TimeoutError):
        async with rt.timeout(0.01):
            await forever()


async def test_a_timeout_of_zero_ends_the_first_wait() -> None:
    with pytest.raises(TimeoutError):
        async with rt.timeout(0):
            await forever()


async def test_the_inner_timeout_ends_only_the_inner_block() -> None:
    after = False
    async with rt.timeout(3600):
        with pytest.raises(TimeoutError):
            async with rt.timeout(0.01):
                await forever()
        await rt.checkpoint()
        after = True
    assert after


async def test_the_outer_timeout_passes_through_the_inner_block() -> None:
    reached = []
    with pytest.raises(TimeoutError):
        async with rt.timeout(0.01):
            try:
                async with rt.timeout(3600):
                    await forever()
            except TimeoutError:
                reached.append("inner")
            reached.append("between")
    assert reached == []


async def test_when_both_timeouts_have_run_out_the_outer_one_counts() -> None:
    reached = []
    with pytest.raises(TimeoutError):
        async with rt.timeout(0):
            try:
                async with rt.timeout(0):
                    await forever()
            except TimeoutError:
                reached.append("inner")
    assert reached == []


async def test_an_error_of_the_block_goes_first() -> None:
    with pytest.raises(KeyError):
        async with rt.timeout(3600):
            raise KeyError


async def test_a_timeout_error_of_the_block_itself_is_no_early_end() -> None:
    scope = rt.CancelScope(3600)
    with pytest.raises(TimeoutError):
        async with scope:
            raise TimeoutError
    assert not scope.ended_early


async def test_a_scope_ends_without_an_error() -> None:
    async with rt.CancelScope(0.01) as scope:
        await forever()
    assert scope.ended_early


async def test_a_scope_that_is_not_ended_says_so() -> None:
    async with rt.CancelScope(3600) as scope:
        await rt.checkpoint()
    assert not scope.ended_early


async def test_a_scope_is_cancelled_by_another_task() -> None:
    waiting = rt.Event()
    scope = rt.CancelScope()

    async def cancel() -> None:
        await waiting.wait()
        scope.cancel()

    async with rt.TaskGroup() as group:
        group.start_soon(cancel)
        async with scope:
            waiting.set()
            await forever()
    assert scope.ended_early


async def test_a_scope_that_cancels_itself_ends_at_its_next_wait() -> None:
    steps = []
    async with rt.CancelScope() as scope:
        scope.cancel()
        steps.append("no wait yet")
        await forever()
        steps.append("too far")
    assert steps == ["no wait yet"]
    assert scope.ended_early


async def test_a_scope_cancelled_before_it_is_entered_ends_at_its_first_wait() -> None:
    scope = rt.CancelScope()
    scope.cancel()
    async with scope:
        await forever()
    assert scope.ended_early


async def test_a_scope_starts_its_clock_when_it_is_entered() -> None:
    scope = rt.CancelScope(0.3)
    await rt.sleep(0.3)
    async with scope:
        await rt.checkpoint()
    assert not scope.ended_early


async def test_cancelling_twice_or_after_the_end_does_no_harm() -> None:
    async with rt.CancelScope(0.01) as scope:
        scope.cancel()
        scope.cancel()
        try:
            await forever()
        finally:
            scope.cancel()
    scope.cancel()
    assert scope.ended_early
    await rt.sleep(0.001)


async def test_cancelling_a_scope_whose_time_is_up_does_no_harm() -> None:
    async with rt.CancelScope(0.01) as scope:
        try:
            await forever()
        finally:
            scope.cancel()
    assert scope.ended_early


async def test_cancelling_the_outer_scope_passes_through_the_inner_one() -> None:
    steps = []
    async with rt.CancelScope() as outer:
        async with rt.CancelScope() as inner:
            outer.cancel()
            await forever()
        steps.append("between")
    assert steps == []
    assert outer.ended_early
    assert not inner.ended_early


async def test_cancelling_the_inner_scope_leaves_the_outer_one_alone() -> None:
    steps = []
    async with rt.CancelScope() as outer:
        async with rt.CancelScope() as inner:
            inner.cancel()
            await forever()
        await rt.checkpoint()
        steps.append("between")
    assert steps == ["between"]
    assert inner.ended_early
    assert not outer.ended_early


async def test_a_deadline_reaches_the_tasks_of_a_group_inside() -> None:
    ended = []

    async def work() -> None:
        try:
            await forever()
        finally:
            ended.append("work")

    async with rt.CancelScope(0.02) as scope, rt.TaskGroup() as group:
        group.start_soon(work)
        group.start_soon(work)
    assert scope.ended_early
    assert ended == ["work", "work"]


async def test_a_checkpoint_in_an_ended_scope_ends_it() -> None:
    async with rt.CancelScope() as scope:
        scope.cancel()
        await rt.checkpoint()
        pytest.fail("the block went on")
    assert scope.ended_early


async def test_a_shielded_function_runs_to_its_end_and_the_caller_hears_of_it_then() -> None:
    steps = []
    started, go_on = rt.Event(), rt.Event()

    async def flush() -> None:
        started.set()
        await go_on.wait()
        steps.append("flushed")

    async def caller() -> None:
        await rt.shielded(flush)
        steps.append("went on")

    async with rt.TaskGroup() as group:
        task = group.start_soon(caller)
        await started.wait()
        task.cancel()
        task.cancel()
        await rt.checkpoint()
        go_on.set()
        with pytest.raises(rt.TaskCancelled):
            await task.wait()
    assert steps == ["flushed"]


async def test_a_shield_holds_against_a_deadline_too() -> None:
    done = []

    async def flush() -> None:
        await rt.sleep(0.03)
        done.append(True)

    async with rt.CancelScope(0.01) as scope:
        await rt.shielded(flush)
        await forever()
    assert done == [True]
    assert scope.ended_early


async def test_a_shielded_function_returns_its_result() -> None:
    async def double(number: int, *, plus: int) -> int:
        await rt.checkpoint()
        return 2 * number + plus

    assert await rt.shielded(double, 4, plus=1) == 9


async def test_cleaning_up_may_shield_several_things_in_a_row() -> None:
    steps: list[str] = []

    async def step(name: str) -> None:
        await rt.sleep(0.001)
        steps.append(name)

    async with rt.CancelScope(0.01):
        try:
            await forever()
        finally:
            await rt.shielded(step, "first")
            await rt.shielded(step, "second")
            steps.append("third")
    assert steps == ["first", "second", "third"]


async def test_the_error_of_a_shielded_function_is_not_lost() -> None:
    started, go_on = rt.Event(), rt.Event()

    async def flush() -> None:
        started.set()
        await go_on.wait()
        raise OSError("the disk is full")

    async def caller() -> None:
        await rt.shielded(flush)

    with pytest.raises(ExceptionGroup) as caught:
        async with rt.TaskGroup() as group:
            task = group.start_soon(caller)
            await started.wait()
            task.cancel()
            go_on.set()
            await until(task.done)
    assert [str(error) for error in caught.value.exceptions] == ["the disk is full"]


async def test_a_timeout_inside_a_shield_works() -> None:
    async def flush() -> str:
        try:
            async with rt.timeout(0.01):
                await forever()
        except TimeoutError:
            return "gave up"
        return "never"

    assert await rt.shielded(flush) == "gave up"


async def test_call_takes_functions_that_wait_and_functions_that_do_not() -> None:
    async def waits(number: int) -> int:
        await rt.checkpoint()
        return number

    def does_not(number: int) -> int:
        return -number

    assert await rt.call(waits, 3) == 3
    assert await rt.call(does_not, 3) == -3
