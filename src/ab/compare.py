"""Two runs against each other: what has become worse, better, or cannot be told.

Absolute times of different runs say little, even on one machine: load and
temperature differ.  So what is compared are the rows: ratios of sides that were
measured next to each other.  Ceilings and floors are absolute and only compared
between runs on the same machine, by their shares of a reference that was measured
next to them where both runs have one.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..core.stats import Interval
from .criteria import Row, Verdict
from .results import Results


class Change(StrEnum):
    """How a row has changed."""

    WORSE = "worse"
    BETTER = "better"
    SAME = "same"
    UNCLEAR = "unclear"  # the intervals are too wide to tell
    MISSING = "missing"  # not measured any more
    NEW = "new"
    OTHER_MACHINE = "other machine"


_REGRESSIONS = frozenset({Change.WORSE, Change.MISSING})
_SAME_MACHINE = ("node", "processor", "cpu_count", "memory", "machine")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChange:
    """One row in both runs; ``ratio`` is the new estimate divided by the old one."""

    name: str
    change: Change
    gating: bool
    before: Row | None
    after: Row | None
    ratio: Interval | None = None
    reason: str = ""

    @property
    def is_regression(self) -> bool:
        """Whether a gate has to stop here."""
        return self.gating and self.change in _REGRESSIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeChange:
    """The medians of one benchmark in both runs; for a look, never for a verdict."""

    key: str
    unit: str
    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All that has changed between two runs."""

    rows: tuple[RowChange, ...]
    times: tuple[TimeChange, ...]
    same_machine: bool

    @property
    def regressions(self) -> tuple[RowChange, ...]:
        """The rows for which the gate fails."""
        return tuple(row for row in self.rows if row.is_regression)

    @property
    def exit_code(self) -> int:
        """1 for a regression, else 0."""
        return 1 if self.regressions else 0


def compare(
    before: Results, after: Results, *, tolerance: float = 0.03, brief: bool = False
) -> Comparison:
    """Compare a run with an older one.

    A row is worse if its verdict no longer is promote, or if its estimate is worse
    by more than ``tolerance`` (a share) and the interval of the change excludes no
    change; on another machine that is told, but is no regression.  That interval adds
    the half-widths of both runs in quadrature, as for a difference of independent
    estimates.  A row not measured any more counts as a regression, so that nothing
    is lost unseen.

    A ``brief`` run has too little time to tell all that a full one told: there, what
    was promoted and is held now has not become worse by that alone.
    """
    same = same_machine(before.machine, after.machine)
    old = {row.name: row for row in before.rows}
    new = {row.name: row for row in after.rows}
    return Comparison(
        rows=tuple(
            _row(name, old.get(name), new.get(name), same, tolerance, brief)
            for name in {**old, **new}
        ),
        times=_times(before, after),
        same_machine=same,
    )


def same_machine(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two runs were made on the same machine, as far as their descriptions tell."""
    return bool(one) and all(one.get(key) == other.get(key) for key in _SAME_MACHINE)


def _row(
    name: str, before: Row | None, after: Row | None, same: bool, tolerance: float, brief: bool
) -> RowChange:
    gating = any(row.gating for row in (after or before,) if row)
    ratio, reason = None, ""
    if after is None:
        change, reason = Change.MISSING, "not measured any more"
    elif before is None:
        change = Change.NEW
    elif before.verdict is Verdict.PROMOTE and after.verdict not in _as_good(brief):
        change, reason = Change.WORSE, f"{before.verdict} before, {after.verdict} now"
    elif not (same or after.criterion.is_ratio):
        change = Change.OTHER_MACHINE
    else:
        ratio = _ratio(before, after)
        change = _judge(ratio, higher_is_better(after), tolerance) if ratio else Change.UNCLEAR
        if change is Change.WORSE and ratio:
            reason = _told(before, after)
            if not same:
                gating, reason = False, f"{reason}, on another machine"
    return RowChange(
        name=name,
        change=change,
        gating=gating,
        before=before,
        after=after,
        ratio=ratio,
        reason=reason,
    )


def _told(before: Row, after: Row) -> str:
    values = f"{before.estimate:.4g} before, {after.estimate:.4g} now"
    if before.share is None or after.share is None:
        return values
    return f"{values}; of its reference {before.share:.3g} before, {after.share:.3g} now"


def _as_good(brief: bool) -> set[Verdict]:
    """The verdicts that take nothing back from a promotion."""
    return {Verdict.PROMOTE, Verdict.HOLD} if brief else {Verdict.PROMOTE}


def higher_is_better(row: Row) -> bool:
    """Whether a larger estimate is the better one."""
    return row.criterion.bounds[1] == math.inf


def _ratio(before: Row, after: Row) -> Interval | None:
    """The estimate now divided by the one before, with its interval."""
    old, new = before.share, after.share
    if old is None or new is None:
        old, new = before.estimate, after.estimate
    if not (old > 0 and new > 0):
        return None
    change = math.log(new / old)
    reach = math.hypot(_half_width(before), _half_width(after))
    return Interval(change, change - reach, change + reach).exp()


def _half_width(row: Row) -> float:
    """Of the interval's logarithm, and rather of the ordinary one than of that which decided."""
    if row.error is not None:
        return row.error
    return Interval(row.estimate, row.low, row.high).log_half_width


def _judge(ratio: Interval, higher_is_better: bool, tolerance: float) -> Change:
    gain = (
        ratio
        if higher_is_better
        else Interval(1 / ratio.estimate, 1 / ratio.high, _inverse(ratio.low))
    )
    if gain.high < 1 and gain.estimate < 1 - tolerance:
        return Change.WORSE
    if gain.low > 1 and gain.estimate > 1 + tolerance:
        return Change.BETTER
    if abs(gain.estimate - 1) <= tolerance and gain.half_width <= 2 * tolerance:
        return Change.SAME
    return Change.UNCLEAR


def _inverse(value: float) -> float:
    return 1 / value if value else math.inf


def _times(before: Results, after: Results) -> tuple[TimeChange, ...]:
    old = {one.key: one for one in before.benchmarks}
    return tuple(
        TimeChange(
            key=one.key,
            unit=one.unit,
            before=statistics.median(old[one.key].data),
            after=statistics.median(one.data),
        )
        for one in after.benchmarks
        if one.key in old
    )
