"""What a server costs that has a hundred agents at work."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from . import process
from .projects import environment, make_project

AGENTS = 100
TASKS = 200
SECONDS = 30
EVERY = 0.25


def test_a_hundred_agents_at_once(
    path: str, agent: Path, tmp_path: Path, row: Callable[..., None]
) -> None:
    """Two hundred tasks in worktrees, whose agents say something ten times a second."""
    project = make_project(
        tmp_path, "modern", agent, tasks=TASKS, steps=1, at_once=AGENTS, seconds=SECONDS
    )
    began = time.monotonic()
    events = tmp_path / "events.jsonl"
    with (
        events.open("wb") as said,
        subprocess.Popen(
            project.command("run", path, "--json"),
            cwd=project.working_directory,
            env=environment(XDG_STATE_HOME=str(tmp_path / "state")),
            stdin=subprocess.DEVNULL,
            stdout=said,
        ) as server,
    ):
        held, at_once, together, used = [process.Memory(0, 0)], 0, 0.0, 0.0
        while server.poll() is None:
            before = time.monotonic()
            try:
                there = process.children(server.pid, agent.name)
                held.append(process.memory(server.pid))
                used = process.coarse_cpu_time(server.pid)
            except (LookupError, FileNotFoundError, ProcessLookupError):
                break
            at_once = max(at_once, there)
            time.sleep(EVERY)
            if there >= AGENTS:
                together += time.monotonic() - before
    took = time.monotonic() - began
    ended = json.loads(events.read_text("utf-8").splitlines()[-1])
    assert (server.returncode, ended["event"]) == (0, "server.stopped"), ended
    assert at_once == AGENTS
    most = max(held)
    row(
        f"{AGENTS} agents at once, memory, {path}",
        f"{most} (for {together:.0f} s)",
        value=most.resident,
        below=300,
        target="< 300 MB",
    )
    row(
        f"{AGENTS} agents at once, {TASKS} tasks of {SECONDS} s, {path}",
        f"{took:.1f} s, {used / took * 100:.0f} % of a core",
    )
