"""The guard: how soon it leaves a path with faults, and how often one without.

Every operation goes through the guard as a server's would, on a clock of its own:
it judges errors in the operation itself and everything else in its rounds.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from codeagent.rollout.capability import Capability
from codeagent.rollout.flagfile import Rung
from codeagent.rollout.observation import Observation
from codeagent.rollout.override import Override
from codeagent.rollout.stages import Colour, Operation, Stage, route
from codeagent.rollout.tally import Count
from codeagent.rollout.watch import Watch
from codeagent.routing import capabilities as known

SEEDS = 50
RUNS = 500
OPERATIONS = 1600  # of a run of A against A; what cannot be paired is compared from 512 on
ROUND = 100  # operations from one round of the guard to the next
MOST = 1500  # operations until a fault counts as not found
FALSE = 0.01
GOOD = 1000  # operations of the synchronous path that are known to begin with

SHARED = ((0.985, 0.29), (0.65, 0.24), (0.0, 0.13))
OWN = 0.24
"""Noise of the logarithms of times: autocorrelation and deviation of its parts.

With what each path has of its own the deviation is 0.46, the autocorrelation 0.56, 0.39 and
0.29 at a distance of 1, 5 and 20, and the deviation of a pair's difference 0.34: what was
measured on two busy cores.
"""

STALLS = 0.01
"""The share of operations that take three to twenty times as long, for no reason of theirs."""


@dataclass(frozen=True)
class Class:
    """A capability as a server with ten tasks uses it.

    ``seconds`` is what an operation takes, ``every`` how long it is from one to the
    next of the server, ``errors`` the share that fails on either path, and ``stretch`` how
    many in a row take the same path (a core does not change from one to the next).
    """

    capability: Capability
    seconds: float
    every: float
    errors: float
    stretch: int = 1

    @property
    def answers(self) -> Stage:
        """The first stage on which the asynchronous path answers."""
        return Stage.LIVE if Stage.LIVE in self.capability.stages else Stage.COMPLETE


CLASSES = [
    Class(known.FILES_READ, 0.0002, 0.2, 0.0),
    Class(known.FILES_WRITE, 0.002, 0.5, 0.0),
    Class(known.GIT_READ, 0.004, 0.5, 0.002),
    Class(known.GIT_WRITE, 0.02, 3.0, 0.005),
    Class(known.LLM, 8.0, 10.0, 0.02),
    Class(known.AGENTS, 90.0, 10.0, 0.08),
    Class(known.MONITORING, 0.0002, 5.0, 0.0),
    Class(known.CORE, 95.0, 10.0, 0.08, stretch=40),
]


class Noise:
    """What disturbs the machine, and so both paths."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._parts = [chance.gauss(0, deviation) for _, deviation in SHARED]

    def step(self) -> None:
        """Go on to the next operation."""
        for at, (stays, deviation) in enumerate(SHARED):
            new = self._chance.gauss(0, deviation * math.sqrt(1 - stays * stays))
            self._parts[at] = stays * self._parts[at] + new

    def factor(self) -> float:
        """How many times as long as usual one path takes."""
        own = self._chance.gauss(0, OWN)
        if self._chance.random() < STALLS:
            own += math.log(self._chance.uniform(3, 20))
        return math.exp(sum(self._parts) + own)


class Bench:
    """A guard over one capability on a rung, with its clock in hand, and what it is shown."""

    def __init__(self, file: Path, kind: Class, rung: Rung, seed: int, faults: float = 0) -> None:
        self._kind, self._rung, self._faults = kind, rung, faults
        self._name = kind.capability.name
        self._chance = random.Random(f"{self._name} {rung} {seed} {faults}")
        self._noise = Noise(self._chance)
        file.unlink(missing_ok=True)  # a rollback outlives its guard
        self._override = Override(file, environment={}, clock=lambda: self.now)
        self.now = 0.0
        self.watch = Watch(
            [kind.capability],
            self._override,
            lambda what, fields: None,
            clock=lambda: self.now,
            baselines={self._name: Count(GOOD, round(GOOD * kind.errors))},
        )
        self.watch.began(self._name, rung)
        self.asynchronous = 0

    def reason(self) -> str:
        """Why the path was left; empty as long as it is not."""
        ceiling = self._override.ceiling(self._name)
        return "" if ceiling is None else ceiling.reason

    def run(self, most: int) -> str:
        """So many operations, or fewer if the path is left; why it was."""
        chosen = False
        for number in range(1, most + 1):
            if number % self._kind.stretch == 1 % self._kind.stretch:
                chosen = self._chance.random() < self._rung.share / 100
            self.now += self._kind.every
            self._operation(chosen)
            if number % ROUND == 0:
                self.watch.look()
            if reason := self.reason():
                return reason
        return ""

    def _operation(self, chosen: bool) -> None:
        kind, capability = self._kind, self._kind.capability
        found = route(self._rung.stage if chosen else Stage.OFF, capability.operation)
        own = found.authoritative
        self._noise.step()
        bad = self._chance.random() < kind.errors  # for no reason of either path
        broken = self._chance.random() < self._faults  # on the asynchronous one
        beside = found.shadow
        rehearsed = capability.operation is Operation.WRITE and beside is not None
        if rehearsed and (bad or (broken and own is Colour.ASYNC)):
            beside = None  # what failed is not rehearsed
        ran = [own] if beside is None else [own, beside]
        failed = {c: "Fault" for c in ran if bad or (broken and c is Colour.ASYNC)}
        self.asynchronous += Colour.ASYNC in ran
        self.watch.observe(
            Observation(
                capability.name,
                capability.operation,
                own,
                seconds={colour: kind.seconds * self._noise.factor() for colour in ran},
                errors=failed,
                match=None if beside is None else len(failed) != 1,
                rehearsed=rehearsed,
            )
        )


def rungs(kind: Class) -> list[Rung]:
    """Where the asynchronous path answers for half of the tasks, and for all of them."""
    return [Rung(kind.answers, 50), Rung(Stage.COMPLETE, 100)]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.capability.name)
def test_faults(kind: Class, tmp_path: Path, row: Callable[..., None]) -> None:
    """Operations of the asynchronous path, and seconds, from the first to the rollback."""
    for rung in rungs(kind):
        shown = []
        for percent in (1, 5, 20, 100):
            took = []
            for seed in range(SEEDS):
                bench = Bench(tmp_path / "o.json", kind, rung, seed, percent / 100)
                if bench.run(MOST):
                    took.append((bench.asynchronous, bench.now))
            shown.append(f"{percent} %: {_middle(took)}")
        row(f"faults, {kind.capability.name} at {rung}", "; ".join(shown))


def _middle(took: list[tuple[int, float]]) -> str:
    found = f"{100 * len(took) / SEEDS:.0f} %"
    if len(took) < SEEDS / 2:
        return f"{found} found"
    operations, seconds = zip(*took, strict=True)
    middle = f"{statistics.median(operations):.0f} operations, {statistics.median(seconds):.3g} s"
    return middle if len(took) == SEEDS else f"{middle} ({found} found)"


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.capability.name)
def test_a_against_a(kind: Class, tmp_path: Path, row: Callable[..., None]) -> None:
    """Runs in which both paths are the same, that are rolled back all the same."""
    rung = rungs(kind)[0]
    reasons = [Bench(tmp_path / "o.json", kind, rung, seed).run(OPERATIONS) for seed in range(RUNS)]
    false = [reason for reason in reasons if reason]
    share = len(false) / RUNS
    why = f": {min(false)}" if false else ""
    row(
        f"A against A, {kind.capability.name} at {rung}",
        f"{len(false)} of {RUNS} rolled back{why}",
        value=share,
        below=FALSE,
        target=f"< {FALSE:.0%}",
    )
