"""Where a path spends its time: a flame graph of a whole run.

``python -m benchmarks.profile [async|sync]``; py-spy samples the server from outside.
Where it is not installed, or may not look at other processes, cProfile writes what
pstats and other programs show.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .agents import make_agent
from .gate.job import Job
from .gate.trial import ROOT

RATE = 500
"""Samples a second."""

INSTALL = "no flame graph: py-spy is missing or may not trace (pip install py-spy; run as root)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Profile a run; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("path", nargs="?", choices=("async", "sync"), default="async")
    parser.add_argument("--tasks", type=int, default=20)
    parser.add_argument("--steps", type=int, default=4, help="instructions of each task")
    parser.add_argument("--at-once", type=int, help="in worktrees, so many; else in place")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / ".benchmarks" / "profile")
    args = parser.parse_args(arguments)
    args.output.mkdir(parents=True, exist_ok=True)
    job = Job(tasks=args.tasks, steps=args.steps, at_once=args.at_once)
    agent = make_agent(args.output / "agent")
    with job.project(agent) as (project, variables):
        rest = ["-m", "codeagent", "run", "--path", args.path, "--quiet"]
        for command, file in _ways(args.output / args.path, rest):
            done = subprocess.run(command, cwd=project.working_directory, env=variables)
            if done.returncode == 0 and file.exists():
                if file.suffix != ".svg":
                    print(INSTALL, file=sys.stderr)
                print(file)
                return 0
            project.write_list(args.tasks)
    return 1


def _ways(stem: Path, rest: list[str]) -> list[tuple[list[str], Path]]:
    """Commands that profile a Python program, with the file that each writes."""
    ways = []
    graph, table = stem.with_suffix(".svg"), stem.with_suffix(".pstats")
    spy = shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which("py-spy")
    if spy is not None:
        recording = [spy, "record", "--rate", str(RATE), "--threads", "--output", str(graph)]
        ways.append(([*recording, "--", sys.executable, *rest], graph))
    profiled = [sys.executable, "-m", "cProfile", "-o", str(table), *rest]
    return [*ways, (profiled, table)]


if __name__ == "__main__":
    sys.exit(main())
