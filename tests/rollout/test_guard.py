"""The guard's decisions, its false alarms and how fast it is."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from typing import Any

import pytest

from codeagent.rollout.capability import Capability
from codeagent.rollout.flagfile import Rung
from codeagent.rollout.guard import (
    Conditions,
    History,
    Measure,
    Outcome,
    Verdict,
    advance,
    budget,
    errors,
    judge,
)
from codeagent.rollout.ladder import OFF, ladder
from codeagent.rollout.stages import Colour, Stage
from codeagent.rollout.tally import Count, Sample, Severity, Tally

from .observing import LIVE_25, POLICY, seen
from .support import READ, WRITE


def good(n: int = 800, noise: float = 0.1, ratio: float = 1.0, seed: int = 1) -> Tally:
    """A tally of so many even pairs."""
    chance, tally = random.Random(seed), Tally(POLICY.most_values)
    tally.begin(LIVE_25, 0.0)
    for _ in range(n):
        tally.observe(seen(asynchronous=1.0 / ratio * 2.718 ** chance.gauss(0, noise)))
    for number in range(100):
        tally.decided(Stage.LIVE if number % 4 == 0 else Stage.OFF)
    return tally


def verdict(tally: Tally, now: float = 1000.0, capability: Capability = READ) -> Verdict:
    return judge(capability, tally.sample(), POLICY, now)


def test_good_figures_promote() -> None:
    found = verdict(good())
    assert found.outcome is Outcome.PROMOTE
    assert found.because(Outcome.HOLD) == []


def test_nothing_seen_is_hold() -> None:
    found = verdict(Tally(800))
    assert found.outcome is Outcome.HOLD
    assert len(found.because(Outcome.HOLD)) >= 4


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"min_operations": 5000}, "800 of 5000 operations"),
        ({"min_values": 5000}, "of 5000 results compared"),
        ({"min_tasks": 500}, "100 of 500 tasks"),
        ({"min_seconds": 5000.0}, "1000 of 5000 s"),
        ({"measures": (Measure("memory", 0.008, required=True),)}, "memory: 0 of 64"),
    ],
)
def test_too_little_of_anything_is_hold(change: dict[str, Any], reason: str) -> None:
    found = judge(READ, good().sample(), replace(POLICY, **change), 1000.0)
    assert found.outcome is Outcome.HOLD
    assert reason in "; ".join(found.because(Outcome.HOLD))


def test_tasks_that_went_elsewhere_than_their_share_hold() -> None:
    tally = good()
    for _ in range(100):
        tally.decided(Stage.LIVE)
    found = verdict(tally)
    assert found.outcome is Outcome.HOLD
    assert "p = " in found.because(Outcome.HOLD)[0]


@pytest.mark.parametrize("severity", Severity)
def test_what_is_severe_rolls_back_at_once(severity: Severity) -> None:
    tally = good()
    tally.severe(severity, "detail")
    assert verdict(tally).outcome is Outcome.ROLLBACK
    assert verdict(tally).because(Outcome.ROLLBACK) == [f"{severity}: detail"]


def test_one_difference_rolls_back_what_is_exact_and_not_what_is_not() -> None:
    tally = good()
    tally.observe(seen(match=False))
    assert verdict(tally).outcome is Outcome.ROLLBACK
    vague = replace(READ, exact=False)
    assert verdict(tally, capability=vague).outcome is Outcome.PROMOTE
    for _ in range(20):
        tally.observe(seen(match=False))
    assert verdict(tally, capability=vague).outcome is Outcome.ROLLBACK


@pytest.mark.parametrize(
    ("ratio", "outcome"),
    [(1.2, Outcome.PROMOTE), (1.0, Outcome.PROMOTE), (0.95, Outcome.HOLD), (0.7, Outcome.ROLLBACK)],
)
def test_the_slower_path_is_rolled_back_and_a_close_one_held(
    ratio: float, outcome: Outcome
) -> None:
    assert verdict(good(ratio=ratio)).outcome is outcome


def test_a_difference_too_short_to_be_felt_is_none() -> None:
    tally = Tally(POLICY.most_values)
    for _ in range(400):
        tally.observe(seen(sync=0.000001, asynchronous=0.0001))
    tests = {test.name: test for test in verdict(tally).tests}
    assert tests["latency"].outcome is Outcome.PROMOTE


def test_tasks_that_cannot_be_paired_are_compared_apart() -> None:
    chance, tally = random.Random(2), Tally(POLICY.most_values)
    tally.begin(Rung(Stage.COMPLETE, 50), 0.0)
    for _ in range(800):
        time = 2.718 ** chance.gauss(0, 0.2)
        tally.observe(seen(WRITE, match=None, sync=time, asynchronous=None))
        tally.observe(seen(WRITE, match=None, sync=None, asynchronous=3 * time))
    found = verdict(tally, capability=WRITE)
    assert found.outcome is Outcome.ROLLBACK
    assert "latency" in found.because(Outcome.ROLLBACK)[0]


def test_measures_of_the_applications_own_count() -> None:
    tally = good()
    for _ in range(200):
        tally.measured("memory", {Colour.SYNC: 1 / 100, Colour.ASYNC: 1 / 150})
    found = verdict(tally)
    assert found.outcome is Outcome.ROLLBACK
    assert "memory: x0.667" in found.because(Outcome.ROLLBACK)[0]


def test_a_hold_that_takes_a_day_asks_for_a_person() -> None:
    tally = Tally(800)
    tally.begin(LIVE_25, 0.0)
    assert not verdict(tally, POLICY.patience).escalate
    assert verdict(tally, POLICY.patience + 1).escalate
    assert not verdict(good(), POLICY.patience + 1).escalate


def test_the_budget_follows_the_synchronous_paths_own_errors() -> None:
    assert 0.3 < budget(Count(), POLICY) < 0.5  # nothing is known: only the obvious counts
    assert budget(Count(10_000, 0), POLICY) == 0.01
    assert 0.05 < budget(Count(10_000, 500), POLICY) < 0.07
    assert budget(Count(5, 5), POLICY) < 1


def alarms(sync: float, asynchronous: float, runs: int, seed: int, known: int = 0) -> list[int]:
    """Numbers of operations up to the alarm, both paths failing independently."""
    chance, found = random.Random(seed), []
    for _ in range(runs):
        left, right = Count(known, 0), Count()
        for n in range(1, 301):
            left = left.plus(chance.random() < sync)
            bad = chance.random() < asynchronous
            right = right.plus(bad)
            if bad and errors(left, right, POLICY).outcome is Outcome.ROLLBACK:
                found.append(n)
                break
    return found


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.05, 0.15])
def test_equal_error_rates_hardly_ever_raise_an_alarm(rate: float) -> None:
    assert len(alarms(rate, rate, 60, seed=21)) <= 1


@pytest.mark.parametrize(("rate", "runs", "most"), [(0.05, 30, 200), (0.2, 60, 30), (1.0, 60, 2)])
def test_faults_of_the_asynchronous_path_are_found_soon(rate: float, runs: int, most: int) -> None:
    found = alarms(0.0, rate, runs, seed=22, known=1000)
    assert len(found) >= 0.8 * runs  # of at most 300 operations
    assert sorted(found)[len(found) // 2] <= most


def test_a_against_a_is_rolled_back_in_less_than_one_run_of_a_hundred() -> None:
    """500 runs of 300 pairs with the noise that was measured, looked at 6 times each."""
    chance, false = random.Random(23), 0
    for _ in range(500):
        pairs = [chance.gauss(0, 0.34) for _ in range(300)]
        wild = {chance.randrange(300): chance.choice((-5.0, 5.0)) for _ in range(5)}
        pairs = [wild.get(n, value) for n, value in enumerate(pairs)]
        for n in range(50, 301, 50):
            sample = Sample(
                LIVE_25,
                0.0,
                {Colour.SYNC: Count(n, 0), Colour.ASYNC: Count(n, 0)},
                Count(n, 0),
                {"latency": tuple(pairs[:n])},
            )
            if judge(READ, sample, POLICY, 1000.0).outcome is Outcome.ROLLBACK:
                false += 1
                break
    assert false < 5


def test_the_first_rung_needs_conditions_and_no_figures() -> None:
    nothing = verdict(Tally(800))
    found = advance(READ, OFF, nothing, Conditions(), POLICY, 1000.0)
    assert found.to == ladder(READ)[1]
    assert found.unmet == ()


def test_an_advance_goes_one_rung_and_ends_at_the_top() -> None:
    promoted = verdict(good())
    rungs = ladder(READ)
    for lower, higher in itertools.pairwise(rungs):
        assert advance(READ, lower, promoted, Conditions(), POLICY, 1000.0).to == higher
    assert advance(READ, rungs[-1], promoted, Conditions(), POLICY, 1000.0).unmet == (
        "it is complete",
    )


@pytest.mark.parametrize(
    ("conditions", "reason"),
    [
        (Conditions(ceiling="guard: errors"), "held down: guard: errors"),
        (Conditions(source_valid=False), "not valid"),
        (Conditions(moving=("llm", "git")), "one capability moves at a time: llm, git"),
        (Conditions(instrument=None), "not been compared"),
        (Conditions(instrument=False), "not good enough"),
        (Conditions(history=History(3, 0.0)), "only a person"),
        (Conditions(history=History(1, 999.0)), "cools down for another 1799 s"),
    ],
)
def test_a_condition_that_does_not_hold_is_named(conditions: Conditions, reason: str) -> None:
    found = advance(READ, LIVE_25, verdict(good()), conditions, POLICY, 1000.0)
    assert found.to is None
    assert len(found.unmet) == 1
    assert reason in found.unmet[0]


def test_force_needs_a_reason_and_never_passes_a_ceiling() -> None:
    held = verdict(Tally(800))

    def forced(reason: str, **conditions: Any) -> Any:
        return advance(READ, LIVE_25, held, Conditions(**conditions), POLICY, 1000.0, force=reason)

    assert forced("").to is None
    assert forced("  ").to is None
    assert forced("demo for the board").to == Rung(Stage.LIVE, 50)
    assert forced("demo for the board").forced == "demo for the board"
    assert forced("demo for the board").unmet
    assert forced("demo for the board", ceiling="killed").to is None


def test_cool_downs_double_and_are_read_from_the_trail() -> None:
    records = [
        {"kind": "rollback", "actor": "guard", "capability": "files-read", "at": 100.0},
        {"kind": "rollback", "actor": "ann", "capability": "files-read", "at": 900.0},
        {"kind": "rollback", "actor": "guard", "capability": "llm", "at": 800.0},
        {"kind": "advance", "actor": "guard", "capability": "files-read", "at": 700.0},
    ]
    once = History.of("files-read", records)
    assert (once.rollbacks, once.cool_at(POLICY)) == (1, 1900.0)
    twice = History.of("files-read", [*records, {**records[0], "at": 5000.0}])
    assert (twice.rollbacks, twice.cool_at(POLICY)) == (2, 5000.0 + 3600)
    assert History.of("git", records).cool_at(POLICY) == 0


def test_the_synchronous_error_rate_outlives_a_rung_and_forgets_slowly() -> None:
    tally = Tally(800)
    for _ in range(10):
        tally.observe(seen(both_fail=True))
    tally.begin(LIVE_25, 1.0)
    assert tally.counts() == (Count(10, 10), Count())
    for _ in range(30_000):
        tally.observe(seen(asynchronous=None, match=None))
    sync = tally.counts()[0]
    assert sync.n <= 10_000
    assert 0 < sync.bad <= 4
