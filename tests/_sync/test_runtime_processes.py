# Generated from tests/_async/test_runtime_processes.py. Do not edit.
"""Child processes: what goes in, what comes out, and how they end."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from codeagent._runtime import children
from codeagent._runtime import sync_runtime as rt
from codeagent._runtime.identity import identity

from ..runtime_support import PYTHON, alive, descriptors
from .helpers import read_all, read_line, until


def test_the_child_reads_what_it_is_given_and_then_the_end() -> None:
    with rt.open_process(["cat"], stdin=b"some\0bytes") as process:
        assert read_all(process) == b"some\0bytes"
        assert process.wait() == 0


def test_a_large_input_needs_nobody_to_feed_it() -> None:
    data = b"0123456789abcdef" * 65536
    with rt.open_process(["cat"], stdin=data) as process:
        assert read_all(process) == data


def test_a_child_that_ignores_its_input_does_no_harm() -> None:
    with rt.open_process(["true"], stdin=b"x" * 1_000_000) as process:
        assert process.wait() == 0


@pytest.mark.parametrize("stdin", [None, b""])
def test_without_input_the_child_meets_its_end_at_once(stdin: bytes | None) -> None:
    with rt.open_process(["cat"], stdin=stdin) as process:
        assert read_all(process) == b""
        assert process.wait() == 0


def test_the_two_outputs_are_kept_apart() -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr)"
    with rt.open_process([*PYTHON, code]) as process:
        assert process.stderr.read() == b"err\n"
        assert process.stderr.read() == b""
        assert read_all(process) == b"out\n"


def test_both_outputs_can_be_full_at_once() -> None:
    code = "import os\nfor _ in range(64): os.write(1, b'o' * 16384); os.write(2, b'e' * 16384)"
    sizes: dict[str, int] = {}

    def count(name: str, stream: rt.ByteStream) -> None:
        sizes[name] = sum([len(chunk) for chunk in stream])

    with rt.open_process([*PYTHON, code]) as process, rt.TaskGroup() as group:
        group.start_soon(count, "out", process.stdout)
        group.start_soon(count, "err", process.stderr)
        assert process.wait() == 0
    assert sizes == {"out": 64 * 16384, "err": 64 * 16384}


def test_a_line_of_64_mib_arrives_whole() -> None:
    code = "import sys; sys.stdout.buffer.write(b'x' * (64 << 20) + b'\\n')"
    with rt.open_process([*PYTHON, code]) as process:
        size, last = 0, b""
        for chunk in process.stdout:
            assert chunk.strip(b"x\n") == b""
            size, last = size + len(chunk), chunk
        assert process.wait() == 0
    assert size == (64 << 20) + 1
    assert last.endswith(b"\n")


def test_a_child_waits_for_a_slow_reader() -> None:
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
    with rt.open_process([*PYTHON, code]) as process:
        written = int(process.stderr.read())
        assert written <= 1 << 20
        assert len(read_all(process)) == written + 3


def test_a_flood_does_not_keep_the_others_waiting() -> None:
    turns = []

    def tick() -> None:
        while True:
            rt.sleep(0.001)
            turns.append(True)

    code = "import os\nwhile True: os.write(1, b'x' * 65536)"
    with rt.open_process([*PYTHON, code]) as process, rt.TaskGroup() as group:
        group.start_soon(tick)
        for _ in process.stdout:
            if len(turns) >= 5:
                break
        group.cancel()


@pytest.mark.parametrize("code", [0, 1, 3, 255])
def test_the_exit_code_is_reported(code: int) -> None:
    with rt.open_process(["sh", "-c", f"exit {code}"]) as process:
        assert process.wait() == code
        assert process.wait() == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV])
def test_a_signal_is_reported_as_a_negative_code(number: signal.Signals) -> None:
    with rt.open_process(["sh", "-c", f"kill -{int(number)} $$"]) as process:
        assert process.wait() == -number


def test_the_exit_of_the_child_is_seen_by_all_who_wait() -> None:
    with rt.open_process(["cat"]) as process, rt.TaskGroup() as group:
        tasks = [group.start_soon(process.wait) for _ in range(3)]
    assert [task.wait() for task in tasks] == [0, 0, 0]


def test_the_working_directory_and_the_environment_are_the_childs(tmp_path: Path) -> None:
    code = "import os; print(os.getcwd(), sorted(os.environ))"
    environment = {"ONLY": "this", "LC_ALL": "C"}
    with rt.open_process([*PYTHON, code], cwd=tmp_path, env=environment) as process:
        assert read_all(process) == f"{tmp_path} ['LC_ALL', 'ONLY']\n".encode()


def test_a_program_that_does_not_exist_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="no-such-agent"):
        rt.open_process(["no-such-agent", "-p"])


def test_a_program_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    (tmp_path / "agent").write_text("data")
    with pytest.raises(PermissionError, match="agent"):
        rt.open_process([str(tmp_path / "agent")])


def test_a_working_directory_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        rt.open_process(["true"], cwd=tmp_path / "nowhere")


def test_an_argument_that_no_program_can_take_is_an_operating_system_error() -> None:
    with pytest.raises(OSError, match="zero byte"):
        rt.open_process(["echo", "one\0two"])


def test_a_child_that_could_not_be_started_leaves_no_descriptor_open() -> None:
    before = descriptors()
    for _ in range(5):
        with pytest.raises(OSError, match="no-such-agent"):
            rt.open_process(["no-such-agent"], stdin=b"data")
    assert descriptors() <= before + 2


def test_the_child_leads_a_session_and_a_group_of_its_own() -> None:
    with rt.open_process(["cat", "/dev/zero"]) as process:
        assert os.getsid(process.pid) == os.getpgid(process.pid) == process.pid


def test_the_status_of_a_child_is_seen_without_reaping_it() -> None:
    with rt.open_process(["sh", "-c", "exit 9"]) as process:
        assert process.wait() == 9
        for _ in range(3):
            assert children.exit_status(process.pid) == 9
        assert os.getpgid(process.pid) == process.pid
    with pytest.raises(ProcessLookupError):
        os.getpgid(process.pid)


def test_the_identity_of_a_child_is_its_own() -> None:
    with rt.open_process(["sleep", "3600"]) as one:
        with rt.open_process(["sleep", "3600"]) as other:
            assert one.started == identity(one.pid)
            assert one.started
            assert identity(os.getpid()) not in (one.started, "")
            process = other
        assert identity(process.pid) == ""


def test_a_stranger_is_ended_only_if_it_is_the_one_that_was_recorded() -> None:
    with rt.open_process(["sh", "-c", "sleep 3600 & echo $!; wait"]) as process:
        grandchild = int(read_line(process))
        assert not rt.run_blocking(children.end_stranger, process.pid, "")
        assert not rt.run_blocking(children.end_stranger, process.pid, "another:1")
        not_a_leader = identity(grandchild)
        assert not rt.run_blocking(children.end_stranger, grandchild, not_a_leader)
        assert alive(process.pid)
        assert rt.run_blocking(children.end_stranger, process.pid, process.started)
        assert process.wait() == -signal.SIGKILL
        until(lambda: not alive(grandchild))
    assert not rt.run_blocking(children.end_stranger, process.pid, process.started)


def test_many_children_at_once_leave_nothing_open() -> None:
    def one(number: int) -> int:
        with rt.open_process(["sh", "-c", f"echo {number}; exit {number}"]) as process:
            assert read_all(process) == b"%d\n" % number
            return process.wait()

    one(0)
    before = descriptors()
    assert rt.map_concurrently(one, range(40), limit=10) == list(range(40))
    assert descriptors() <= before + 12


def test_who_wants_to_know_of_a_child_is_told_as_soon_as_it_is_there() -> None:
    told: list[tuple[int, str]] = []

    def spawned(pid: int, started: str) -> None:
        assert alive(pid)
        told.append((pid, started))

    with rt.open_process(["sleep", "3600"], spawned=spawned) as process:
        assert told == [(process.pid, process.started)]
        assert process.started == identity(process.pid)


def test_a_child_that_nobody_can_be_told_of_is_ended() -> None:
    told: list[int] = []

    def spawned(pid: int, started: str) -> None:
        told.append(pid)
        raise KeyError(started)

    before = descriptors()
    with pytest.raises(KeyError):
        rt.open_process(["sleep", "3600"], spawned=spawned)
    assert not alive(told[0])
    assert descriptors() == before
