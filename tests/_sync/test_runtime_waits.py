# Generated from tests/_async/test_runtime_waits.py. Do not edit.
"""Every wait ends when its scope does: by a deadline, or because somebody cancels."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from codeagent._runtime import sync_runtime as rt

from ..runtime_support import PYTHON, promised, unkept

Wait = Callable[[rt.Event, Path], rt.Result[None]]


def a_sleep(ready: rt.Event, where: Path) -> None:
    ready.set()
    rt.sleep(3600)


def an_event(ready: rt.Event, where: Path) -> None:
    ready.set()
    rt.Event().wait()


def _hold(lock: rt.Lock, held: rt.Event) -> None:
    with lock:
        held.set()
        rt.sleep(3600)


def a_lock(ready: rt.Event, where: Path) -> None:
    lock, held = rt.Lock(), rt.Event()
    with rt.TaskGroup() as group:
        group.start_soon(_hold, lock, held)
        held.wait()
        ready.set()
        lock.acquire()


def a_semaphore(ready: rt.Event, where: Path) -> None:
    ready.set()
    rt.Semaphore(0).acquire()


def a_full_channel(ready: rt.Event, where: Path) -> None:
    channel: rt.Channel[int] = rt.Channel(maxsize=1)
    channel.put(1)
    ready.set()
    channel.put(2)


def an_empty_channel(ready: rt.Event, where: Path) -> None:
    channel: rt.Channel[int] = rt.Channel()
    ready.set()
    channel.get()


def a_loop_over_a_channel(ready: rt.Event, where: Path) -> None:
    channel: rt.Channel[int] = rt.Channel()
    ready.set()
    for _ in channel:
        pytest.fail("it is empty")


def the_end_of_a_process(ready: rt.Event, where: Path) -> None:
    with rt.open_process(["sleep", "3600"]) as process:
        ready.set()
        process.wait()


def the_output_of_a_process(ready: rt.Event, where: Path) -> None:
    with rt.open_process(["sleep", "3600"]) as process:
        ready.set()
        process.stdout.read()


def more_output_of_a_process(ready: rt.Event, where: Path) -> None:
    code = "import time; print(flush=True); time.sleep(3600)"
    with rt.open_process([*PYTHON, code]) as process:
        assert process.stdout.read() == b"\n"
        ready.set()
        for _ in process.stderr:
            pytest.fail("it says nothing")


def the_change_of_a_file(ready: rt.Event, where: Path) -> None:
    with rt.FileWatcher() as watcher, watcher.watch([where / "file"]) as watch:
        ready.set()
        watch.changed()


def the_change_of_a_file_in_a_missing_directory(ready: rt.Event, where: Path) -> None:
    with rt.FileWatcher() as watcher, watcher.watch([where / "a" / "b" / "file"]) as watch:
        ready.set()
        watch.changed()


def a_signal(ready: rt.Event, where: Path) -> None:
    with rt.Signals(signal.SIGUSR1) as signals:
        ready.set()
        signals.wait()


def a_promise(ready: rt.Event, where: Path) -> None:
    ready.set()
    rt.wait_for_future(unkept())


def a_map(ready: rt.Event, where: Path) -> None:
    ready.set()
    rt.map_concurrently(rt.sleep, [3600.0] * 5, limit=2)


def a_group(ready: rt.Event, where: Path) -> None:
    with rt.TaskGroup() as group:
        group.start_soon(rt.sleep, 3600)
        ready.set()


def a_task(ready: rt.Event, where: Path) -> None:
    with rt.TaskGroup() as group:
        task = group.start_soon(rt.sleep, 3600)
        ready.set()
        task.wait()


WAITS: list[Wait] = [
    a_sleep,
    an_event,
    a_lock,
    a_semaphore,
    a_full_channel,
    an_empty_channel,
    a_loop_over_a_channel,
    the_end_of_a_process,
    the_output_of_a_process,
    more_output_of_a_process,
    the_change_of_a_file,
    the_change_of_a_file_in_a_missing_directory,
    a_signal,
    a_promise,
    a_map,
    a_group,
    a_task,
]
every_wait = pytest.mark.parametrize("wait", WAITS, ids=lambda wait: wait.__name__)


@every_wait
def test_a_deadline_ends_it(wait: Wait, tmp_path: Path) -> None:
    with pytest.raises(TimeoutError):
        with rt.timeout(0.05):
            wait(rt.Event(), tmp_path)


@every_wait
def test_a_deadline_of_a_scope_outside_its_task_ends_it(wait: Wait, tmp_path: Path) -> None:
    with rt.CancelScope(0.05) as scope, rt.TaskGroup() as group:
        group.start_soon(wait, rt.Event(), tmp_path)
    assert scope.ended_early


@every_wait
def test_cancelling_its_task_ends_it(wait: Wait, tmp_path: Path) -> None:
    with rt.TaskGroup() as group:
        ready = rt.Event()
        task = group.start_soon(wait, ready, tmp_path)
        ready.wait()
        task.cancel()
        with pytest.raises(rt.TaskCancelled):
            task.wait()


@every_wait
def test_cancelling_a_scope_around_it_ends_it(wait: Wait, tmp_path: Path) -> None:
    scope, ready = rt.CancelScope(), rt.Event()

    def cancel() -> None:
        ready.wait()
        rt.checkpoint()
        scope.cancel()

    with rt.TaskGroup() as group:
        group.start_soon(cancel)
        with scope:
            wait(ready, tmp_path)
    assert scope.ended_early


@every_wait
def test_an_error_beside_it_ends_it(wait: Wait, tmp_path: Path) -> None:
    def fail(ready: rt.Event) -> None:
        ready.wait()
        raise ValueError

    with pytest.raises(ExceptionGroup):
        with rt.TaskGroup() as group:
            ready = rt.Event()
            group.start_soon(wait, ready, tmp_path)
            group.start_soon(fail, ready)


def test_a_promise_that_is_kept_gives_its_result() -> None:
    assert rt.wait_for_future(promised(lambda: 42)) == 42


def test_a_promise_that_is_kept_already_gives_its_result() -> None:
    future = promised(lambda: 42)
    future.result()
    assert rt.wait_for_future(future) == 42


def test_a_promise_that_fails_gives_its_error() -> None:
    def fail() -> None:
        raise LookupError("not there")

    with pytest.raises(LookupError, match="not there"):
        rt.wait_for_future(promised(fail))


def test_a_promise_that_is_withdrawn_is_no_cancellation_of_who_waits() -> None:
    future = unkept()
    future.cancel()
    with pytest.raises(rt.TaskCancelled):
        rt.wait_for_future(future)

    def end() -> None:
        raise rt.Cancelled

    with pytest.raises(rt.TaskCancelled):
        rt.wait_for_future(promised(end))


def test_who_stops_waiting_for_a_promise_leaves_the_work_alone() -> None:
    future = unkept()
    with rt.CancelScope(0.005) as scope:
        rt.wait_for_future(future)
    assert scope.ended_early
    assert not future.cancelled()
    future.set_result("kept all the same")
    assert rt.wait_for_future(future) == "kept all the same"
