"""Promote, hold or roll back: decisions from what was observed, and nothing else.

Every test may say any of the three; one that lacks data holds.  One rollback is a
rollback; a promotion needs all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .capability import Capability
from .flagfile import Rung
from .ladder import next_rung
from .stages import Colour, Operation, Stage, rank
from .statistics import (
    block_means,
    confidence_sequence,
    difference_sequence,
    e_value,
    sample_ratio_p,
    upper_bound,
    winsorised,
)
from .tally import LATENCY, Count, Sample

_PRIOR = 9
_APART = 4  # values that cannot be paired say less: so many count as one


class Outcome(StrEnum):
    """What follows from a test, and from all of them."""

    PROMOTE = "promote"
    HOLD = "hold"
    ROLLBACK = "roll back"


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that the asynchronous path may be only so much worse at.

    ``worst`` is the ratio allowed for pairs (0.95: five per cent worse), ``worst_apart``
    for tasks that cannot be paired, ``alpha`` the chance of a false rollback.
    """

    name: str
    alpha: float
    worst: float = 0.95
    worst_apart: float = 0.75
    required: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """What the guard insists on. The alphas sum to 0.05. Times are in seconds."""

    error_alpha: float = 0.001
    error_budget: float = 0.01
    error_tolerance: float = 0.005
    mismatch_alpha: float = 0.001
    mismatch_budget: float = 0.001
    ratio_alpha: float = 0.001
    measures: tuple[Measure, ...] = (
        Measure(LATENCY, 0.02, required=True),
        Measure("throughput", 0.02),
        Measure("memory", 0.008, worst=0.9),
    )
    latency_floor: float = 0.005
    min_operations: int = 600
    min_values: int = 64
    most_values: int = 800
    min_tasks: int = 20
    min_seconds: float = 600.0
    patience: float = 86_400.0
    cooldown: float = 1800.0
    most_rollbacks: int = 3


@dataclass(frozen=True, slots=True)
class Test:
    """One test's outcome, why, and the figures behind it."""

    name: str
    outcome: Outcome
    why: str
    n: int = 0
    estimate: float | None = None
    low: float | None = None
    high: float | None = None

    def to_json(self) -> dict[str, Any]:
        """For the audit trail."""
        figures = {"estimate": self.estimate, "lo": self.low, "hi": self.high}
        known = {name: round(value, 6) for name, value in figures.items() if value is not None}
        return {"name": self.name, "outcome": self.outcome, "why": self.why, "n": self.n, **known}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all tests say. With ``escalate`` a person should look: it takes too long."""

    outcome: Outcome
    tests: tuple[Test, ...]
    escalate: bool = False

    def because(self, outcome: Outcome) -> list[str]:
        """The reasons of the tests with that outcome."""
        return [test.why for test in self.tests if test.outcome is outcome]


def judge(capability: Capability, sample: Sample, policy: Policy, now: float) -> Verdict:
    """The verdict on a capability; ``now`` is in seconds since the epoch."""
    tests = tuple(_tests(capability, sample, policy, now))
    outcomes = {test.outcome for test in tests}
    outcome = next(
        (each for each in (Outcome.ROLLBACK, Outcome.HOLD) if each in outcomes), Outcome.PROMOTE
    )
    late = sample.rung.stage is not Stage.OFF and now - sample.since > policy.patience
    return Verdict(outcome, tests, escalate=late and outcome is Outcome.HOLD)


def _tests(capability: Capability, sample: Sample, policy: Policy, now: float) -> Iterator[Test]:
    for what, detail in sample.severe:
        yield Test("severity", Outcome.ROLLBACK, f"{what}: {detail}", 1)
    sync, found = (sample.counts.get(colour, Count()) for colour in (Colour.SYNC, Colour.ASYNC))
    yield errors(sync, found, policy)
    if {Stage.SHADOW, Stage.DUALWRITE} & set(capability.stages):
        yield _mismatches(sample.compared, capability.exact, policy)
    for measure in policy.measures:
        test = _measure(measure, capability, sample, policy)
        if test is not None:
            yield test
    yield _ratio(sample, policy)
    yield _pace(sample, policy, now)


def budget(sync: Count, policy: Policy) -> float:
    """The error rate above which the asynchronous path is at fault.

    The highest rate that the synchronous path may well have, with `_PRIOR` good
    operations to begin with: where little is known of it, little can be blamed
    on the other.
    """
    shown = upper_bound(sync.bad, sync.n + _PRIOR, 0.99) + policy.error_tolerance
    return min(max(policy.error_budget, shown), 0.999)


def errors(sync: Count, found: Count, policy: Policy) -> Test:
    """Whether the asynchronous path, by what was ``found``, fails more often than it may."""
    allowed = budget(sync, policy)
    evidence = e_value(found.bad, found.n, allowed)
    high = upper_bound(found.bad, found.n)
    rate = found.bad / found.n if found.n else None
    said = f"{found.bad} of {found.n} operations failed, {allowed:.2%} may"
    if evidence >= 1 / policy.error_alpha:
        outcome = Outcome.ROLLBACK
        said += f" (e = {evidence:.3g})"
    elif found.n < policy.min_operations:
        outcome = Outcome.HOLD
        said = f"{found.n} of {policy.min_operations} operations seen"
    elif high > (allowed if sync.bad else policy.error_budget):
        outcome = Outcome.HOLD
        said += f"; up to {high:.2%} are possible"
    else:
        outcome = Outcome.PROMOTE
    return Test("errors", outcome, said, found.n, rate, 0.0, high)


def _mismatches(compared: Count, exact: bool, policy: Policy) -> Test:
    said = f"{compared.bad} of {compared.n} results differ"
    rate = compared.bad / compared.n if compared.n else None
    evidence = e_value(compared.bad, compared.n, policy.mismatch_budget)
    if (exact and compared.bad) or evidence >= 1 / policy.mismatch_alpha:
        outcome = Outcome.ROLLBACK
    elif compared.n < policy.min_values:
        outcome, said = Outcome.HOLD, f"{compared.n} of {policy.min_values} results compared"
    else:
        outcome = Outcome.PROMOTE
    return Test("mismatches", outcome, said, compared.n, rate)


def _measure(
    measure: Measure, capability: Capability, sample: Sample, policy: Policy
) -> Test | None:
    pairs = sample.pairs.get(measure.name, ())
    sides = {colour: sample.singles.get((measure.name, colour), ()) for colour in Colour}
    fewest = min(len(values) for values in sides.values())
    if len(pairs) >= fewest:
        n, worst = len(pairs), measure.worst
        interval = confidence_sequence(block_means(winsorised(pairs)), measure.alpha)
    else:
        n, worst = fewest // _APART, measure.worst_apart
        values = {c: block_means(winsorised(sides[c]), 4 * _APART) for c in Colour}
        interval = difference_sequence(values[Colour.ASYNC], values[Colour.SYNC], measure.alpha)
    rehearsed = capability.operation is Operation.WRITE and rank(sample.rung.stage) < rank(
        Stage.LIVE
    )
    if n == 0 and (rehearsed or not measure.required):  # a rehearsal takes its own time
        return None
    if n < policy.min_values or interval is None:
        why = f"{measure.name}: {n} of {policy.min_values} values of both paths"
        return Test(measure.name, Outcome.HOLD, why, n)
    low, estimate, high = (math.exp(min(value, 50.0)) for value in interval)
    said = f"{measure.name}: x{estimate:.3f} [{low:.3f}, {high:.3f}], x{worst:g} may be"
    if high < worst:
        outcome = Outcome.ROLLBACK
    elif low > worst:
        outcome = Outcome.PROMOTE
    else:
        outcome = Outcome.HOLD
        if n >= policy.most_values:
            said += f"; undecided after {n} values"
    return Test(measure.name, outcome, said, n, estimate, low, high)


def _ratio(sample: Sample, policy: Policy) -> Test:
    share = sample.rung.share / 100
    groups = (sample.assigned, sample.tasks - sample.assigned)
    p = sample_ratio_p(groups, (share, 1 - share))
    said = f"{sample.assigned} of {sample.tasks} tasks at {sample.rung} (p = {p:.3g})"
    if sample.tasks < policy.min_tasks:
        said = f"{sample.tasks} of {policy.min_tasks} tasks decided"
        return Test("tasks", Outcome.HOLD, said, sample.tasks)
    outcome = Outcome.PROMOTE if p > policy.ratio_alpha else Outcome.HOLD
    return Test("tasks", outcome, said, sample.tasks, p)


def _pace(sample: Sample, policy: Policy, now: float) -> Test:
    passed = now - sample.since
    outcome = Outcome.PROMOTE if passed >= policy.min_seconds else Outcome.HOLD
    return Test("time", outcome, f"{passed:.0f} of {policy.min_seconds:.0f} s on this rung")


@dataclass(frozen=True, slots=True)
class History:
    """How often the guard has rolled a capability back, and when last (s since the epoch)."""

    rollbacks: int = 0
    last: float = 0.0

    @classmethod
    def of(cls, capability: str, transitions: Iterable[Mapping[str, Any]]) -> History:
        """From the records of the audit trail."""
        found = [
            record
            for record in transitions
            if record.get("kind") == "rollback"
            and record.get("actor") == "guard"
            and record.get("capability") == capability
        ]
        last = max((record.get("at", 0.0) for record in found), default=0.0)
        return cls(len(found), last)

    def cool_at(self, policy: Policy) -> float:
        """When the next attempt may begin: 30 minutes after the first rollback, then doubling."""
        if not self.rollbacks:
            return 0.0
        return self.last + policy.cooldown * 2.0 ** (self.rollbacks - 1)


@dataclass(frozen=True, slots=True)
class Conditions:
    """What an advance needs besides a verdict.

    ``source_valid`` is the state of the flags' source, ``ceiling`` what holds the
    capability down, ``moving`` the other capabilities between off and complete,
    ``instrument`` whether A against A came out even (None: not tried).
    """

    source_valid: bool = True
    ceiling: str = ""
    moving: tuple[str, ...] = ()
    instrument: bool | None = True
    history: History = History()


@dataclass(frozen=True, slots=True)
class Advance:
    """One rung further, or not: ``to`` is None if it must stay. ``unmet`` says why."""

    to: Rung | None
    unmet: tuple[str, ...] = ()
    forced: str = ""


def advance(
    capability: Capability,
    rung: Rung,
    verdict: Verdict,
    conditions: Conditions,
    policy: Policy,
    now: float,
    *,
    force: str = "",
) -> Advance:
    """Whether the capability may climb. ``force`` is the reason to do it all the same.

    Nothing forces past a ceiling or the top: the first must be lifted, by name.
    """
    to = next_rung(capability, rung)
    if to is None:
        return Advance(None, ("it is complete",))
    unmet = tuple(unmet_by(rung, verdict, conditions, policy, now))
    if conditions.ceiling or (unmet and not force.strip()):
        return Advance(None, unmet)
    return Advance(to, unmet, force.strip() if unmet else "")


def unmet_by(
    rung: Rung, verdict: Verdict, conditions: Conditions, policy: Policy, now: float
) -> Iterator[str]:
    """What keeps a capability from its next rung."""
    if conditions.ceiling:
        yield f"it is held down: {conditions.ceiling}"
    if not conditions.source_valid:
        yield "the source of the flags is not valid"
    if conditions.moving:
        yield f"one capability moves at a time: {', '.join(conditions.moving)}"
    if conditions.instrument is None:
        yield "A has not been compared with A"
    elif not conditions.instrument:
        yield "A against A does not come out even: the instrument is not good enough"
    history = conditions.history
    if history.rollbacks >= policy.most_rollbacks:
        yield f"it was rolled back {history.rollbacks} times: only a person may go on"
    elif now < history.cool_at(policy):
        yield f"it cools down for another {history.cool_at(policy) - now:.0f} s"
    if rank(rung.stage) > rank(Stage.OFF):
        yield from verdict.because(Outcome.ROLLBACK)
        yield from verdict.because(Outcome.HOLD)
