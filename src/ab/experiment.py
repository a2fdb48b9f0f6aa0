"""Runs a paired experiment: measures both sides in turn until the decision stands.

The two sides of a pair run next to each other in time, in ABBA order with a
seeded coin for every four runs, so that a drift of the machine and the place
within a pair weigh on both alike.  Before every pair garbage is collected.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter

from ..core.stats import Interval
from .criteria import Row, Verdict, describe, row
from .decision import Gate, GateState, Look, Pair, Plan, gate, glance, look, planned_looks
from .measure import MeasureError, Sample
from .sides import Side

_GATE_GROWTH = 1.5  # a blurred instrument is looked at again after so many times the pairs
_MOST_REPEATS = 100_000
_SHARE_OF_BUDGET = 0.9  # the rest is for noise


class Metric(StrEnum):
    """The cost that is compared."""

    WALL = "wall"  # seconds
    CPU = "cpu"  # seconds
    PEAK_RSS = "peak_rss"  # bytes; of commands


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How it is measured.

    Args:
        metric: the cost that decides.
        warm_up: runs of each side before anything counts.
        unit_time: the operation is repeated until a run takes so many seconds; 0 for
            one operation a run.
        best_of: runs of each side in a pair, of which the cheapest counts.  On a machine
            with other load a short run is often undisturbed, a long one never: what is
            compared then is what the operation costs, not what it had to wait for.
        fresh: both sides are opened anew for every block of pairs.  Two processes of the
            same program differ by up to some per cent for as long as they live, by where
            their memory lies; what is a bias of one pair of processes is noise of many.
        budget: seconds for the whole experiment.
        seed: of the order of the runs.
    """

    metric: Metric = Metric.WALL
    warm_up: int = 20
    unit_time: float = 0.02
    best_of: int = 1
    fresh: bool = False
    budget: float = math.inf
    seed: int = 0

    def __post_init__(self) -> None:
        if self.best_of < 1:
            raise ValueError("the best of how many runs counts? At least of one")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an experiment has shown.

    ``samples`` are the pairs of the A/B, each of ``repeats`` operations; ``gate``
    is None if not even the A/A was finished.
    """

    plan: Plan
    settings: Settings
    baseline: str
    contender: str
    repeats: int
    gate: Gate | None
    looks: tuple[Look, ...]
    samples: tuple[tuple[Sample, Sample], ...]
    seconds: float
    verdict: Verdict
    reason: str

    def costs(self, metric: Metric | None = None) -> tuple[list[float], list[float]]:
        """What one operation cost in every pair, of the baseline and of the contender."""
        metric = metric or self.settings.metric
        repeats = 1 if metric is Metric.PEAK_RSS else self.repeats
        pairs = [_pair(metric, *sample) for sample in self.samples]
        return [a / repeats for a, _ in pairs], [b / repeats for _, b in pairs]

    def row(self) -> Row:
        """The row of its criterion."""
        medians = [statistics.median(cost) if cost else None for cost in self.costs()]
        unknown = Interval(math.nan, -math.inf, math.inf)
        return row(
            self.plan.criterion,
            self.looks[-1].interval if self.looks else unknown,
            n=len(self.samples),
            reason=self.reason,
            verdict=self.verdict,
            baseline=medians[0],
            contender=medians[1],
            error=self.looks[-1].error if self.looks else None,
        )


Watch = Callable[[Gate | Look], None]


def run(
    plan: Plan,
    baseline: Side,
    contender: Side,
    *,
    control: Side | None = None,
    settings: Settings | None = None,
    now: Callable[[], float] = time.monotonic,
    watch: Watch = lambda _: None,
) -> Outcome:
    """Run an experiment to its decision; the sides are opened and closed here.

    Args:
        plan: what is decided, and how.
        baseline: the side that sets the standard.
        contender: the side that is judged.
        control: the baseline once more, in a process of its own: the A/A then shows
            what processes differ in by chance.  Otherwise it is measured against itself.
        settings: how it is measured.
        now: the clock of the budget, in seconds.
        watch: told of the gate and of every look.

    Raises:
        MeasureError: if a side cannot be measured.
    """
    return _Run(plan, baseline, contender, control, settings or Settings(), now, watch).run()


class _OverBudget(Exception):
    """The time for the experiment is over."""


@dataclass(slots=True)
class _Run:
    plan: Plan
    baseline: Side
    contender: Side
    control: Side | None
    settings: Settings
    now: Callable[[], float]
    watch: Watch
    pair_seconds: float = math.inf

    def run(self) -> Outcome:
        began = self.now()
        deadline = began + self.settings.budget
        sides = [side for side in (self.baseline, self.contender, self.control) if side]
        found: Gate | None = None
        looks: list[Look] = []
        samples: list[tuple[Sample, Sample]] = []
        repeats = 1
        with ExitStack() as stack:
            for side in sides:
                stack.callback(side.close)
                side.open()
            try:
                repeats = self._warm_up(sides, deadline)
                found = self._gate(repeats, deadline)
                left = (deadline - self.now()) * _SHARE_OF_BUDGET / self.pair_seconds
                for one in self._looks(found, left, repeats, deadline, samples):
                    looks.append(one)
                    self.watch(one)
                reason = self._reason(found, looks)
            except _OverBudget:
                reason = (
                    f"the budget of {self.settings.budget:g} s was over after {len(samples)} pairs; "
                    "allow more time"
                )
        return Outcome(
            plan=self.plan,
            settings=self.settings,
            baseline=self.baseline.name,
            contender=self.contender.name,
            repeats=repeats,
            gate=found,
            looks=tuple(looks),
            samples=tuple(samples),
            seconds=self.now() - began,
            verdict=looks[-1].verdict if looks else Verdict.HOLD,
            reason=reason,
        )

    def _warm_up(self, sides: list[Side], deadline: float) -> int:
        """Run every side; returns how often the operation is repeated in a run."""
        fastest = math.inf
        for side in sides:
            walls = []
            for _ in range(max(self.settings.warm_up, 1)):
                self._check(deadline)
                walls.append(side.run(1).wall)
            fastest = min(fastest, statistics.median(walls[-5:]))
        if self.settings.unit_time <= 0:
            return 1
        return min(max(math.ceil(self.settings.unit_time / max(fastest, 1e-7)), 1), _MOST_REPEATS)

    def _gate(self, repeats: int, deadline: float) -> Gate:
        """The A/A, repeated where it sees a difference by chance.

        It is given no more pairs than half of the time pays for: the A/B needs the rest,
        and tells what is far from the margin with a coarse instrument, too.
        """
        fewest, most = self.plan.gate_pairs
        other = self.control or self.baseline
        attempt, half = 0, (self.now() + deadline) / 2

        def has_time(pairs: int) -> bool:
            return self.now() + pairs * self.pair_seconds <= half

        while True:
            began = self.now()
            seed = f"{self.settings.seed} A/A {attempt}"
            source = self._pairs(other, repeats, deadline, seed=seed)
            pairs: list[Pair] = []
            size = fewest
            while True:
                while len(pairs) < size:
                    pairs.append(_pair(self.settings.metric, *next(source)))
                found = gate(self.plan, pairs)
                self.pair_seconds = max((self.now() - began) / size, 1e-9)
                wanted = min(math.ceil(size * _GATE_GROWTH), most)
                more = wanted - size
                if found.state is not GateState.BLURRED or not (more and has_time(more)):
                    break
                size = wanted
            self.watch(found)
            attempt += 1
            again = found.state is GateState.BIASED and attempt < self.plan.gate_tries
            if not (again and has_time(fewest)):
                return found
            self._begin_anew(self.baseline, other, repeats, deadline)

    def _begin_anew(self, first: Side, second: Side, repeats: int, deadline: float) -> None:
        """Open both again, in that order, and warm them up."""
        sides = dict.fromkeys((first, second))
        for side in sides:
            side.close()
        for side in sides:
            side.open()
            for _ in range(max(self.settings.warm_up, 1)):
                self._check(deadline)
                side.run(repeats)

    def _looks(
        self,
        found: Gate,
        affordable: float,
        repeats: int,
        deadline: float,
        samples: list[tuple[Sample, Sample]],
    ) -> Iterator[Look]:
        """Measure the A/B and look at it, until it is decided."""
        source = self._pairs(self.contender, repeats, deadline, seed=f"{self.settings.seed} A/B")
        metric, plan = self.settings.metric, self.plan
        pairs: list[Pair] = []
        planned = () if plan.endless else planned_looks(plan, found, affordable)
        number = 0
        while plan.endless or number < len(planned):
            size = len(pairs) + plan.block if plan.endless else planned[number]
            number += 1
            while len(pairs) < size:
                samples.append(next(source))
                pairs.append(_pair(metric, *samples[-1]))
            one = (
                glance(plan, pairs, doubt=found.doubt)
                if plan.endless
                else look(plan, pairs, number=number, looks=len(planned), doubt=found.doubt)
            )
            yield one
            if one.decided:
                return

    def _pairs(
        self, other: Side, repeats: int, deadline: float, *, seed: str
    ) -> Iterator[tuple[Sample, Sample]]:
        for number, baseline_first in enumerate(abba(seed)):
            self._check(deadline)
            if self.settings.fresh and number and number % self.plan.block == 0:
                sides = (self.baseline, other) if baseline_first else (other, self.baseline)
                self._begin_anew(*sides, repeats, deadline)
            self.baseline.settle()
            other.settle()
            runs: dict[bool, list[Sample]] = {True: [], False: []}
            for attempt in range(self.settings.best_of):
                first = baseline_first ^ bool(attempt % 2)
                for is_baseline in (first, not first):
                    side = self.baseline if is_baseline else other
                    runs[is_baseline].append(side.run(repeats))
            cost = attrgetter(self.settings.metric.value)
            yield min(runs[True], key=cost), min(runs[False], key=cost)

    def _check(self, deadline: float) -> None:
        if self.now() >= deadline:
            raise _OverBudget

    def _reason(self, found: Gate, looks: list[Look]) -> str:
        wanted = describe(self.plan.criterion)
        interval = found.interval
        seen = f"A/A {interval.estimate:.4f} [{interval.low:.4f}, {interval.high:.4f}]"
        tail = f" after {found.pairs} pairs"
        doubt = ""
        if found.state is not GateState.GOOD:
            trouble = (
                "is too wide for the margin"
                if found.state is GateState.BLURRED
                else "does not hold 1"
            )
            doubt = f"instrument not good enough: {seen}{tail} {trouble}"
        if doubt and (not looks or looks[-1].verdict is Verdict.HOLD):
            return doubt
        if not looks:
            return (
                f"the budget of {self.settings.budget:g} s does not pay for "
                f"{self.plan.pairs[0]} pairs; allow more time"
            )
        last = looks[-1]
        pairs = f"{last.pairs} pairs, look {last.number}, {seen}"
        if last.verdict is Verdict.HOLD:
            return f"not told from the margin by {pairs}"
        decided = f"{'' if last.verdict is Verdict.PROMOTE else 'not '}{wanted}: {pairs}"
        return f"{decided}, widened by the doubt of the A/A; {doubt}" if doubt else decided


def abba(seed: str | int) -> Iterator[bool]:
    """Whether the baseline runs first, pair by pair: AB then BA, or BA then AB, by a coin."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, and no secret
    while True:
        first = chance.random() < 0.5
        yield first
        yield not first


def _pair(metric: Metric, baseline: Sample, other: Sample) -> Pair:
    costs = []
    for sample in (baseline, other):
        cost = getattr(sample, metric.value)
        if cost is None or not cost > 0:
            raise MeasureError(
                f"a run has no {metric} to compare (it says {cost}); "
                "measure longer runs, or another metric"
            )
        costs.append(float(cost))
    return costs[0], costs[1]
