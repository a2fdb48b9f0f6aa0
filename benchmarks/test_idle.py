"""What a server costs that has nothing to do, and one that holds ten tasks."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from . import process
from .projects import environment, make_project

SECONDS = 10.0
SETTLE = 1.0


def test_an_idle_server(path: str, agent: Path, tmp_path: Path, row: Callable[..., None]) -> None:
    """``codeagent serve`` after its list is done, looking twelve times as often as by default."""
    project = make_project(tmp_path, "modern", agent, tasks=0, steps=1)
    project.write_list(20, done=True)
    project.configure("server: {check_interval: 5}\n")
    with _started(project.command("serve", path, "--json"), project.working_directory) as server:
        assert server.stdout is not None
        for line in server.stdout:
            if json.loads(line)["event"] == "server.idle":
                break
        time.sleep(SETTLE)
        before, began = process.cpu_time(server.pid), time.monotonic()
        time.sleep(SECONDS)
        used = process.cpu_time(server.pid) - before
        share = used / (time.monotonic() - began) * 100
        held = process.memory(server.pid)
    shown = f"{share:.3f} % of a core"
    row(f"idle server, CPU, {path}", shown, value=share, below=0.5, target="< 0.5 %")
    row(f"idle server, memory, {path}", str(held), value=held.resident, below=80, target="< 80 MB")


def test_ten_tasks_on_a_no_op_executor(
    path: str, agent: Path, tmp_path: Path, row: Callable[..., None]
) -> None:
    """The whole server, with an executor that only holds its tasks."""
    project = make_project(tmp_path, "modern", agent, tasks=50, steps=4)
    command = [sys.executable, "-m", "benchmarks.ten_tasks", path, str(project.root)]
    done = subprocess.run(
        command,
        cwd=Path(__file__).parents[1],
        env=environment(),
        capture_output=True,
        check=True,
    )
    held = process.Memory(*json.loads(done.stdout))
    row(f"ten tasks, memory, {path}", str(held), value=held.resident, below=80, target="< 80 MB")


@contextmanager
def _started(command: list[str], cwd: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        command, cwd=cwd, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as server:
        try:
            yield server
        finally:
            server.terminate()
