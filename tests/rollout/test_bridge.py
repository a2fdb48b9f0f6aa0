"""Crossing from one colour to the other and back."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

import pytest

from codeagent.rollout import crossing
from codeagent.rollout.bridge import Bridge, Plain
from codeagent.rollout.workers import Workers

T = TypeVar("T")
colour: contextvars.ContextVar[str] = contextvars.ContextVar("colour", default="none")


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    with Bridge() as made:
        yield made


async def double(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


def halve(number: int) -> float:
    return number / 2


class Unusual(BaseException):
    """Neither an Exception nor known to anybody."""


ERRORS = [ValueError("x"), KeyError("k"), TimeoutError("own"), Unusual(), asyncio.CancelledError()]


def test_a_coroutine_function_answers_a_thread(bridge: Bridge) -> None:
    assert [bridge.call(double, number) for number in range(3)] == [0, 2, 4]


async def test_a_blocking_function_answers_a_coroutine(bridge: Bridge) -> None:
    assert await bridge.acall(halve, 3) == 1.5


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_cross_as_they_are_into_threads(bridge: Bridge, error: BaseException) -> None:
    async def fail() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        bridge.call(fail)
    assert caught.value is error
    assert bridge.call(double, 1) == 2


@pytest.mark.parametrize("error", [*ERRORS, SystemExit(3)], ids=lambda error: type(error).__name__)
async def test_errors_cross_as_they_are_into_coroutines(
    bridge: Bridge, error: BaseException
) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        await bridge.acall(fail)
    assert caught.value is error
    assert await bridge.acall(halve, 2) == 1


def test_an_exit_on_the_loop_does_not_end_the_loop(bridge: Bridge) -> None:
    async def leave() -> None:
        raise SystemExit(7)

    with pytest.raises(SystemExit):
        bridge.call(leave)
    assert bridge.call(double, 1) == 2


def test_context_variables_cross_into_the_loop_and_back(bridge: Bridge) -> None:
    async def look() -> str:
        before = colour.get()
        colour.set("blue")
        return before

    colour.set("red")
    assert bridge.call(look) == "red"
    assert colour.get() == "blue"


async def test_context_variables_cross_into_the_thread_and_back(bridge: Bridge) -> None:
    def look() -> str:
        before = colour.get()
        colour.set("blue")
        return before

    colour.set("red")
    assert await bridge.acall(look) == "red"
    assert colour.get() == "blue"


def test_a_time_out_cancels_the_coroutine_and_waits_for_its_end(bridge: Bridge) -> None:
    ended: list[str] = []

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("cleaned up")

    with pytest.raises(TimeoutError):
        bridge.call(hang, within=0.01)
    assert ended == ["cleaned up"]


async def test_a_cancelled_caller_waits_for_a_function_that_looks(bridge: Bridge) -> None:
    started, ended = asyncio.Event(), []
    loop = asyncio.get_running_loop()

    def work() -> None:
        loop.call_soon_threadsafe(started.set)
        found = crossing.current()
        assert found is not None
        assert found.cancelled.wait(20)
        assert crossing.cancelled()
        ended.append("stopped")

    task = asyncio.create_task(bridge.acall(work))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["stopped"]


async def test_a_caller_that_is_cancelled_again_still_waits(bridge: Bridge) -> None:
    started, release, ended = asyncio.Event(), threading.Event(), []
    loop = asyncio.get_running_loop()

    def work() -> None:
        loop.call_soon_threadsafe(started.set)
        assert release.wait(20)
        ended.append("done")

    task = asyncio.create_task(bridge.acall(work))
    await started.wait()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["done"]


async def test_a_deadline_crosses_and_only_shrinks(bridge: Bridge) -> None:
    def outer() -> list[float | None]:
        around = crossing.current()
        assert around is not None

        async def look() -> float | None:
            found = crossing.current()
            return None if found is None else found.deadline

        return [around.deadline, bridge.call(look, within=500), bridge.call(look, within=5)]

    whole, same, less = await bridge.acall(outer, within=50)
    assert whole is not None
    assert less is not None
    assert same == whole
    assert less < whole


async def test_a_detached_call_has_no_deadline_but_its_own(bridge: Bridge) -> None:
    def outer() -> float | None:
        call = bridge.start_sync(lambda: crossing.current(), detached=True)
        call.ended.result(20)
        found = call.outcome()
        assert found is not None
        return found.deadline

    assert await bridge.acall(outer, within=50) is None


async def test_crossings_nest_deeper_than_any_pool(bridge: Bridge) -> None:
    def down(depth: int) -> int:
        return depth if depth == 0 else bridge.call(up, depth - 1) + 1

    async def up(depth: int) -> int:
        return await bridge.acall(down, depth)

    assert await up(40) == 40


async def test_a_thousand_crossings_side_by_side(bridge: Bridge) -> None:
    found = await asyncio.gather(*(bridge.acall(halve, 2 * number) for number in range(1000)))
    assert found == list(range(1000))


async def test_blocking_an_event_loop_is_refused(bridge: Bridge) -> None:
    with pytest.raises(RuntimeError, match="await the function"):
        bridge.call(double, 1)


class Interrupted(BaseException):
    """What the synchronous code of this application raises when it is cancelled."""


class Scoped(Plain):
    """Synchronous code with a cancellation of its own."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.interrupted: list[str] = []

    def wait(self, future: Future[None]) -> None:
        over = threading.Event()
        future.add_done_callback(lambda _: over.set())

        def stopped() -> None:
            self.stop.wait(20)
            over.set()

        threading.Thread(target=stopped).start()
        over.wait(20)
        if not future.done():
            raise Interrupted

    def deadline(self) -> float | None:
        return time.monotonic() + 100

    def cancellable(self, fn: Callable[[], T]) -> tuple[Callable[[], T], Callable[[], None]]:
        stop = threading.Event()

        def run() -> Any:
            held.append(stop)
            return fn()

        def interrupt() -> None:
            self.interrupted.append("yes")
            stop.set()
            self.stop.set()

        held: list[threading.Event] = []
        return run, interrupt


def test_the_applications_cancellation_reaches_the_coroutine() -> None:
    blocking = Scoped()
    ended: list[str] = []

    async def hang() -> None:
        found = crossing.current()
        assert found is not None
        assert found.deadline is not None
        blocking.stop.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    with Bridge(blocking=blocking) as bridge, pytest.raises(Interrupted):
        bridge.call(hang)
    assert ended == ["cancelled"]


async def test_a_cancelled_task_interrupts_the_applications_function() -> None:
    blocking = Scoped()
    started = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hang() -> None:
        loop.call_soon_threadsafe(started.set)
        assert blocking.stop.wait(20)

    with Bridge(blocking=blocking) as bridge:
        task = asyncio.create_task(bridge.acall(hang))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert blocking.interrupted == ["yes"]


def test_closing_cancels_what_is_under_way_and_leaves_no_thread() -> None:
    bridge = Bridge()
    begun = threading.Event()

    async def hang() -> None:
        begun.set()
        await asyncio.Event().wait()

    call = bridge.start_async(hang)
    assert begun.wait(20)
    bridge.close()
    with pytest.raises(asyncio.CancelledError):
        call.outcome()


def test_a_closed_bridge_says_so() -> None:
    bridge = Bridge()
    bridge.call(double, 1)
    bridge.close()
    bridge.close()
    with pytest.raises(RuntimeError, match="closed"):
        bridge.call(double, 1)
    with pytest.raises(RuntimeError, match="closed"):
        bridge.start_sync(halve, 1)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # it has threads
def test_a_forked_child_is_told_to_make_its_own(bridge: Bridge) -> None:
    bridge.call(double, 1)
    child = os.fork()
    if child == 0:
        try:
            bridge.call(double, 1)
        except RuntimeError as error:
            os._exit(0 if "fork" in str(error) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


async def test_a_call_starts_on_the_loop_that_is_given(bridge: Bridge) -> None:
    async def where() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    loop = asyncio.get_running_loop()
    call = bridge.start_async(where, loop=loop)
    await asyncio.wrap_future(call.ended)
    assert call.outcome() is loop
    assert await bridge.acall(bridge.call, where) is not loop


def test_workers_are_used_again() -> None:
    workers = Workers("test")
    names: set[int] = set()

    def work(done: threading.Event) -> None:
        names.add(threading.get_ident())
        done.set()

    for _ in range(50):
        done = threading.Event()
        workers.submit(partial(work, done))
        assert done.wait(20)
    workers.close()
    assert len(names) < 50
    with pytest.raises(RuntimeError, match="dismissed"):
        workers.submit(lambda: None)
