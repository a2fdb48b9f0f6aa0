"""What the pairs allow: known cases, and how often simulated experiments go wrong."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest

from codeagent.ab.criteria import Criterion, Kind, Verdict
from codeagent.ab.decision import (
    Gate,
    GateState,
    Pair,
    Plan,
    gate,
    glance,
    look,
    planned_looks,
)
from codeagent.core.stats import Interval


def plan(kind: Kind = Kind.NON_INFERIORITY, margin: float = 0.95, **more: object) -> Plan:
    return Plan(criterion=Criterion(name="x", kind=kind, margin=margin), **more)  # type: ignore[arg-type]


def pairs(chance: random.Random, count: int, *, cost: float, noise: float) -> list[Pair]:
    """Shared noise, own noise, and now and then an outlier on either side."""
    found = []
    for _ in range(count):
        shared = math.exp(chance.gauss(0, 0.4))
        own = [math.exp(chance.gauss(0, noise / math.sqrt(2))) for _ in range(2)]
        if chance.random() < 0.03:
            own[chance.randrange(2)] *= 5
        found.append((shared * own[0], shared * own[1] * cost))
    return found


def decided(plan: Plan, given: list[Pair]) -> Verdict:
    """The verdict after the planned looks, as the runner takes them."""
    step = len(given) // plan.looks
    for number in range(1, plan.looks + 1):
        found = look(plan, given[: number * step], number=number, looks=plan.looks)
        if found.decided:
            return found.verdict
    raise AssertionError("the last look decides")


def glanced(plan: Plan, given: list[Pair]) -> Verdict:
    for count in range(plan.block, len(given) + 1, plan.block):
        found = glance(plan, given[:count])
        if found.decided:
            return found.verdict
    return Verdict.HOLD


def shares(
    plan: Plan, cost: float, *, count: int, runs: int, judge: Callable[..., Verdict] = decided
) -> dict[Verdict, float]:
    chance = random.Random(2024)
    verdicts = [judge(plan, pairs(chance, count, cost=cost, noise=0.2)) for _ in range(runs)]
    return {verdict: verdicts.count(verdict) / runs for verdict in Verdict}


def test_paths_that_are_alike_are_promoted_and_one_worse_by_a_tenth_is_rejected() -> None:
    assert shares(plan(), 1.0, count=400, runs=80)[Verdict.PROMOTE] >= 0.97
    assert shares(plan(), 1.1, count=400, runs=80)[Verdict.REJECT] >= 0.9


def test_at_the_edge_of_the_margin_both_wrong_decisions_stay_rare() -> None:
    found = shares(plan(), 1 / 0.95, count=200, runs=250)
    assert found[Verdict.PROMOTE] <= 0.05
    assert found[Verdict.PROMOTE] + found[Verdict.REJECT] <= 0.09


def test_endless_looking_keeps_wrong_decisions_rare_as_well() -> None:
    endless = plan(endless=True)
    found = shares(endless, 1 / 0.95, count=240, runs=60, judge=glanced)
    assert found[Verdict.PROMOTE] + found[Verdict.REJECT] <= 0.09
    assert shares(endless, 0.85, count=400, runs=20, judge=glanced)[Verdict.PROMOTE] == 1


def test_equivalence_needs_both_sides_within_the_margin() -> None:
    wanted = plan(Kind.EQUIVALENCE, 0.1)
    assert shares(wanted, 1.0, count=300, runs=40)[Verdict.PROMOTE] >= 0.95
    assert shares(wanted, 1.1, count=200, runs=200)[Verdict.PROMOTE] <= 0.09
    assert shares(wanted, 1.3, count=200, runs=20)[Verdict.REJECT] >= 0.95
    assert shares(wanted, 0.7, count=200, runs=20)[Verdict.REJECT] >= 0.95


def test_superiority_asks_for_the_whole_gain() -> None:
    wanted = plan(Kind.SUPERIORITY, 0.80)
    assert shares(wanted, 0.7, count=200, runs=30)[Verdict.PROMOTE] >= 0.95
    assert shares(wanted, 0.95, count=200, runs=30)[Verdict.REJECT] >= 0.95


def test_the_gate_sees_an_instrument_that_is_too_coarse() -> None:
    chance = random.Random(1)
    assert gate(plan(), pairs(chance, 400, cost=1, noise=0.02)).state is GateState.GOOD
    coarse = gate(plan(), pairs(chance, 40, cost=1, noise=0.3))
    assert coarse.state is GateState.BLURRED
    assert gate(plan(), []).state is GateState.BLURRED


def test_the_gate_sees_an_instrument_that_favours_one_side() -> None:
    found = gate(plan(), pairs(random.Random(1), 200, cost=1.03, noise=0.02))
    assert found.state is GateState.BIASED
    assert found.interval.high < 1


def test_good_instruments_seldom_look_biased() -> None:
    chance = random.Random(8)
    states = [gate(plan(), pairs(chance, 100, cost=1, noise=0.05)).state for _ in range(200)]
    assert states.count(GateState.BIASED) <= 0.08 * 200


def test_noisier_instruments_get_more_pairs_up_to_the_limit() -> None:
    def total(sd: float, affordable: float = math.inf) -> int:
        found = Gate(GateState.GOOD, Interval(1, 1, 1), 48, sd)
        looks = planned_looks(plan(), found, affordable)
        assert all(count % 4 == 0 for count in looks)
        return looks[-1] if looks else 0

    assert total(0.0) == 80
    assert 80 < total(0.04) < total(0.06) < 800
    assert total(9.0) == 800
    assert total(9.0, affordable=333) == 320
    assert total(0.0, affordable=79) == 0


def test_early_looks_are_spread_evenly() -> None:
    found = Gate(GateState.GOOD, Interval(1, 1, 1), 48, 0.0)
    assert planned_looks(plan(), found) == (16, 32, 48, 64, 80)


def test_glancing_too_early_decides_nothing() -> None:
    given = [(1.0, 1.0), (1.0, 1.0001)] * 31
    assert glance(plan(endless=True), given).verdict is Verdict.HOLD
    assert glance(plan(endless=True), given * 2).verdict is Verdict.PROMOTE


def test_an_endless_plan_ends_with_its_most_pairs() -> None:
    endless = plan(endless=True, pairs=(80, 120))
    found = glance(endless, pairs(random.Random(0), 120, cost=1, noise=2))
    assert found.last
    assert found.decided
    assert found.verdict is Verdict.HOLD


@pytest.mark.parametrize(
    "wrong",
    [
        {"looks": 0},
        {"block": 0},
        {"alpha": 0.5},
        {"power": 1.0},
        {"pairs": (4, 400)},
        {"pairs": (400, 80)},
        {"gate_pairs": (4, 400)},
    ],
)
def test_a_plan_that_cannot_work_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="x: "):
        plan(**wrong)


def test_a_plan_compares_two_sides() -> None:
    with pytest.raises(ValueError, match="a ceiling compares no two sides"):
        plan(Kind.CEILING, 100)


def test_a_look_knows_its_estimate_better_than_it_decides() -> None:
    given = pairs(random.Random(5), 40, cost=0.2, noise=0.05)
    first, last = (look(plan(), given, number=number, looks=5) for number in (1, 5))
    assert first.error == last.error
    assert 0 < first.error < math.log(first.interval.high / first.interval.low) / 2
