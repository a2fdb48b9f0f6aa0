"""What only the path on threads has: races, finalisers, and threads to be put away."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from codeagent._runtime import sync_runtime as rt
from codeagent._runtime.sync_scope import Scope, current_scope, entered

from ..runtime_support import PYTHON, descriptors


@pytest.fixture(autouse=True)
def _threads_change_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_a_state_lock_makes_reading_and_writing_one_step() -> None:
    state, count = rt.StateLock(), 0

    def work() -> None:
        nonlocal count
        for _ in range(500):
            with state:
                seen = count
                count = seen + 1

    with rt.TaskGroup() as group:
        for _ in range(8):
            group.start_soon(work)
    assert count == 8 * 500


def test_a_lock_lets_one_thread_in_at_a_time() -> None:
    lock, count = rt.Lock(), 0

    def work() -> None:
        nonlocal count
        for _ in range(100):
            with lock:
                seen = count
                count = seen + 1

    with rt.TaskGroup() as group:
        for _ in range(8):
            group.start_soon(work)
    assert count == 8 * 100
    assert not lock.locked()


def test_a_semaphore_under_load_loses_no_place() -> None:
    places, state = rt.Semaphore(3), rt.StateLock()
    inside, most = 0, 0

    def work(number: int) -> None:
        nonlocal inside, most
        for turn in range(60):
            with rt.CancelScope(0 if (number + turn) % 5 == 0 else None), places:
                with state:
                    inside += 1
                    most = max(most, inside)
                with state:
                    inside -= 1

    with rt.TaskGroup() as group:
        for number in range(8):
            group.start_soon(work, number)
    assert most <= 3
    for _ in range(3):
        places.acquire()
    assert places.locked()


def test_a_channel_under_load_loses_and_doubles_nothing() -> None:
    channel: rt.Channel[int] = rt.Channel(maxsize=2)
    got: list[int] = []

    def produce(first: int) -> None:
        for number in range(first, first + 100):
            channel.put(number)

    def consume(number: int) -> None:
        turn, open_ = 0, True
        while open_:
            turn += 1
            with rt.CancelScope(0.0001 if (turn + number) % 4 == 0 else None):
                try:
                    item = channel.get()
                    got.append(item)
                except rt.ChannelClosed:
                    open_ = False

    with rt.TaskGroup() as consumers:
        for number in range(4):
            consumers.start_soon(consume, number)
        with rt.TaskGroup() as producers:
            for first in range(0, 400, 100):
                producers.start_soon(produce, first)
        channel.close()
    assert sorted(got) == list(range(400))


def test_errors_and_cancellation_at_the_same_time_end_the_group() -> None:
    for _ in range(30):
        go = rt.Event()

        def fail(go: rt.Event = go) -> None:
            go.wait()
            raise ValueError

        def wait(go: rt.Event = go) -> None:
            go.wait()
            rt.Event().wait()

        with pytest.raises(ExceptionGroup) as caught, rt.TaskGroup() as group:
            failing = [group.start_soon(fail) for _ in range(2)]
            waiting = [group.start_soon(wait) for _ in range(3)]
            go.set()
            for task in waiting:
                task.cancel()
            rt.Event().wait()
        assert 1 <= len(caught.value.exceptions) <= 2
        assert all(task.done() for task in failing + waiting)


def test_a_scope_cancelled_between_the_look_and_the_wait_ends_the_wait() -> None:
    for turn in range(300):
        scope, event = rt.CancelScope(), rt.Event()

        def cancel(scope: rt.CancelScope = scope, event: rt.Event = event) -> None:
            event.wait()
            scope.cancel()

        with rt.TaskGroup() as group:
            group.start_soon(cancel)
            with scope:
                event.set()
                if turn % 2:
                    rt.Event().wait()
                else:
                    rt.sleep(3600)
        assert scope.ended_early


def test_a_scope_cancelled_exactly_before_the_wait_ends_it() -> None:
    scope = Scope(None)
    canceller: threading.Thread | None = None

    class Cancelling(threading.Condition):
        """Has the scope cancelled by another thread when the wait is about to begin."""

        def wait(self, timeout: float | None = None) -> bool:
            nonlocal canceller
            if canceller is None:
                canceller = threading.Thread(target=scope.cancel)
                canceller.start()
            return super().wait(timeout)

    changed = Cancelling()
    with entered(scope), changed, pytest.raises(rt.Cancelled):
        current_scope().wait(changed, lambda: False)
    assert canceller is not None
    canceller.join()


def test_a_scope_cancelled_while_a_descriptor_is_waited_for_ends_it() -> None:
    reader, writer = os.pipe()
    try:
        for _ in range(100):
            scope, ready = Scope(None), threading.Event()

            def cancel(scope: Scope = scope, ready: threading.Event = ready) -> None:
                ready.wait()
                scope.cancel()

            thread = threading.Thread(target=cancel)
            thread.start()
            with entered(scope), pytest.raises(rt.Cancelled):
                ready.set()
                scope.wait_readable(reader)
            thread.join()
    finally:
        os.close(reader)
        os.close(writer)


def test_a_bell_that_is_rung_late_writes_into_nobody_elses_file(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"ready")
    scope = Scope(None)
    scope.wait_readable(reader)
    rung: list[object] = []
    wakers = scope._wakers

    class Keeping(dict):  # type: ignore[type-arg]
        def __setitem__(self, key: object, wake: object) -> None:
            rung.append(wake)
            super().__setitem__(key, wake)

    scope._wakers = Keeping(wakers)
    scope.wait_readable(reader)
    files = [(tmp_path / str(number)).open("wb") for number in range(8)]
    for wake in rung:
        wake()  # type: ignore[operator]
    for file in files:
        file.close()
    assert len(rung) == 1
    assert all(path.stat().st_size == 0 for path in tmp_path.iterdir())
    os.close(reader)
    os.close(writer)


def test_a_finaliser_may_enter_a_state_lock_and_set_an_event_inside_a_guarded_block() -> None:
    state, event, places = rt.StateLock(), rt.Event(), rt.Semaphore(0)

    class Resource:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            with state:
                event.set()
                places.release()

    Resource()
    with state, event._changed, places._lock:
        gc.collect()
    assert event.is_set()
    places.acquire()


def test_a_generator_abandoned_in_a_scope_is_closed_by_the_collector_without_harm() -> None:
    scope = Scope(None)

    def generate() -> Iterator[int]:
        with entered(Scope(scope)) as inner:
            try:
                yield 1
            finally:
                inner.cancel()

    generator = generate()
    next(generator)
    cycle = [generator]
    cycle.append(cycle)  # type: ignore[arg-type]
    del generator, cycle
    gc.collect()
    assert not scope._below
    assert not scope.ended()


def test_a_thousand_waits_leave_no_descriptor_open() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"ready")
    before = descriptors()
    try:
        for turn in range(1000):
            with rt.CancelScope(0 if turn % 2 else None):
                current_scope().wait_readable(reader)
            with rt.CancelScope(0):
                rt.sleep(3600)
        assert descriptors() == before
    finally:
        os.close(reader)
        os.close(writer)


def test_waiting_leaves_nothing_in_the_scopes() -> None:
    scope = Scope(None)
    future: Future[None] = Future()
    with entered(scope):
        for _ in range(50):
            with rt.CancelScope(0):
                rt.wait_for_future(future)
            with pytest.raises(TimeoutError), rt.timeout(0):
                rt.Event().wait()
            rt.map_concurrently(rt.sleep, [0.0] * 2, limit=2)
    assert not scope._below
    assert not scope._wakers


def test_no_thread_is_left_when_a_group_has_ended() -> None:
    before = set(threading.enumerate())
    for _ in range(50):
        with rt.TaskGroup() as group:
            for _ in range(4):
                group.start_soon(rt.sleep, 0)
        assert set(threading.enumerate()) == before


def test_a_long_lived_group_forgets_the_threads_that_have_ended() -> None:
    with rt.TaskGroup() as group:
        for _ in range(50):
            group.start_soon(rt.sleep, 0)
        for thread in group._threads:
            thread.join()
        group.start_soon(rt.sleep, 0)
        assert len(group._threads) == 1


def test_a_thread_that_cannot_be_started_does_not_hang_the_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with pytest.raises(ExceptionGroup) as caught, rt.TaskGroup() as group:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        group.start_soon(rt.sleep, 0)
    assert caught.group_contains(RuntimeError, match="new thread")


def test_a_far_deadline_is_no_error() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"ready")
    try:
        with rt.timeout(1e12):
            current_scope().wait_readable(reader)
            rt.sleep(0.001)
            with rt.TaskGroup() as group:
                group.start_soon(rt.sleep, 0.001).wait()
    finally:
        os.close(reader)
        os.close(writer)


def test_interrupting_ends_the_scopes_first_and_is_raised_when_they_have_ended() -> None:
    steps: list[str] = []

    def work() -> None:
        try:
            rt.sleep(3600)
        finally:
            rt.shielded(rt.sleep, 0.001)
            steps.append("task")

    def main() -> None:
        with rt.TaskGroup() as group:
            group.start_soon(work)
            try:
                os.kill(os.getpid(), signal.SIGINT)
                rt.Event().wait()
            finally:
                steps.append("main")

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        rt.run(main)
    assert sorted(steps) == ["main", "task"]
    assert signal.getsignal(signal.SIGINT) is before


def test_interrupting_twice_does_not_wait() -> None:
    def main() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        rt.run(main)


def test_the_path_needs_no_event_loop() -> None:
    code = (
        "import sys\n"
        "from codeagent._runtime import sync_runtime as rt\n"
        "rt.run(rt.checkpoint)\n"
        "print('asyncio' in sys.modules, 'aiofiles' in sys.modules)"
    )
    with rt.open_process([sys.executable, "-c", code]) as process:
        output = b"".join(process.stdout)
        assert (output, process.stderr.read()) == (b"False False\n", b"")
    assert PYTHON[0] == sys.executable
