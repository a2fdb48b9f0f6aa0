"""Acceptance criteria: each becomes a row with a verdict, all rows together one verdict."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from ..core.stats import Interval
from .quantities import quantity


class Verdict(StrEnum):
    """What the numbers allow."""

    PROMOTE = "promote"  # the criterion is met, beyond doubt
    HOLD = "hold"  # the numbers do not tell
    REJECT = "reject"  # the criterion is not met, beyond doubt


EXIT_CODES = {Verdict.PROMOTE: 0, Verdict.REJECT: 1, Verdict.HOLD: 3}
"""For CI; 2 is wrong usage, as in every command."""


class Kind(StrEnum):
    """What a criterion asks for."""

    NON_INFERIORITY = "non-inferiority"  # not worse than the margin allows
    SUPERIORITY = "superiority"  # better by the margin at least
    EQUIVALENCE = "equivalence"  # within the margin on both sides
    CEILING = "ceiling"  # an absolute value at most
    FLOOR = "floor"  # an absolute value at least


_RATIOS = frozenset({Kind.NON_INFERIORITY, Kind.SUPERIORITY, Kind.EQUIVALENCE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One thing that must be true.

    Args:
        name: unique; what is compared, in words.
        kind: how it is judged.
        margin: for non-inferiority and superiority a limit of the ratio: 0.95 with
            non-inferiority asks for at least 95 % of the baseline's performance
            (baseline's cost / contender's), 1.10 for at most 110 % of its cost
            (contender's / baseline's); 0.80 with superiority for at most 80 % of
            its cost, 1.25 for at least 125 % of its performance.  For equivalence
            the share by which the cost may differ: 0.10 is 0.90 to 1.10.  For a
            ceiling or a floor the limit in ``unit``.
        unit: of the measurements themselves, as in ``"s"``.
        repeat: the command that measures it again.
        gating: whether the overall verdict depends on it.
        note: what a reader must know to understand the row.

    Raises:
        ValueError: for a margin that makes no sense with the kind.
    """

    name: str
    kind: Kind
    margin: float
    unit: str = "s"
    repeat: Sequence[str] = ()
    gating: bool = True
    note: str = ""

    def __post_init__(self) -> None:
        if not math.isfinite(self.margin):
            problem = "must be finite"
        elif self.kind is Kind.EQUIVALENCE and not 0 < self.margin < 1:
            problem = "must be a share between 0 and 1; 0.10 allows ratios from 0.90 to 1.10"
        elif self.is_ratio and (self.margin <= 0 or self.margin == 1):
            problem = "must be a ratio above 0 other than 1; 0.95 and 1.10 are usual"
        else:
            return
        raise ValueError(f"{self.name}: the margin of {self.kind}, {self.margin}, {problem}")

    @property
    def is_ratio(self) -> bool:
        """Whether two sides are compared, and not one with an absolute limit."""
        return self.kind in _RATIOS

    @property
    def of_performance(self) -> bool:
        """Whether its ratio is one of performance, where higher is better, not of cost."""
        return self.is_ratio and self.bounds[1] == math.inf

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest value with which it is met."""
        if self.kind is Kind.EQUIVALENCE:
            return 1 - self.margin, 1 + self.margin
        above = {
            Kind.NON_INFERIORITY: self.margin < 1,
            Kind.SUPERIORITY: self.margin > 1,
            Kind.FLOOR: True,
            Kind.CEILING: False,
        }[self.kind]
        return (self.margin, math.inf) if above else (-math.inf, self.margin)

    @property
    def log_margin(self) -> float:
        """The distance between no difference and the nearest limit, of logarithms of ratios."""
        low, high = self.bounds
        return min(abs(math.log(limit)) for limit in (low, high) if 0 < limit < math.inf)


def judge(criterion: Criterion, interval: Interval) -> Verdict:
    """Promote if the whole interval meets the criterion, reject if none of it does.

    The interval is of ratios, for a ceiling or a floor of absolute values.
    """
    low, high = criterion.bounds
    if low <= interval.low and interval.high <= high:
        return Verdict.PROMOTE
    if interval.high < low or interval.low > high:
        return Verdict.REJECT
    return Verdict.HOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was found about one criterion.

    ``estimate``, ``low`` and ``high`` are a ratio, or for a ceiling or a floor an
    absolute value in ``unit``; ``baseline`` and ``contender`` the medians of what
    was measured, in ``unit``; ``n`` the number of pairs or values.  ``error`` is half
    the width of an ordinary 95 % interval of a ratio, as logarithm, for comparisons
    between runs: ``low`` and ``high`` are as wide as the decision allowed.

    An absolute value may have a ``baseline``, too: a reference, which was measured in
    turn with it.  It decides nothing, but what else the machine did is in both, so
    that runs are compared by the value's share of it, `share`.
    """

    name: str
    kind: Kind
    margin: float
    unit: str
    estimate: float
    low: float
    high: float
    verdict: Verdict
    n: int
    reason: str
    repeat: str = ""
    gating: bool = True
    note: str = ""
    baseline: float | None = None
    contender: float | None = None
    error: float | None = None

    @property
    def share(self) -> float | None:
        """An absolute value as a share of its reference; None for all else."""
        if self.kind in _RATIOS or not self.baseline:
            return None
        return self.estimate / self.baseline

    @property
    def criterion(self) -> Criterion:
        """The criterion that it is about."""
        return Criterion(
            name=self.name,
            kind=self.kind,
            margin=self.margin,
            unit=self.unit,
            repeat=shlex.split(self.repeat),
            gating=self.gating,
            note=self.note,
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON can hold it: what is not finite becomes null."""
        return {
            field.name: None if isinstance(value, float) and not math.isfinite(value) else value
            for field in fields(self)
            for value in [getattr(self, field.name)]
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Row:
        """Read what `to_json` wrote; unknown keys are passed over.

        Raises:
            ValueError: for a row that lacks something or says something impossible.
        """
        given = {field.name: data[field.name] for field in fields(cls) if field.name in data}
        empty = {"estimate": math.nan, "low": -math.inf, "high": math.inf}
        given |= {name: value for name, value in empty.items() if given.get(name) is None}
        try:
            given["kind"], given["verdict"] = Kind(given["kind"]), Verdict(given["verdict"])
            row = cls(**given)
            row.criterion  # noqa: B018 - its margin is checked
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"row {data.get('name', '?')!r}: {error}") from error
        return row


def row(
    criterion: Criterion,
    interval: Interval,
    *,
    n: int,
    reason: str = "",
    verdict: Verdict | None = None,
    baseline: float | None = None,
    contender: float | None = None,
    error: float | None = None,
    reference: Interval | None = None,
) -> Row:
    """The row of a criterion; the interval decides, unless a verdict is given.

    ``reference`` is what an absolute value was measured in turn with.
    """
    if reference is not None:
        baseline, contender = reference.estimate, interval.estimate
        error = math.hypot(interval.log_half_width, reference.log_half_width)
    verdict = verdict or judge(criterion, interval)
    return Row(
        name=criterion.name,
        kind=criterion.kind,
        margin=criterion.margin,
        unit=criterion.unit,
        estimate=interval.estimate,
        low=interval.low,
        high=interval.high,
        verdict=verdict,
        n=n,
        reason=reason or _reason(criterion, verdict),
        repeat=shlex.join(criterion.repeat),
        gating=criterion.gating,
        note=criterion.note,
        baseline=baseline,
        contender=contender,
        error=error,
    )


def _reason(criterion: Criterion, verdict: Verdict) -> str:
    wanted = describe(criterion)
    if verdict is Verdict.PROMOTE:
        return f"the whole interval is {wanted}"
    if verdict is Verdict.REJECT:
        return f"no part of the interval is {wanted}"
    return f"only a part of the interval is {wanted}; measure more"


def describe(criterion: Criterion) -> str:
    """What is asked for, in a few words: ``at least 0.95``."""
    low, high = criterion.bounds
    if criterion.kind is Kind.EQUIVALENCE:
        return f"within {low:.4g} and {high:.4g}"
    margin = criterion.margin
    limit = f"{margin:.4g}" if criterion.is_ratio else quantity(margin, criterion.unit)
    return f"at least {limit}" if high == math.inf else f"at most {limit}"


def overall(rows: Iterable[Row]) -> Verdict:
    """Promote only if every gating row does; reject if one does; else hold.

    All must hold at once (an intersection-union test: Berger, Technometrics 24,
    1982), so no correction for their number is due.  No rows prove nothing: hold.
    """
    return together(row.verdict for row in rows if row.gating)


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """Reject if one does, promote if all do, else hold; so none at all hold."""
    given = set(verdicts)
    if Verdict.REJECT in given:
        return Verdict.REJECT
    return Verdict.PROMOTE if given == {Verdict.PROMOTE} else Verdict.HOLD
