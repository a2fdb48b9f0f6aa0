# Generated from tests/_async/test_runtime_locks.py. Do not edit.
"""Events, locks, semaphores and state locks."""

from __future__ import annotations

from functools import partial

import pytest

from codeagent._runtime import sync_runtime as rt

from ..runtime_support import waiting
from .helpers import forever, until, until_waiting


def _has(items: list[int], count: int) -> bool:
    return len(items) == count


def test_an_event_wakes_everybody_and_stays_up() -> None:
    event = rt.Event()
    with rt.TaskGroup() as group:
        tasks = [group.start_soon(event.wait) for _ in range(3)]
        until_waiting(event, 3)
        assert not event.is_set()
        event.set()
    assert [task.wait() for task in tasks] == [True, True, True]
    assert event.wait()
    event.clear()
    assert not event.is_set()


def test_a_lock_lets_one_in_at_a_time_in_the_order_of_asking() -> None:
    lock = rt.Lock()
    order: list[int] = []

    def work(number: int) -> None:
        with lock:
            order.append(number)
            rt.checkpoint()
            order.append(number)

    with rt.TaskGroup() as group, lock:
        for number in range(8):
            group.start_soon(work, number)
            until_waiting(lock, number + 1)
        assert lock.locked()
        assert order == []
    assert order == [number for number in range(8) for _ in range(2)]
    assert not lock.locked()


def test_a_lock_refuses_to_be_taken_twice_by_one_task() -> None:
    lock = rt.Lock()
    with lock:
        with pytest.raises(RuntimeError, match="reentrant"):
            lock.acquire()
        assert lock.locked()
    with lock:
        assert lock.locked()


def test_a_lock_that_is_not_held_cannot_be_released() -> None:
    lock = rt.Lock()
    with pytest.raises(RuntimeError):
        lock.release()
    with lock:
        assert lock.locked()
    with pytest.raises(RuntimeError):
        lock.release()


def test_a_lock_is_free_again_after_an_error() -> None:
    lock = rt.Lock()
    with pytest.raises(KeyError):
        with lock:
            raise KeyError
    assert not lock.locked()


def test_who_gives_up_waiting_for_a_lock_leaves_the_line() -> None:
    lock = rt.Lock()
    order: list[str] = []

    def work(name: str) -> None:
        with lock:
            order.append(name)

    with rt.TaskGroup() as group, lock:
        tasks = {}
        for count, name in enumerate(["first", "second", "third"], 1):
            tasks[name] = group.start_soon(work, name)
            until_waiting(lock, count)
        tasks["second"].cancel()
        until(tasks["second"].done)
    assert order == ["first", "third"]


def test_a_semaphore_lets_so_many_in_and_keeps_the_order() -> None:
    places = rt.Semaphore(2)
    order: list[int] = []

    def work(number: int) -> None:
        places.acquire()
        order.append(number)

    with rt.TaskGroup() as group:
        places.acquire()
        assert not places.locked()
        places.acquire()
        assert places.locked()
        for number in range(5):
            group.start_soon(work, number)
            until_waiting(places, number + 1)
        for number in range(5):
            places.release()
            until(partial(_has, order, number + 1))
    assert order == [0, 1, 2, 3, 4]


def test_a_waiter_cancelled_in_the_middle_of_the_line_costs_nobody_his_turn() -> None:
    places = rt.Semaphore(1)
    order: list[int] = []

    def work(number: int) -> None:
        with places:
            order.append(number)

    with rt.TaskGroup() as group:
        places.acquire()
        tasks = []
        for number in range(5):
            tasks.append(group.start_soon(work, number))
            until_waiting(places, number + 1)
        tasks[2].cancel()
        until(tasks[2].done)
        places.release()
    assert order == [0, 1, 3, 4]
    assert not places.locked()


def test_a_place_given_to_somebody_who_is_cancelled_goes_to_the_next() -> None:
    for _ in range(20):
        places = rt.Semaphore(1)
        places.acquire()
        with rt.TaskGroup() as group:
            first = group.start_soon(places.acquire)
            until_waiting(places, 1)
            second = group.start_soon(places.acquire)
            until_waiting(places, 2)
            places.release()
            first.cancel()
            until(first.done)
            try:
                first.wait()
                places.release()
            except rt.TaskCancelled:
                pass
            assert second.wait()


def test_a_semaphore_counts_from_zero_upwards() -> None:
    with pytest.raises(ValueError, match=">= 0"):
        rt.Semaphore(-1)
    places = rt.Semaphore(0)
    assert places.locked()
    places.release()
    with places:
        assert places.locked()


def test_a_state_lock_may_be_entered_again_by_its_holder() -> None:
    state = rt.StateLock()
    with state, state:
        pass
    with state:
        pass


def test_a_state_lock_is_free_again_after_an_error() -> None:
    state = rt.StateLock()
    with pytest.raises(KeyError), state:
        raise KeyError
    entered = []

    def enter() -> None:
        with state:
            entered.append(True)

    with rt.TaskGroup() as group:
        group.start_soon(enter)
    assert entered == [True]


def test_a_wait_that_is_cancelled_leaves_nothing_in_the_line() -> None:
    lock, event, places = rt.Lock(), rt.Event(), rt.Semaphore(0)

    def hold() -> None:
        with lock:
            forever()

    with rt.TaskGroup() as group:
        group.start_soon(hold)
        until(lock.locked)
        for wait in (lock.acquire, event.wait, places.acquire):
            with rt.CancelScope(0.001):
                wait()
        assert (waiting(lock), waiting(event), waiting(places)) == (0, 0, 0)
        group.cancel()
