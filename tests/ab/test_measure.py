"""Memory, allocations, lag and descriptors."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from codeagent.ab.measure import LoopLag, MeasureError, Tracing, descriptors, memory, run_command

linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
PYTHON = (sys.executable, "-I", "-S", "-c")


def test_the_peak_of_a_command_is_its_own_and_not_that_of_who_asks() -> None:
    ballast = bytearray(80_000_000)
    small = run_command([*PYTHON, "pass"])
    large = run_command([*PYTHON, "b = bytearray(60_000_000)"])
    assert len(ballast) > (small.peak_rss or 0)
    assert (large.peak_rss or 0) - (small.peak_rss or 0) == pytest.approx(60e6, rel=0.1)


def test_the_processor_time_of_children_counts() -> None:
    child = "t = __import__('time')\nwhile t.process_time() < .1: pass"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-ISc', {child!r}])"
    assert run_command([*PYTHON, program]).cpu >= 0.1


def test_a_command_sees_its_directory_and_environment(tmp_path: Path) -> None:
    program = "import os; open('seen', 'w').write(os.environ['COLOUR'])"
    run_command([*PYTHON, program], cwd=tmp_path, env={"COLOUR": "green"})
    assert (tmp_path / "seen").read_text("utf-8") == "green"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ([*PYTHON, "raise SystemExit('too bad')"], "ended with 1: too bad"),
        ([*PYTHON, "import os; os.kill(os.getpid(), 9)"], "ended with -9: it said nothing"),
        (["/nowhere/program"], "ended with 127: No such file"),
    ],
)
def test_a_command_that_fails_is_told_with_its_words(command: list[str], message: str) -> None:
    with pytest.raises(MeasureError, match=message):
        run_command(command)


def test_a_command_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    program = "sleep 600 & echo $! >pid; wait"
    with pytest.raises(MeasureError, match="took longer than 1 s"):
        run_command(["/bin/sh", "-c", program], cwd=tmp_path, timeout=1)
    assert ends(int((tmp_path / "pid").read_text("ascii")))


def ends(pid: int) -> bool:
    """Whether a process that was killed has ended, or does so now."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 10)[0])
    finally:
        os.close(descriptor)


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(MeasureError, match="cannot start true"):
        run_command(["true"], cwd=tmp_path / "nowhere")


def test_tracing_tells_the_peak_from_what_is_kept() -> None:
    kept = []
    with Tracing() as tracing:
        bytearray(1_000_000)
        kept.append(bytearray(300_000))
        kept.extend(bytearray(1) for _ in range(100))
    assert tracing.result is not None
    assert tracing.result.peak >= 1_000_000
    assert 300_000 <= tracing.result.kept < 400_000
    assert tracing.result.blocks >= 100
    assert not tracemalloc.is_tracing()


def test_tracing_goes_on_where_it_was_on_before() -> None:
    tracemalloc.start()
    try:
        with Tracing():
            pass
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()


async def test_a_loop_that_stalls_is_seen_for_as_long_as_it_did() -> None:
    async with LoopLag(interval=0.005) as probe:
        await asyncio.sleep(0.02)
        subprocess.run(["sleep", "0.1"], check=True)
        await asyncio.sleep(0.01)
    assert probe.worst >= 0.09
    # Every wake-up that the stall delayed counts.
    assert sum(lag >= 0.05 for lag in probe.lags) >= 8


async def test_a_probe_leaves_no_task_behind() -> None:
    async with LoopLag() as probe:
        pass
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert probe.lags


@linux
def test_open_files_sockets_and_connections_are_counted() -> None:
    before = descriptors()
    with socket.create_server(("127.0.0.1", 0)) as server:
        listening = descriptors(os.getpid())
        with socket.create_connection(server.getsockname()) as client, server.accept()[0]:
            assert client.fileno() > 0
            connected = descriptors()
    assert (listening.total, listening.sockets) == (before.total + 1, before.sockets + 1)
    assert listening.connections == before.connections
    assert connected.connections == before.connections + 2
    assert descriptors().total == before.total


@linux
def test_memory_of_this_process() -> None:
    found = memory()
    assert found is not None
    assert found[1] >= found[0] > 1e6


def test_a_process_that_is_gone_is_told() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    assert memory(process.pid) is None
    with pytest.raises(MeasureError, match="cannot be read"):
        descriptors(process.pid)
