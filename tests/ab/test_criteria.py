"""Verdicts of single rows and of all together."""

from __future__ import annotations

import json
import math

import pytest

from codeagent.ab.criteria import Criterion, Kind, Row, Verdict, describe, judge, overall, row
from codeagent.core.stats import Interval


def criterion(kind: Kind = Kind.NON_INFERIORITY, margin: float = 0.95, **more: object) -> Criterion:
    return Criterion(name="speed", kind=kind, margin=margin, **more)  # type: ignore[arg-type]


def interval(low: float, high: float) -> Interval:
    return Interval((low + high) / 2, low, high)


@pytest.mark.parametrize(
    ("kind", "margin", "met", "open_", "missed"),
    [
        (Kind.NON_INFERIORITY, 0.95, (0.95, 1.2), (0.9, 1.0), (0.8, 0.94)),
        (Kind.NON_INFERIORITY, 1.10, (0.2, 1.10), (1.0, 1.2), (1.11, 1.2)),
        (Kind.SUPERIORITY, 0.80, (0.6, 0.8), (0.7, 0.9), (0.81, 1.0)),
        (Kind.SUPERIORITY, 1.25, (1.25, 2.0), (1.2, 1.3), (1.0, 1.24)),
        (Kind.EQUIVALENCE, 0.10, (0.9, 1.1), (0.85, 1.0), (1.2, 1.3)),
        (Kind.CEILING, 100.0, (50, 100), (90, math.inf), (101, 200)),
        (Kind.FLOOR, 50.0, (50, 80), (40, 60), (10, 20)),
    ],
)
def test_only_a_whole_interval_decides(
    kind: Kind,
    margin: float,
    met: tuple[float, float],
    open_: tuple[float, float],
    missed: tuple[float, float],
) -> None:
    wanted = criterion(kind, margin)
    assert judge(wanted, interval(*met)) is Verdict.PROMOTE
    assert judge(wanted, interval(*open_)) is Verdict.HOLD
    assert judge(wanted, interval(*missed)) is Verdict.REJECT
    assert judge(wanted, Interval(math.nan, -math.inf, math.inf)) is Verdict.HOLD


@pytest.mark.parametrize(
    ("kind", "margin"),
    [
        (Kind.NON_INFERIORITY, 1.0),
        (Kind.SUPERIORITY, 0.0),
        (Kind.SUPERIORITY, -0.8),
        (Kind.EQUIVALENCE, 1.1),
        (Kind.CEILING, math.inf),
        (Kind.FLOOR, math.nan),
    ],
)
def test_a_margin_without_meaning_is_refused(kind: Kind, margin: float) -> None:
    with pytest.raises(ValueError, match="speed: the margin of"):
        criterion(kind, margin)


def test_what_is_asked_for_reads_as_words() -> None:
    assert describe(criterion()) == "at least 0.95"
    assert describe(criterion(Kind.NON_INFERIORITY, 1.1)) == "at most 1.1"
    assert describe(criterion(Kind.EQUIVALENCE, 0.1)) == "within 0.9 and 1.1"
    assert describe(criterion(Kind.CEILING, 500, unit="MB")) == "at most 500 MB"


def test_performance_is_where_more_is_better() -> None:
    assert criterion().of_performance
    assert not criterion(Kind.NON_INFERIORITY, 1.1).of_performance
    assert not criterion(Kind.EQUIVALENCE, 0.1).of_performance
    assert not criterion(Kind.FLOOR, 50).of_performance


def test_the_margin_as_logarithm_is_the_nearest_limit() -> None:
    assert criterion().log_margin == pytest.approx(-math.log(0.95))
    assert criterion(Kind.EQUIVALENCE, 0.1).log_margin == pytest.approx(math.log(1.1))


def made(verdict: Verdict, *, gating: bool = True) -> Row:
    return row(criterion(gating=gating), interval(0.9, 1.1), n=9, verdict=verdict)


def test_all_gating_rows_must_hold_at_once() -> None:
    yes, no, open_ = (made(verdict) for verdict in ("promote", "reject", "hold"))  # type: ignore[arg-type]
    assert overall([yes, yes]) is Verdict.PROMOTE
    assert overall([yes, open_]) is Verdict.HOLD
    assert overall([yes, open_, no]) is Verdict.REJECT
    assert overall([yes, made(Verdict.REJECT, gating=False)]) is Verdict.PROMOTE
    assert overall([]) is Verdict.HOLD


def test_a_row_survives_json() -> None:
    wanted = criterion(repeat=("nox", "-s", "ab", "--", "-k", "one read"), note="a thread hop")
    before = row(wanted, interval(0.96, 1.02), n=80, baseline=0.01, contender=0.011)
    after = Row.from_json(json.loads(json.dumps(before.to_json())))
    assert after == before
    assert after.criterion.repeat == ["nox", "-s", "ab", "--", "-k", "one read"]


def test_a_row_without_bounds_survives_json_too() -> None:
    before = row(criterion(), Interval(math.nan, -math.inf, math.inf), n=0)
    text = json.dumps(before.to_json(), allow_nan=False)
    after = Row.from_json(json.loads(text))
    assert (after.low, after.high, after.verdict) == (-math.inf, math.inf, Verdict.HOLD)
    assert math.isnan(after.estimate)


@pytest.mark.parametrize("change", [{"kind": "best"}, {"margin": 1.0}, {"verdict": None}])
def test_a_row_that_makes_no_sense_is_refused(change: dict[str, object]) -> None:
    data = row(criterion(), interval(0.96, 1.02), n=80).to_json() | change
    with pytest.raises(ValueError, match="row 'speed'"):
        Row.from_json(data)
    with pytest.raises(ValueError, match=r"row '\?'"):
        Row.from_json({})
