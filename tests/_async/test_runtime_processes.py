"""Child processes: what goes in, what comes out, and how they end."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from codeagent._runtime import async_runtime as rt
from codeagent._runtime import children
from codeagent._runtime.identity import identity

from ..runtime_support import PYTHON, alive, descriptors
from .helpers import read_all, read_line, until


async def test_the_child_reads_what_it_is_given_and_then_the_end() -> None:
    async with await rt.open_process(["cat"], stdin=b"some\0bytes") as process:
        assert await read_all(process) == b"some\0bytes"
        assert await process.wait() == 0


async def test_a_large_input_needs_nobody_to_feed_it() -> None:
    data = b"0123456789abcdef" * 65536
    async with await rt.open_process(["cat"], stdin=data) as process:
        assert await read_all(process) == data


async def test_a_child_that_ignores_its_input_does_no_harm() -> None:
    async with await rt.open_process(["true"], stdin=b"x" * 1_000_000) as process:
        assert await process.wait() == 0


@pytest.mark.parametrize("stdin", [None, b""])
async def test_without_input_the_child_meets_its_end_at_once(stdin: bytes | None) -> None:
    async with await rt.open_process(["cat"], stdin=stdin) as process:
        assert await read_all(process) == b""
        assert await process.wait() == 0


async def test_the_two_outputs_are_kept_apart() -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr)"
    async with await rt.open_process([*PYTHON, code]) as process:
        assert await process.stderr.read() == b"err\n"
        assert await process.stderr.read() == b""
        assert await read_all(process) == b"out\n"


async def test_both_outputs_can_be_full_at_once() -> None:
    code = "import os\nfor _ in range(64): os.write(1, b'o' * 16384); os.write(2, b'e' * 16384)"
    sizes: dict[str, int] = {}

    async def count(name: str, stream: rt.ByteStream) -> None:
        sizes[name] = sum([len(chunk) async for chunk in stream])

    async with await rt.open_process([*PYTHON, code]) as process, rt.TaskGroup() as group:
        group.start_soon(count, "out", process.stdout)
        group.start_soon(count, "err", process.stderr)
        assert await process.wait() == 0
    assert sizes == {"out": 64 * 16384, "err": 64 * 16384}


async def test_a_line_of_64_mib_arrives_whole() -> None:
    code = "import sys; sys.stdout.buffer.write(b'x' * (64 << 20) + b'\\n')"
    async with await rt.open_process([*PYTHON, code]) as process:
        size, last = 0, b""
        async for chunk in process.stdout:
            assert chunk.strip(b"x\n") == b""
            size, last = size + len(chunk), chunk
        assert await process.wait() == 0
    assert size == (64 << 20) + 1
    assert last.endswith(b"\n")


async def test_a_child_waits_for_a_slow_reader() -> None:
    code = """if True:
        import os, sys
        written = 0
        os.set_blocking(1, False)
        try:
            while True:
                written += os.write(1, b"x" * 65536)
        except BlockingIOError:
            print(written, file=sys.stderr, flush=True)
        os.set_blocking(1, True)
        os.write(1, b"end")
    """
    async with await rt.open_process([*PYTHON, code]) as process:
        written = int(await process.stderr.read())
        assert written <= 1 << 20
        assert len(await read_all(process)) == written + 3


async def test_a_flood_does_not_keep_the_others_waiting() -> None:
    turns = []

    async def tick() -> None:
        while True:
            await rt.sleep(0.001)
            turns.append(True)

    code = "import os\nwhile True: os.write(1, b'x' * 65536)"
    async with await rt.open_process([*PYTHON, code]) as process, rt.TaskGroup() as group:
        group.start_soon(tick)
        async for _ in process.stdout:
            if len(turns) >= 5:
                break
        group.cancel()


@pytest.mark.parametrize("code", [0, 1, 3, 255])
async def test_the_exit_code_is_reported(code: int) -> None:
    async with await rt.open_process(["sh", "-c", f"exit {code}"]) as process:
        assert await process.wait() == code
        assert await process.wait() == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV])
async def test_a_signal_is_reported_as_a_negative_code(number: signal.Signals) -> None:
    async with await rt.open_process(["sh", "-c", f"kill -{int(number)} $$"]) as process:
        assert await process.wait() == -number


async def test_the_exit_of_the_child_is_seen_by_all_who_wait() -> None:
    async with await rt.open_process(["cat"]) as process, rt.TaskGroup() as group:
        tasks = [group.start_soon(process.wait) for _ in range(3)]
    assert [await task.wait() for task in tasks] == [0, 0, 0]


async def test_the_working_directory_and_the_environment_are_the_childs(tmp_path: Path) -> None:
    code = "import os; print(os.getcwd(), sorted(os.environ))"
    environment = {"ONLY": "this", "LC_ALL": "C"}
    async with await rt.open_process([*PYTHON, code], cwd=tmp_path, env=environment) as process:
        assert await read_all(process) == f"{tmp_path} ['LC_ALL', 'ONLY']\n".encode()


async def test_a_program_that_does_not_exist_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="no-such-agent"):
        await rt.open_process(["no-such-agent", "-p"])


async def test_a_program_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    (tmp_path / "agent").write_text("data")
    with pytest.raises(PermissionError, match="agent"):
        await rt.open_process([str(tmp_path / "agent")])


async def test_a_working_directory_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        await rt.open_process(["true"], cwd=tmp_path / "nowhere")


async def test_an_argument_that_no_program_can_take_is_an_operating_system_error() -> None:
    with pytest.raises(OSError, match="zero byte"):
        await rt.open_process(["echo", "one\0two"])


async def test_a_child_that_could_not_be_started_leaves_no_descriptor_open() -> None:
    before = descriptors()
    for _ in range(5):
        with pytest.raises(OSError, match="no-such-agent"):
            await rt.open_process(["no-such-agent"], stdin=b"data")
    assert descriptors() <= before + 2


async def test_the_child_leads_a_session_and_a_group_of_its_own() -> None:
    async with await rt.open_process(["cat", "/dev/zero"]) as process:
        assert os.getsid(process.pid) == os.getpgid(process.pid) == process.pid


async def test_the_status_of_a_child_is_seen_without_reaping_it() -> None:
    async with await rt.open_process(["sh", "-c", "exit 9"]) as process:
        assert await process.wait() == 9
        for _ in range(3):
            assert children.exit_status(process.pid) == 9
        assert os.getpgid(process.pid) == process.pid
    with pytest.raises(ProcessLookupError):
        os.getpgid(process.pid)


async def test_the_identity_of_a_child_is_its_own() -> None:
    async with await rt.open_process(["sleep", "3600"]) as one:
        async with await rt.open_process(["sleep", "3600"]) as other:
            assert one.started == identity(one.pid)
            assert one.started
            assert identity(os.getpid()) not in (one.started, "")
            process = other
        assert identity(process.pid) == ""


async def test_a_stranger_is_ended_only_if_it_is_the_one_that_was_recorded() -> None:
    async with await rt.open_process(["sh", "-c", "sleep 3600 & echo $!; wait"]) as process:
        grandchild = int(await read_line(process))
        assert not await rt.run_blocking(children.end_stranger, process.pid, "")
        assert not await rt.run_blocking(children.end_stranger, process.pid, "another:1")
        not_a_leader = identity(grandchild)
        assert not await rt.run_blocking(children.end_stranger, grandchild, not_a_leader)
        assert alive(process.pid)
        assert await rt.run_blocking(children.end_stranger, process.pid, process.started)
        assert await process.wait() == -signal.SIGKILL
        await until(lambda: not alive(grandchild))
    assert not await rt.run_blocking(children.end_stranger, process.pid, process.started)


async def test_many_children_at_once_leave_nothing_open() -> None:
    async def one(number: int) -> int:
        async with await rt.open_process(["sh", "-c", f"echo {number}; exit {number}"]) as process:
            assert await read_all(process) == b"%d\n" % number
            return await process.wait()

    await one(0)
    before = descriptors()
    assert await rt.map_concurrently(one, range(40), limit=10) == list(range(40))
    assert descriptors() <= before + 12


async def test_who_wants_to_know_of_a_child_is_told_as_soon_as_it_is_there() -> None:
    told: list[tuple[int, str]] = []

    def spawned(pid: int, started: str) -> None:
        assert alive(pid)
        told.append((pid, started))

    async with await rt.open_process(["sleep", "3600"], spawned=spawned) as process:
        assert told == [(process.pid, process.started)]
        assert process.started == identity(process.pid)


async def test_a_child_that_nobody_can_be_told_of_is_ended() -> None:
    told: list[int] = []

    def spawned(pid: int, started: str) -> None:
        told.append(pid)
        raise KeyError(started)

    before = descriptors()
    with pytest.raises(KeyError):
        await rt.open_process(["sleep", "3600"], spawned=spawned)
    assert not alive(told[0])
    assert descriptors() == before
