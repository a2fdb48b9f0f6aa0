"""How a child ends, and all that it has started with it."""

from __future__ import annotations

import os
import signal

import pytest

from codeagent._runtime import async_runtime as rt
from codeagent._runtime import children

from ..runtime_support import PYTHON, Gate, alive
from .helpers import forever, read_all, read_line, until


async def test_leaving_the_block_ends_the_child() -> None:
    async with await rt.open_process(["sleep", "3600"]) as process:
        pid = process.pid
        assert alive(pid)
    assert not alive(pid)
    assert await process.wait() == -signal.SIGKILL


async def test_grandchildren_that_hold_the_output_end_with_the_child() -> None:
    command = "sleep 3600 & echo $!; sleep 3601 & echo $!; exit 7"
    async with await rt.open_process(["sh", "-c", command]) as process:
        assert await process.wait() == 7
        lines = b""
        while lines.count(b"\n") < 2:
            lines += await process.stdout.read()
        grandchildren = [int(pid) for pid in lines.split()]
        async with rt.CancelScope(0.02) as scope:
            await process.stdout.read()
        assert scope.ended_early
        assert all(alive(pid) for pid in grandchildren)
    await until(lambda: not any(alive(pid) for pid in grandchildren))


async def test_a_child_that_ignores_the_request_to_end_is_killed() -> None:
    code = """if True:
        import os, signal, time
        signal.signal(signal.SIGTERM, lambda *_: os.write(1, b"no\\n"))
        os.write(1, b"ready\\n")
        while True: time.sleep(3600)
    """
    async with await rt.open_process([*PYTHON, code]) as process:
        assert await read_line(process) == b"ready\n"
        process.signal(signal.SIGTERM)
        assert await read_line(process) == b"no\n"
        async with rt.CancelScope(0.01) as patience:
            await process.wait()
        assert patience.ended_early
    assert await process.wait() == -signal.SIGKILL


async def test_a_signal_reaches_the_whole_group() -> None:
    command = "trap 'echo parent' USR1; (trap 'echo child; exit' USR1; echo up; while :; do sleep 0.01; done) & wait; wait"
    async with await rt.open_process(["sh", "-c", command]) as process:
        assert await read_line(process) == b"up\n"
        process.signal(signal.SIGUSR1)
        said = await read_all(process)
    assert sorted(said.split()) == [b"child", b"parent"]


async def test_a_signal_after_the_end_goes_nowhere() -> None:
    async with await rt.open_process(["true"]) as process:
        await process.wait()
        process.signal(signal.SIGTERM)
    process.signal(signal.SIGKILL)
    assert await process.wait() == 0


async def test_a_child_that_closes_its_output_may_live_on() -> None:
    async with await rt.open_process(["sh", "-c", "exec >&-; exec sleep 3600"]) as process:
        assert await read_all(process) == b""
        async with rt.CancelScope(0.01) as scope:
            await process.wait()
        assert scope.ended_early
        process.signal(signal.SIGTERM)
        assert await process.wait() == -signal.SIGTERM


async def test_what_the_child_wrote_can_be_read_after_its_end() -> None:
    async with await rt.open_process(["sh", "-c", "echo one; echo two >&2"]) as process:
        assert await process.wait() == 0
        assert await read_all(process) == b"one\n"
        assert await process.stderr.read() == b"two\n"


async def test_output_is_read_by_one_task_at_a_time() -> None:
    async with await rt.open_process(["sleep", "3600"]) as process, rt.TaskGroup() as group:
        reader = group.start_soon(process.stdout.read)
        async with rt.CancelScope(0.01):
            await forever()
        with pytest.raises(RuntimeError, match="another task"):
            await process.stdout.read()
        reader.cancel()
        with pytest.raises(rt.TaskCancelled):
            await reader.wait()
        async with rt.CancelScope(0.01) as scope:
            await process.stdout.read()
        assert scope.ended_early


async def test_who_still_reads_when_the_block_is_left_meets_the_end_of_the_output() -> None:
    async with rt.TaskGroup() as group:
        async with await rt.open_process(["sh", "-c", "sleep 3600 & wait"]) as process:
            reader = group.start_soon(process.stdout.read)
            watcher = group.start_soon(process.wait)
            async with rt.CancelScope(0.01):
                await forever()
        assert await reader.wait() == b""
        assert await watcher.wait() == -signal.SIGKILL
    assert await process.stdout.read() == b""


async def test_an_error_in_the_block_ends_the_child() -> None:
    with pytest.raises(KeyError):
        async with await rt.open_process(["sleep", "3600"]) as process:
            raise KeyError
    assert not alive(process.pid)


async def test_cancelling_ends_the_child_and_waits_for_it() -> None:
    pids = []
    started = rt.Event()

    async def work() -> None:
        async with await rt.open_process(["sleep", "3600"]) as process:
            pids.append(process.pid)
            started.set()
            await process.wait()

    async with rt.TaskGroup() as group:
        task = group.start_soon(work)
        await started.wait()
        task.cancel()
    assert not alive(pids[0])


async def test_who_is_cancelled_while_a_child_is_spawned_leaves_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = Gate()
    spawn, pids = children.spawn, []

    def spawn_slowly(*args: object, **kwargs: object) -> object:
        process = spawn(*args, **kwargs)  # type: ignore[arg-type]
        pids.append(process.pid)
        gate.pass_through()
        return process

    monkeypatch.setattr(children, "spawn", spawn_slowly)
    entered = []

    async def work() -> None:
        async with await rt.open_process(["sleep", "3600"]) as process:
            entered.append(process.pid)
            await process.wait()

    async with rt.TaskGroup() as group:
        task = group.start_soon(work)
        await until(gate.reached)
        task.cancel()
        gate.open()
        with pytest.raises(rt.TaskCancelled):
            await task.wait()
    await until(lambda: not alive(pids[0]))


async def test_a_child_that_cannot_be_watched_by_descriptor_is_watched_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(pid: int, flags: int = 0) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    async with await rt.open_process(["sh", "-c", "exit 4"]) as process:
        assert await process.wait() == 4
    async with await rt.open_process(["sleep", "3600"]) as process:
        async with rt.CancelScope(0.01) as scope:
            await process.wait()
        assert scope.ended_early
    assert await process.wait() == -signal.SIGKILL


async def test_a_block_that_cannot_be_entered_ends_the_child(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    process = await rt.open_process(["sleep", "3600"])

    def fail(pid: int, flags: int = 0) -> int:
        raise MemoryError

    monkeypatch.setattr(os, "pidfd_open", fail)
    with pytest.raises(MemoryError):
        async with process:
            pytest.fail("the block was entered")
    assert not alive(process.pid)
