"""What only the path on an event loop has: the loop, and being cancelled at any wait."""

from __future__ import annotations

import asyncio
import sys
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from codeagent._runtime import async_runtime as rt
from codeagent._runtime import children
from codeagent._runtime.async_files import Threads, use_threads
from codeagent._runtime.loops import choose_loop

from ..runtime_support import Gate, alive, descriptors

LOOPS = ["asyncio", "uvloop"]


async def _name() -> str:
    await rt.checkpoint()
    return rt.loop_name()


@pytest.mark.parametrize("loop", LOOPS)
def test_the_loop_that_is_asked_for_runs(loop: str) -> None:
    assert rt.run(_name, loop=loop) == loop


def test_the_fast_loop_is_taken_where_it_is_installed() -> None:
    assert rt.run(_name) == choose_loop().name == "uvloop"


def test_the_loop_of_the_standard_library_is_taken_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    choice = choose_loop()
    assert choice.name == "asyncio"
    assert "uvloop is not installed" in choice.reason
    assert rt.run(_name) == "asyncio"


def test_a_loop_that_is_asked_for_and_not_installed_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    with pytest.raises(LookupError, match="'uvloop' is not installed"):
        choose_loop("uvloop")


@pytest.mark.parametrize("name", ["json", "curio", "", "UVLOOP"])
def test_a_loop_that_nobody_knows_is_an_error(name: str) -> None:
    with pytest.raises(LookupError, match="auto, uvloop, winloop, asyncio"):
        choose_loop(name)


def test_arguments_and_results_pass_through() -> None:
    async def add(one: int, other: int) -> int:
        await rt.checkpoint()
        return one + other

    assert rt.run(add, 1, 2, loop="asyncio", debug=True, io_threads=1) == 3


async def _many_things(where: Path) -> None:
    path = where / "file"
    async with rt.FileWatcher() as watcher, watcher.watch([path]) as watch:
        await rt.write_atomic(path, b"data")
        assert await watch.changed() == {path}
    async with await rt.open_process(["sh", "-c", "cat; echo e >&2; exit 3"], stdin=b"in") as child:
        assert await child.stdout.read() == b"in"
        assert await child.stderr.read() == b"e\n"
        assert await child.stdout.read() == b""
        assert await child.wait() == 3
    async with await rt.open_process(["sleep", "3600"]) as child, rt.CancelScope(0.01):
        await child.stdout.read()
    assert await child.wait() < 0


@pytest.mark.parametrize("loop", LOOPS)
def test_files_and_processes_work_on_both_loops(loop: str, tmp_path: Path) -> None:
    rt.run(_many_things, tmp_path, loop=loop, debug=loop == "asyncio")


@pytest.mark.parametrize("loop", LOOPS)
def test_the_loop_turns_while_children_are_being_spawned(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spawn = children.spawn
    order: list[str] = []

    async def tick() -> None:
        while True:
            await asyncio.sleep(0)
            order.append("turn")

    async def one(number: int) -> None:
        async with await rt.open_process(["true"]) as process:
            await process.wait()

    async def main() -> None:
        turns = asyncio.get_running_loop()

        def spawn_when_the_loop_has_turned(*args: Any, **kwargs: Any) -> Any:
            # The spawning thread waits for the loop: were it the loop's own, it would never end.
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), turns).result(10)
            order.append("spawn")
            return spawn(*args, **kwargs)

        monkeypatch.setattr(children, "spawn", spawn_when_the_loop_has_turned)
        async with rt.TaskGroup() as group:
            group.start_soon(tick)
            await rt.map_concurrently(one, range(20), limit=20)
            group.cancel()

    rt.run(main, loop=loop)
    assert order.count("spawn") == 20
    between = "".join("s" if step == "spawn" else "t" for step in order)
    assert "t" in between[between.index("s") : between.rindex("s")]


class _CountedExecutor(ThreadPoolExecutor):
    submitted = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.submitted += 1
        return super().submit(fn, *args, **kwargs)


class _CountedThreads(Threads):
    submitted = 0

    def submit(self, call: Callable[[], Callable[[], object]]) -> None:
        self.submitted += 1
        super().submit(call)


class _OneThread:
    """A loop that has one thread of its own, or one that `rt.run` would give it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, stack: ExitStack, *, given: bool) -> None:
        self._executor = stack.enter_context(_CountedExecutor(1))
        self._threads = stack.enter_context(closing(_CountedThreads(loop, 1)))
        loop.set_default_executor(self._executor)
        if given:
            use_threads(loop, self._threads)

    @property
    def hops(self) -> int:
        return self._executor.submitted + self._threads.submitted


@pytest.fixture(params=[False, True], ids=["the loop's", "the server's"])
async def one_thread(request: pytest.FixtureRequest) -> AsyncIterator[_OneThread]:
    with ExitStack() as stack:
        yield _OneThread(asyncio.get_running_loop(), stack, given=request.param)


async def test_a_whole_file_operation_is_one_hop(tmp_path: Path, one_thread: _OneThread) -> None:
    path = tmp_path / "file"

    async def hops(work: Coroutine[Any, Any, Any]) -> int:
        before = one_thread.hops
        await work
        return one_thread.hops - before

    assert await hops(rt.write_atomic(path, b"data")) == 1
    assert await hops(rt.read_bytes(path)) == 1
    assert await hops(rt.append(path, b"more")) == 1
    assert await hops(rt.run_blocking(path.exists)) == 1
    raw = await rt.open_append(path)
    assert await hops(raw.write(b"x" * 1_000_000)) == 1
    assert await hops(raw.__aexit__(None, None, None)) == 1


async def test_a_process_takes_one_hop(one_thread: _OneThread) -> None:
    async with await rt.open_process(["cat"], stdin=b"x" * 1_000_000) as process:
        assert sum([len(chunk) async for chunk in process.stdout]) == 1_000_000
        await process.wait()
    assert one_thread.hops == 1


@pytest.mark.usefixtures("one_thread")
async def test_a_call_that_has_not_begun_is_dropped_when_its_caller_is_cancelled() -> None:
    gate = Gate()
    ran: list[int] = []
    async with rt.TaskGroup() as group:
        group.start_soon(rt.run_blocking, gate.pass_through)
        queued = group.start_soon(rt.run_blocking, ran.append, 1)
        await rt.checkpoint()
        queued.cancel()
        with pytest.raises(rt.TaskCancelled):
            await queued.wait()
        gate.open()
    assert ran == []


@pytest.mark.parametrize("loop", LOOPS)
def test_blocking_calls_run_on_as_many_threads_as_they_need_and_no_more(loop: str) -> None:
    used: set[int] = set()

    def meet(barrier: threading.Barrier) -> None:
        used.add(threading.get_ident())
        barrier.wait(60)

    async def one(barrier: threading.Barrier) -> None:
        await rt.run_blocking(meet, barrier)

    async def together(number: int) -> int:
        used.clear()
        await rt.map_concurrently(one, [threading.Barrier(number)] * number, limit=number)
        return len(used)

    async def main() -> list[int]:
        running = threading.active_count()
        found = [await together(number) for number in (1, 1, 3, 2)]
        found.append(threading.active_count() - running)
        await rt.map_concurrently(rt.run_blocking, [used.clear] * 50, limit=50)
        return [*found, threading.active_count() - running]

    assert rt.run(main, loop=loop, io_threads=3) == [1, 1, 3, 2, 3, 3]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_that_was_long_busy_hears_of_every_call(loop: str) -> None:
    number = 70_000  # more than a pipe has room for

    async def main() -> list[int]:
        turns = asyncio.get_running_loop()
        heard: list[int] = []
        ended, all_heard = threading.Event(), asyncio.Event()

        def tell(one: int) -> None:
            heard.append(one)
            if len(heard) == number + 1:
                all_heard.set()

        def call(one: int) -> Callable[[], object]:
            if one == number:
                ended.set()
            return partial(tell, one)

        with closing(Threads(turns, 1)) as threads:
            for one in range(number + 1):
                threads.submit(partial(call, one))
            assert ended.wait(60)  # the loop does nothing else meanwhile
            await all_heard.wait()
        return heard

    assert rt.run(main, loop=loop) == list(range(number + 1))


@pytest.mark.parametrize(
    "run", [rt.run, lambda main: asyncio.run(main())], ids=["own loop", "another"]
)
def test_what_no_future_can_carry_is_raised_as_by_a_coroutine(run: Callable[..., Any]) -> None:
    async def work() -> None:
        with pytest.raises(RuntimeError, match="raised StopIteration") as raised:
            await rt.run_blocking(next, iter(()))
        assert isinstance(raised.value.__cause__, StopIteration)

    run(work)


class _Large:
    """What a call returns."""


@pytest.mark.parametrize("loop", LOOPS)
def test_a_result_is_there_no_longer_than_its_caller_keeps_it(loop: str) -> None:
    async def main() -> None:
        result = await rt.run_blocking(_Large)
        known = weakref.ref(result)
        assert known() is result
        del result
        assert known() is None

    rt.run(main, loop=loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_the_threads_of_a_run_end_with_it(loop: str) -> None:
    before = threading.active_count()

    async def fail() -> None:
        await rt.run_blocking(int)
        raise KeyError

    with pytest.raises(KeyError):
        rt.run(fail, loop=loop)
    assert threading.active_count() == before


class _CancelledAt:
    """Runs ``work`` and cancels the task that awaits it in the ``step``-th suspension."""

    def __init__(self, work: Coroutine[Any, Any, None], step: int, *, at_once: bool) -> None:
        self.work, self.step, self.at_once = work, step, at_once
        self.reached = False

    def __await__(self) -> Generator[Any, Any, None]:
        task = asyncio.current_task()
        assert task is not None
        suspensions, error = 0, None
        while True:
            try:
                future = self.work.send(None) if error is None else self.work.throw(error)
            except StopIteration:
                return
            suspensions, error = suspensions + 1, None
            if suspensions == self.step:
                self.reached = True
                if self.at_once:
                    task.cancel()
                else:
                    asyncio.get_running_loop().call_soon(task.cancel)
            try:
                yield future
            except asyncio.CancelledError as cancelled:
                error = cancelled


async def _use_a_process() -> None:
    async with await rt.open_process(["sh", "-c", "echo out; exec sleep 3600"]) as process:
        assert await process.stdout.read() == b"out\n"
        await rt.checkpoint()
        process.signal(9)
        await process.wait()


async def _use_files(path: Path) -> None:
    await rt.write_atomic(path, b"data")
    async with await rt.open_append(path) as raw:
        await raw.write(b"more")
    async with rt.FileWatcher() as watcher, watcher.watch([path]) as watch:
        await rt.append(path, b"more")
        await watch.changed()


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("loop", LOOPS)
def test_being_cancelled_at_any_wait_leaves_nothing_behind(
    loop: str, at_once: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spawn = children.spawn
    pids: list[int] = []

    def note(*args: Any, **kwargs: Any) -> Any:
        process = spawn(*args, **kwargs)
        pids.append(process.pid)
        return process

    monkeypatch.setattr(children, "spawn", note)

    async def main() -> int:
        await _use_a_process()
        await _use_files(tmp_path / "file")
        open_before = descriptors()
        steps, more = 0, True
        while more:
            more = False
            steps += 1
            for work in (_use_a_process(), _use_files(tmp_path / "file")):
                cancelled = _CancelledAt(work, steps, at_once=at_once)
                try:
                    await asyncio.ensure_future(_awaited(cancelled))
                except asyncio.CancelledError:
                    assert cancelled.reached
                more = more or cancelled.reached
        assert descriptors() <= open_before
        assert list(tmp_path.iterdir()) == [tmp_path / "file"]
        return steps

    assert rt.run(main, loop=loop) > 5
    assert len(pids) > 5
    assert not any(alive(pid) for pid in pids)


async def _awaited(work: _CancelledAt) -> None:
    await work
