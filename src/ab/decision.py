"""When an experiment has seen enough, and what it has seen; all pure.

First the instrument is compared with itself (A/A): one that cannot see half of the
margin, or sees a difference where there is none, may only judge what is further off
than it is in doubt itself.  Then the pairs of the experiment itself (A/B) are looked
at, a fixed number of times with the bounds of O'Brien and Fleming, or endlessly with
a confidence sequence.

A pair is (baseline's cost, contender's cost) of measurements next to each other
in time, so that what disturbs the machine disturbs both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ..core.stats import (
    Interval,
    block_means,
    confidence_sequence,
    mean_and_sd,
    t_interval,
    winsorise,
)
from .criteria import Criterion, Kind, Verdict, judge
from .statistics import log_ratios, repeated_interval, sd_limit, values_needed

Pair = tuple[float, float]

_FEWEST_BLOCKS = 2
_FEWEST_BLOCKS_ENDLESS = 16  # the confidence sequence is asymptotic


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How an experiment is made and judged.

    Args:
        criterion: what is decided; one of the kinds that compare two sides.
        block: pairs averaged before anything is computed.
        looks: how often the pairs are looked at within a fixed budget.
        endless: look after every block, with a confidence sequence, for ever.
        alpha: the share of wrong decisions at the edge of the margin, both sides together.
        power: the share of right ones if both sides are alike.
        gate_pairs: the fewest and the most pairs of the A/A gate.
        pairs: the fewest and the most pairs of the A/B, the most also when endless.
        gate_tries: a gate that sees a difference is repeated so often in all: at 95 %
            one in twenty good instruments would see one.
        winsorise: outliers are pulled in to so many standard deviations.

    Raises:
        ValueError: for a criterion that compares nothing, or numbers that do not fit.
    """

    criterion: Criterion
    block: int = 4
    looks: int = 5
    endless: bool = False
    alpha: float = 0.05
    power: float = 0.999
    gate_pairs: tuple[int, int] = (48, 400)
    pairs: tuple[int, int] = (80, 800)
    gate_tries: int = 3
    winsorise: float = 3.0

    def __post_init__(self) -> None:
        name = self.criterion.name
        if not self.criterion.is_ratio:
            raise ValueError(f"{name}: a {self.criterion.kind} compares no two sides")
        if min(self.block, self.looks, self.gate_tries) < 1:
            raise ValueError(f"{name}: block, looks and gate tries are at least 1")
        if not (0 < self.alpha < 0.5 and 0.5 <= self.power < 1):
            raise ValueError(f"{name}: alpha is between 0 and 0.5, power between 0.5 and 1")
        for what, (fewest, most) in {"gate pairs": self.gate_pairs, "pairs": self.pairs}.items():
            if not _FEWEST_BLOCKS * self.block <= fewest <= most:
                raise ValueError(
                    f"{name}: {what} are a lower and a higher number, "
                    f"at least {_FEWEST_BLOCKS * self.block} for blocks of {self.block}"
                )


class GateState(StrEnum):
    """What the A/A gate says of the instrument."""

    GOOD = "good"
    BLURRED = "blurred"  # it does not see half of the margin yet: more pairs may help
    BIASED = "biased"  # it sees a difference between a thing and itself


@dataclass(frozen=True, slots=True)
class Gate:
    """The A/A gate after so many pairs; the interval is of ratios, ``sd`` of log block means."""

    state: GateState
    interval: Interval
    pairs: int
    sd: float

    @property
    def doubt(self) -> float:
        """How far off the instrument may be, as logarithm: 0 for a good one.

        By so much the intervals of the A/B are widened to both sides, so that near
        the margin nothing is decided.
        """
        if self.state is GateState.GOOD:
            return 0.0
        low, high = self.interval.low, self.interval.high
        return max(-math.log(low), math.log(high)) if low > 0 else math.inf


def gate(plan: Plan, pairs: Sequence[Pair]) -> Gate:
    """Judge the instrument by pairs of the baseline with itself.

    It is good if the 95 % interval of the ratio holds 1 and half of its width, as
    logarithm, is at most half of the margin.
    """
    values = _values(plan, pairs)
    interval = t_interval(values)
    sd = mean_and_sd(values)[1] if len(values) > 1 else math.inf
    if interval.half_width > plan.criterion.log_margin / 2:
        state = GateState.BLURRED
    else:
        state = GateState.GOOD if interval.holds(0.0) else GateState.BIASED
    return Gate(state, interval.exp(), len(pairs), sd)


def planned_looks(plan: Plan, found: Gate, affordable: float = math.inf) -> tuple[int, ...]:
    """After how many pairs the A/B is looked at, by the spread that the gate has seen.

    Nothing if not even the fewest pairs of the plan are ``affordable``.

    The A/A's spread says nothing about the A/B's difference, so sizing the
    experiment by it leaves the error rates as they are.
    """
    sd = sd_limit(found.sd, max(found.pairs // plan.block, 2))
    blocks = values_needed(
        sd, plan.criterion.log_margin, looks=plan.looks, alpha=plan.alpha, power=plan.power
    )
    fewest, most = plan.pairs
    step = plan.block * plan.looks
    if affordable < fewest or not math.isfinite(found.doubt):
        return ()
    # More pairs make no better instrument: what it can tell the fewest show.
    wanted = fewest if found.doubt else min(max(blocks * plan.block, fewest), most)
    steps = math.ceil(wanted / step)
    whole = max(min(steps, affordable // step), 1) * step
    return tuple(int(whole) * look // plan.looks for look in range(1, plan.looks + 1))


@dataclass(frozen=True, slots=True)
class Look:
    """What the pairs allow so far; the interval is of ratios.  ``number`` counts from 1.

    ``error`` is half the width of the ordinary 95 % interval, as logarithm, and the
    gate's doubt: what is known of the estimate.  The interval that decides is wider,
    the more so the earlier the look.
    """

    number: int
    pairs: int
    interval: Interval
    verdict: Verdict
    last: bool
    error: float = math.inf

    @property
    def decided(self) -> bool:
        """Whether measuring may stop here."""
        return self.last or self.verdict is not Verdict.HOLD


def look(plan: Plan, pairs: Sequence[Pair], *, number: int, looks: int, doubt: float = 0.0) -> Look:
    """Judge the pairs at one of the planned looks; ``doubt`` is that of the gate."""
    values = _values(plan, pairs)
    interval = repeated_interval(values, look=number, looks=looks, alpha=_alpha(plan))
    return _look(plan, number, pairs, values, interval, doubt, last=number == looks)


def glance(plan: Plan, pairs: Sequence[Pair], *, doubt: float = 0.0) -> Look:
    """Judge the pairs at any time: the error rates hold however often this is asked."""
    values = _values(plan, pairs)
    interval = confidence_sequence(values, alpha=_alpha(plan))
    if len(values) < _FEWEST_BLOCKS_ENDLESS:
        interval = Interval(interval.estimate, -math.inf, math.inf)
    last = len(pairs) >= plan.pairs[0 if doubt else 1]
    return _look(plan, len(values), pairs, values, interval, doubt, last=last)


def _look(
    plan: Plan,
    number: int,
    pairs: Sequence[Pair],
    values: Sequence[float],
    interval: Interval,
    doubt: float,
    *,
    last: bool,
) -> Look:
    ratios = Interval(interval.estimate, interval.low - doubt, interval.high + doubt).exp()
    error = t_interval(values).half_width + doubt
    return Look(number, len(pairs), ratios, judge(plan.criterion, ratios), last, error)


def _alpha(plan: Plan) -> float:
    # Schuirmann, J. Pharmacokinet. Biopharm. 15 (1987): two one-sided tests at level alpha
    # both reject exactly if the interval of confidence 1 - 2 alpha lies within the limits.
    return plan.alpha * (2 if plan.criterion.kind is Kind.EQUIVALENCE else 1)


def _values(plan: Plan, pairs: Sequence[Pair]) -> list[float]:
    """Block means of winsorised log ratios, of performance or of cost as the criterion asks."""
    sign = 1 if plan.criterion.of_performance else -1
    logs = [sign * value for value in log_ratios(pairs)]
    return block_means(winsorise(logs, plan.winsorise), plan.block)
