"""One criterion each: two sides compared, or something measured against a limit."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from codeagent.ab.criteria import Criterion, Row, row
from codeagent.ab.decision import Gate, Look, Plan
from codeagent.ab.experiment import Metric, Settings, run
from codeagent.ab.measure import MeasureError
from codeagent.ab.results import Benchmark, benchmarks_of
from codeagent.ab.sides import Side
from codeagent.ab.worker import Worker
from codeagent.core.stats import Interval, t_interval

from ..agents import make_agent
from ..http.place import Place, opened_place

ROOT = Path(__file__).parents[2]
LOOP = "benchmarks.sides:new_event_loop"
UNKNOWN = Interval(math.nan, -math.inf, math.inf)
FEW = 5
OFTEN = 20
"""Runs of a side in a pair, of which the best counts.  Beside three other gates block means of
20 had a half to a quarter of the spread that those of 5 had, for twice the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Where an experiment belongs in a series; ``per`` operations make one measurement."""

    title: str
    x: float
    unit: str
    over: str = "at once"
    per: float = 0.0
    """Operations in one measurement, to be shown as so many a second; 0 for the cost itself."""

    def value(self, costs: list[float]) -> Interval:
        """The value to plot, with its 95 % interval."""
        return t_interval([self.per / cost if self.per else cost for cost in costs])


@dataclass(slots=True)
class Found:
    """What a criterion's measurement gave; ``points`` by title of the series and line."""

    rows: list[Row] = field(default_factory=list)
    benchmarks: list[Benchmark] = field(default_factory=list)
    points: list[tuple[Point, str, Interval]] = field(default_factory=list)


class Bench:
    """What measurements share; made when it is first asked for, given back at the end."""

    def __init__(self, *, quick: bool, folder: Path, stack: ExitStack) -> None:
        self.quick = quick
        self.seconds = math.inf
        """What a measurement may take, at most."""
        self.folder = folder
        self._stack = stack

    @cached_property
    def agent(self) -> Path:
        """The coding agent that costs next to nothing."""
        return make_agent(self.folder / "agent")

    @property
    def place(self) -> Place:
        """The models' server, and the way to it. Raises `MeasureError`."""
        if isinstance(self._place, str):
            raise MeasureError(self._place)
        return self._place

    @cached_property
    def _place(self) -> Place | str:
        """The place, or why there is none: what is missing now is missing for all that ask."""
        folder = self.folder / "http"
        folder.mkdir()
        try:
            return self._stack.enter_context(opened_place(folder))
        except MeasureError as error:
            return str(error)

    def worker(
        self, name: str, scenario: str, arguments: Mapping[str, Any], *, inside: bool = False
    ) -> Worker:
        """A side in a process of its own, with the asynchronous path's loop where one is needed."""
        words = self.place.inside if inside else []
        return Worker(
            name,
            scenario,
            arguments=arguments,
            loop_factory=LOOP,
            python=(*words, sys.executable),
            cwd=ROOT,
        )


@contextmanager
def opened_bench(*, quick: bool) -> Iterator[Bench]:
    """A bench in a temporary directory."""
    with TemporaryDirectory(prefix="gate-") as folder, ExitStack() as stack:
        yield Bench(quick=quick, folder=Path(folder), stack=stack)


Sides = Callable[[Bench], tuple[Side, Side, Side]]
"""Gives baseline, contender, and the baseline once more as a control."""

Watch = Callable[[Gate | Look], None]


class Measurement(Protocol):
    """Something that the gate measures."""

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """What is decided by it."""

    @property
    def quick(self) -> bool:
        """Whether it belongs to the quick run, too."""

    def measure(self, bench: Bench, watch: Watch) -> Found:
        """Take the measurements. Raises `MeasureError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Two sides against each other.

    ``slow`` is for runs of seconds, which are few and vary little.  If there is time,
    both sides begin anew for every ``block`` of pairs (0: as many as is usual), slow
    ones only if they have to be ``fresh``.  ``pairs`` are the fewest that are planned
    (0 again), ``gate_pairs`` the fewest and the most of the A/A: what is far from the margin
    needs no sharper instrument.  Slow ones have three times ``pairs`` as their most instead.
    A quiet machine needs far fewer than the most.  ``best_of`` is `OFTEN` where the
    operation is short and its margin near.
    """

    criterion: Criterion
    sides: Sides
    quick: bool = True
    slow: bool = False
    metric: Metric = Metric.WALL
    unit_time: float = 0.004
    best_of: int = FEW
    fresh: bool = False
    block: int = 0
    warm_up: int = 20
    pairs: int = 0
    gate_pairs: tuple[int, int] = (48, 600)
    budget: float = 600.0
    point: Point | None = None

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        return (self.criterion,)

    def measure(self, bench: Bench, watch: Watch) -> Found:
        """Run the experiment."""
        plan, settings = self.plan(quick=bench.quick), self._settings(bench)
        baseline, contender, control = self.sides(bench)
        outcome = run(plan, baseline, contender, control=control, settings=settings, watch=watch)
        found = Found([outcome.row()], list(benchmarks_of(outcome)))
        names = (baseline.name, contender.name)
        for name, costs in zip(names, outcome.costs(), strict=True):
            if self.point is not None and len(costs) > 1:
                found.points.append((self.point, name, self.point.value(costs)))
        return found

    def plan(self, *, quick: bool) -> Plan:
        """How many pairs are taken. Raises `ValueError` for numbers that do not fit."""
        if quick:  # nothing is fresh
            pairs: dict[str, Any] = (
                {"block": 1, "looks": 2, "gate_pairs": (3, 9), "pairs": (4, 12)}
                if self.slow
                else {"block": 2, "looks": 3, "gate_pairs": (16, 200), "pairs": (18, 400)}
            )
        elif self.slow:
            pairs = {
                "block": self.block or 1,
                "looks": 3,
                "gate_pairs": (6, max(3 * self.pairs, 200)),
                "pairs": (self.pairs or 12, max(3 * self.pairs, 96)),
            }
        else:
            pairs = {
                "block": self.block or 4,
                "gate_pairs": self.gate_pairs,
                "pairs": (self.pairs or 80, 800),
            }
        return Plan(criterion=self.criterion, **pairs)

    def _settings(self, bench: Bench) -> Settings:
        return Settings(
            metric=self.metric,
            warm_up=1 if self.slow else self.warm_up,
            unit_time=0 if self.slow else self.unit_time,
            best_of=self._best_of(bench),
            fresh=(self.fresh or not self.slow) and not bench.quick,
            budget=min(self.budget, bench.seconds),
        )

    def _best_of(self, bench: Bench) -> int:
        if self.slow:
            return 1
        return min(self.best_of, FEW) if bench.quick else self.best_of


def measured(what: Measurement, bench: Bench, watch: Watch) -> Found:
    """What was found, each row with the command that repeats it.

    What cannot be measured has rows that say why.
    """
    try:
        found = what.measure(bench, watch)
    except MeasureError as error:
        found = Found([row(one, UNKNOWN, n=0, reason=str(error)) for one in what.criteria])
    command = ("python", "-m", "benchmarks.gate", "--only")
    found.rows = [replace(one, repeat=shlex.join([*command, one.name])) for one in found.rows]
    return found
