"""What must stay within absolute limits: concurrency, rate, memory, processor time, latency."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from codeagent.ab.criteria import Criterion, Kind, row
from codeagent.ab.measure import MeasureError
from codeagent.ab.results import Benchmark
from codeagent.ab.sides import Side
from codeagent.ab.statistics import quantile_interval
from codeagent.core.stats import Interval, t_interval

from .. import process
from . import reference
from .files import MB, both
from .job import Job
from .trial import Bench, Found, Measurement, Watch

EVERY = 0.25
"""Seconds between two looks at a server."""

WINDOW = 8
"""Looks that make one value of processor time."""


def _limit(name: str, kind: Kind, margin: float, unit: str, note: str) -> Criterion:
    return Criterion(name=name, kind=kind, margin=margin, unit=unit, note=note)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sustained:
    """A server with ten tasks at once, looked at from outside."""

    quick: bool = True

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        note = "The asynchronous path with ten tasks at once in worktrees, looked at from outside."
        return (
            _limit("server: tasks at once", Kind.FLOOR, 10, "tasks", note),
            _limit("server: tasks an hour", Kind.FLOOR, 50, "tasks/h", f"{note} {_RATE}"),
            _limit("server: memory", Kind.CEILING, 500e6, "B", f"{note} The most seen."),
            _limit("server: processor", Kind.CEILING, 70, "% of a core", f"{note} {_CPU}"),
        )

    def measure(self, bench: Bench, _watch: Watch) -> Found:
        """Run it once."""
        job = Job(tasks=20, at_once=10, seconds=4 if bench.quick else 15)
        with job.project(bench.agent) as (project, variables):
            command = project.command("run", "async", "--json")
            seen = _looks(command, project.working_directory, variables, bench.agent.name)
            job.check(project)
        at_once, rate, memory, cpu = self.criteria
        most, peak = max(seen.children), max(seen.memory)
        per_hour = job.tasks / seen.seconds * 3600
        return Found(
            [
                row(at_once, Interval(most, most, most), n=len(seen.children)),
                row(rate, Interval(per_hour, per_hour, per_hour), n=job.tasks),
                row(memory, Interval(peak, peak, peak), n=len(seen.memory)),
                row(cpu, t_interval(seen.shares), n=len(seen.shares)),
            ]
        )


_BESIDE = "Beside it, for comparisons: the same in plain threads."
_RATE = "The agents' own time decides: with real ones it is minutes, and ten tasks run at once."
_CPU = "Of the server, and of git and whatever else it called."


@dataclass(slots=True)
class _Seen:
    children: list[int]
    memory: list[float]
    shares: list[float]
    seconds: float = 0.0


def _looks(command: Sequence[str], cwd: Path, variables: dict[str, str], agent: str) -> _Seen:
    """Run a server to its end and look at it all the time."""
    seen = _Seen([0], [0.0], [])
    marks: list[tuple[float, float]] = []
    began = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        while server.poll() is None:
            try:
                seen.children.append(process.children(server.pid, agent))
                seen.memory.append(process.memory(server.pid).resident * 1e6)
                marks.append((time.monotonic(), _processor(server.pid)))
            except (LookupError, FileNotFoundError, ProcessLookupError):
                break
            time.sleep(EVERY)
        code = server.wait()
    seen.seconds = time.monotonic() - began
    if code:
        raise MeasureError(f"the server ended with {code}: {' '.join(command)}")
    ends = marks[::WINDOW]
    seen.shares += [
        (used - before) / (then - since) * 100 for (since, before), (then, used) in pairwise(ends)
    ]
    return seen


def _processor(pid: int) -> float:
    """Seconds of processor time of a process and of the children that it has waited for.

    proc(5), stat: utime, stime, cutime and cstime.
    """
    stat = Path(f"/proc/{pid}/stat").read_bytes()
    times = stat[stat.rindex(b")") + 2 :].split()[11:15]
    return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """The 99th percentile of an operation on the asynchronous path."""

    name: str
    work: str
    arguments: tuple[tuple[str, Any], ...]
    quick: bool = True

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        note = f"The asynchronous path; of several at once, until the last has ended. {_BESIDE}"
        return (_limit(f"{self.name}, p99", Kind.CEILING, 0.1, "s", note),)

    def measure(self, bench: Bench, _watch: Watch) -> Found:
        """Time each of so many, in turn with a reference."""
        (criterion,) = self.criteria
        given = dict(self.arguments)
        contender, plain = both(self.work, **given)(bench)[1], reference.files(self.work, **given)
        with closing(contender), closing(plain):
            pairs = _in_turn(contender, plain, 400 if bench.quick else 2000)
        seconds, beside = zip(*pairs, strict=True)
        p99, its = (quantile_interval(values, 0.99) for values in (seconds, beside))
        found = row(criterion, p99, n=len(seconds), reference=its)
        return Found(
            [found],
            [
                Benchmark(group=criterion.name, name=side.name, data=values)
                for side, values in ((contender, seconds), (plain, beside))
            ],
        )


def _in_turn(one: Side, other: Side, times: int) -> list[tuple[float, float]]:
    """Seconds of single runs of both, after a warm-up."""
    one.open()
    other.open()
    for _ in range(20):
        one.run(1)
        other.run(1)
    return [(one.run(1).wall, other.run(1).wall) for _ in range(times)]


MEASUREMENTS: tuple[Measurement, ...] = (
    Sustained(),
    Latency(
        name="files: 10 x 64 KB written atomically at once",
        work="writes",
        arguments=(("size", 64 << 10), ("at_once", 10)),
    ),
    Latency(
        name="files: 10 x 1 MB read at once",
        work="reads",
        arguments=(("size", MB), ("at_once", 10)),
    ),
    Latency(name="files: 1,000 scanned", work="scans", arguments=(("entries", 1000),)),
)
