"""From the command to the first agent, and what a whole run costs per instruction."""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from .projects import Project, make_project, run

ROUNDS = 7
TASKS, STEPS = 5, 4
COUNT = TASKS * STEPS


@pytest.mark.parametrize("dialect", ["modern", "predecessor"])
def test_whole_runs(
    path: str, dialect: str, agent: Path, tmp_path: Path, row: Callable[..., None]
) -> None:
    """Runs of five tasks with four instructions, each beside twenty agents on their own."""
    starts, whole, between, alone = [], [], [], []
    for _ in range(ROUNDS):
        with TemporaryDirectory(dir=tmp_path) as place:
            project = make_project(Path(place), dialect, agent, tasks=TASKS, steps=STEPS)
            stamps_file = Path(place, "stamps")
            command = project.command("run", path, "--json")
            began = time.monotonic()
            done = run(command, project.working_directory, BENCH_STAMPS=str(stamps_file))
            seconds = time.monotonic() - began
            stamps = [int(line) / 1e9 for line in stamps_file.read_text("ascii").split()]
            assert len(stamps) == COUNT
            assert json.loads(done.stdout.splitlines()[-1])["done"] == TASKS
            agents = _agents_alone(project, dialect, agent)
        starts.append(stamps[0] - began)
        whole.append((seconds - agents) / COUNT)
        between.append((stamps[-1] - stamps[0]) / (COUNT - 1) - agents / COUNT)
        alone.append(agents / COUNT)
    name = f"{dialect}, {path}"
    _add(row, f"start to first agent, {name}", starts, 600)
    _add(row, f"per instruction, whole run, {name}", whole, 30)
    _add(row, f"per instruction, between agents, {name}", between, 30)
    _add(row, f"the agent alone, subprocess.run, {name}", alone, None)


def _agents_alone(project: Project, dialect: str, agent: Path) -> float:
    """The time, in seconds, that as many agents take without a server."""
    prompt = "Work on: Task number 1\nREPORT: reports/alone.md\nPHRASE: finished\n"
    words = [str(agent), "-p", prompt, "--force", "--approve-mcps"]
    given = b""
    if dialect == "modern":
        words = [str(agent), "-p", "--output-format", "stream-json", "--force", "--trust"]
        given = prompt.encode()
    began = time.monotonic()
    for _ in range(COUNT):
        subprocess.run(words, input=given, cwd=project.root, capture_output=True, check=True)
    return time.monotonic() - began


def _add(row: Callable[..., None], name: str, seconds: list[float], below: float | None) -> None:
    middle = statistics.median(seconds) * 1e3
    shown = f"{middle:.1f} ms (best {min(seconds) * 1e3:.1f})"
    row(name, shown, value=middle, below=below, target=f"< {below} ms" if below else "")
