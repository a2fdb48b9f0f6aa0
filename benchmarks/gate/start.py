"""Start-up, an idle server, and what the dispatch of a task costs."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass

from codeagent.ab.criteria import Criterion, Kind, row
from codeagent.ab.experiment import Metric
from codeagent.ab.measure import MeasureError
from codeagent.ab.sides import Command, Side
from codeagent.core.stats import Interval, t_interval

from .. import process
from ..projects import environment, make_project, run
from . import reference
from .job import Job, Run
from .trial import ROOT, Bench, Found, Measurement, Sides, Trial, Watch

FEW, MANY = 10, 300
"""Tasks at once whose memory is compared."""

SHORT = 2_000
"""Characters of the longest line of their agents."""

_BARE = (
    "Beside `python -c pass`: imports are what such a command does, and what makes it slow. "
    "It says nothing about either path, for both have the same commands. argparse, re, json, "
    "pathlib and sqlite3 alone come to 2.3."
)


def _command(*words: str) -> Sides:
    def sides(bench: Bench) -> tuple[Side, Side, Side]:
        place = bench.folder / "listed"
        if not place.exists():
            place.mkdir()
            project = make_project(place, "modern", bench.agent, tasks=20, steps=1)
            run(project.command("run", "async", "--quiet"), project.root)

        def one(name: str, *arguments: str) -> Side:
            command = [sys.executable, *arguments]
            return Command(name, command, cwd=place / "project", env=environment(), timeout=60)

        return (
            one("python", "-c", "pass"),
            one("codeagent", "-m", "codeagent", *words),
            one("python again", "-c", "pass"),
        )

    return sides


def _start(*words: str) -> Trial:
    return Trial(
        criterion=Criterion(
            name=f"start: codeagent {' '.join(words)}",
            kind=Kind.NON_INFERIORITY,
            margin=3.0,
            note=_BARE,
        ),
        sides=_command(*words),
        metric=Metric.CPU,
        slow=True,
        pairs=100,
        budget=120,
    )


def _agents(bench: Bench) -> tuple[Side, Side, Side]:
    def one(name: str, limit: int) -> Side:
        given = {"argv": [str(bench.agent), "noop"], "number": 1000, "limit": limit}
        return bench.worker(name, "benchmarks._async.work:agents", given)

    return one("100", 100), one("1,000", 1000), one("100 again", 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAgent:
    """Processor time of a run with one task and an agent that takes none, all in all."""

    path: str
    quick: bool = True

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        return (
            Criterion(
                name=f"start: a run of one task, {self.path}",
                kind=Kind.CEILING,
                margin=0.6,
                note="Processor time of the whole run, which is more than that to its first line."
                " Beside it, for comparisons: a Python that imports eight modules.",
            ),
        )

    def measure(self, bench: Bench, _watch: Watch) -> Found:
        """Run it a few times."""
        side = Run(self.path, self.path, Job(tasks=1), bench.agent)
        side.run(1)
        pairs = [(side.run(1).cpu, reference.start()) for _ in range(5 if bench.quick else 15)]
        seconds, plain = (t_interval(values) for values in zip(*pairs, strict=True))
        return Found([row(self.criteria[0], seconds, n=len(pairs), reference=plain)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """The memory of a server that has nothing to do."""

    path: str
    quick: bool = True

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        return (
            Criterion(
                name=f"idle server: memory, {self.path}",
                kind=Kind.CEILING,
                margin=50e6,
                unit="B",
                note="Resident memory of `codeagent serve` a second after its list was done.",
            ),
        )

    def measure(self, bench: Bench, _watch: Watch) -> Found:
        """Start it, wait until it idles, look at it, and end it."""
        with Job(tasks=1).project(bench.agent) as (project, variables):
            project.write_list(20, done=True)
            server = subprocess.Popen(
                project.command("serve", self.path, "--json"),
                cwd=project.working_directory,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            with server:
                try:
                    _until_idle(server)
                    time.sleep(1)
                    held = process.memory(server.pid).resident * 1e6
                finally:
                    server.terminate()
        return Found([row(self.criteria[0], Interval(held, held, held), n=1)])


def _until_idle(server: subprocess.Popen[bytes]) -> None:
    assert server.stdout is not None
    for line in server.stdout:
        if json.loads(line)["event"] == "server.idle":
            return
    raise MeasureError(f"the server ended with {server.wait()}, before it was idle")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """What a task costs that does nothing: time, and memory while it waits."""

    rounds: int = 30
    quick: bool = True

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        return (
            Criterion(
                name="dispatch: tasks a second",
                kind=Kind.FLOOR,
                margin=20_000,
                unit="tasks/s",
                note="10,000 tasks that only give way once, 100 at a time, on the async path."
                " Beside them, for comparisons: asyncio's own.",
            ),
            Criterion(
                name="dispatch: tasks a second, 1,000 at a time",
                kind=Kind.FLOOR,
                margin=20_000,
                unit="tasks/s",
                note="The same with 1,000 at a time.",
            ),
            Criterion(
                name="dispatch: memory of a pending task",
                kind=Kind.CEILING,
                margin=2000,
                unit="B",
                note="What `submit` allocates, without the task itself.",
            ),
        )

    def measure(self, bench: Bench, _watch: Watch) -> Found:
        """Measure in a fresh process."""
        rounds = self.rounds // 5 if bench.quick else self.rounds
        command = [sys.executable, "-m", "benchmarks.gate.dispatch", str(rounds)]
        given = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True)
        if given.returncode:
            raise MeasureError(given.stderr.decode("utf-8", "replace")[-2000:])
        seen = json.loads(given.stdout)
        rate, many, memory = self.criteria
        size, plain = seen["memory"], t_interval(seen["plain"])
        return Found(
            [
                row(rate, t_interval(seen["rates"]), n=len(seen["rates"]), reference=plain),
                row(many, t_interval(seen["many"]), n=len(seen["many"]), reference=plain),
                row(memory, Interval(size, size, size), n=1),
            ]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PerTask:
    """What a task that runs adds to the server's memory."""

    quick: bool = False

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        return (
            Criterion(
                name="memory: each further task at once",
                kind=Kind.CEILING,
                margin=150e3,
                unit="B",
                note="Peak memory with 300 agents at work less that with 10, by 290, async path."
                " They write lines of 2 kB at most, for what of a longer one was read and is not yet"
                " whole is the agent's own; the rows of 1, 10 and 100 tasks have lines of 200 kB.",
            ),
        )

    def measure(self, bench: Bench, _watch: Watch) -> Found:
        """Run both a few times."""
        peaks = {}
        for at_once in (FEW, MANY):
            side = Run(
                "async",
                "async",
                Job(tasks=at_once, seconds=2, longest=SHORT),
                bench.agent,
                held=at_once,
            )
            peaks[at_once] = [side.run(1).peak_rss or 0 for _ in range(15)]
        each = [
            (many - few) / (MANY - FEW) for few, many in zip(peaks[FEW], peaks[MANY], strict=True)
        ]
        return Found([row(self.criteria[0], t_interval(each), n=len(each))])


MEASUREMENTS: tuple[Measurement, ...] = (
    _start("--help"),
    _start("ls"),
    *(FirstAgent(path=path) for path in ("async", "sync")),
    *(Idle(path=path) for path in ("async", "sync")),
    Dispatch(),
    Trial(
        criterion=Criterion(
            name="dispatch: 1,000 agents at a time against 100",
            kind=Kind.NON_INFERIORITY,
            margin=0.9,
            note="1,000 agents that do nothing, processes of their own, on the async path.",
        ),
        sides=_agents,
        slow=True,
    ),
    PerTask(),
)
