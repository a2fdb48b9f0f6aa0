"""Known answers, and simulations of false alarms and of power."""

from __future__ import annotations

import math
import random
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.rollout.statistics import (
    block_means,
    chi_square_p,
    confidence_sequence,
    difference_sequence,
    e_value,
    incomplete_beta,
    lower_bound,
    sample_ratio_p,
    upper_bound,
    winsorised,
)

finite = st.floats(-1e6, 1e6)


@pytest.mark.parametrize(
    ("bad", "n", "low", "high"),
    [  # one-sided 95 % bounds; with no or all bad they are powers of 0.05
        (0, 1, 0.0, 0.95),
        (0, 300, 0.0, 1 - 0.05 ** (1 / 300)),
        (10, 10, 0.05 ** (1 / 10), 1.0),
        (3, 10, 0.0872644, 0.6066242),
        (50, 10_000, 0.0038984, 0.0063245),
    ],
)
def test_the_bounds_of_clopper_and_pearson(bad: int, n: int, low: float, high: float) -> None:
    assert lower_bound(bad, n) == pytest.approx(low, abs=1e-7)
    assert upper_bound(bad, n) == pytest.approx(high, abs=1e-7)


def test_no_errors_in_300_prove_one_per_cent_and_in_600_half_of_that() -> None:
    assert upper_bound(0, 300) < 0.01
    assert upper_bound(0, 600) < 0.005


@given(st.integers(1, 60), st.integers(0, 60), st.floats(0.01, 0.99))
@settings(deadline=None, max_examples=60)
def test_the_incomplete_beta_function_is_the_binomial_tail(n: int, k: int, p: float) -> None:
    k = min(k, n - 1)
    tail = math.fsum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1, n + 1))
    assert incomplete_beta(p, k + 1, n - k) == pytest.approx(tail, abs=1e-9)


@pytest.mark.parametrize(
    ("freedom", "statistic"),  # the 5 % points of every table
    [(1, 3.841459), (2, 5.991465), (3, 7.814728), (4, 9.487729), (5, 11.070498), (10, 18.307038)],
)
def test_the_points_of_the_chi_square_table(freedom: int, statistic: float) -> None:
    assert chi_square_p(statistic, freedom) == pytest.approx(0.05, abs=1e-7)
    assert chi_square_p(0, freedom) == 1


def test_groups_as_uneven_as_chance_and_more() -> None:
    assert sample_ratio_p((50, 50), (0.5, 0.5)) == 1
    assert sample_ratio_p((60, 40), (0.5, 0.5)) == pytest.approx(0.0455, abs=1e-4)
    assert sample_ratio_p((5, 95), (0.01, 0.99)) < 0.001
    assert sample_ratio_p((0, 10), (0, 1)) == 1
    assert sample_ratio_p((1, 10), (0, 1)) == 0
    assert sample_ratio_p((0, 0), (0.5, 0.5)) == 1
    with pytest.raises(ValueError, match="shares sum to 1"):
        sample_ratio_p((1, 1), (0.5, 0.6))


@given(st.lists(finite, min_size=1, max_size=60), finite)
@settings(deadline=None, max_examples=60)
def test_no_outlier_goes_far(values: list[float], outlier: float) -> None:
    middle = statistics.median(values)
    found = winsorised(values)
    assert statistics.median(found) == pytest.approx(middle, rel=1e-9, abs=1e-6)
    assert all(min(values) <= value <= max(values) for value in found)
    assert winsorised([]) == []


def test_one_wild_value_hardly_moves_the_mean() -> None:
    chance = random.Random(1)
    values = [chance.gauss(0, 1) for _ in range(100)]
    assert statistics.mean([*values, 1e9]) > 1e6
    assert abs(statistics.mean(winsorised([*values, 1e9]))) < 2


def test_blocks_are_whole() -> None:
    assert block_means([1, 2, 3, 4, 5, 6, 7], 3) == [2, 5]
    assert block_means([1, 2], 3) == []


def test_an_interval_needs_two_values() -> None:
    assert confidence_sequence([]) is None
    assert confidence_sequence([1.0]) is None
    assert difference_sequence([1.0, 2.0], [1.0]) is None
    found = confidence_sequence([1.0, 1.0, 1.0])
    assert found is not None
    assert found.low == found.high == 1.0


def test_the_interval_of_a_known_sequence() -> None:
    """By hand: n = 100, variance 100/99, rho2 = (5.99146 + 1.79034 + 1)/100."""
    found = confidence_sequence([(-1.0) ** n for n in range(100)], 0.05, 100)
    assert found is not None
    rho2 = 0.0878180
    width = math.sqrt(
        100 / 99 * 2 * (100 * rho2 + 1) / (1e4 * rho2) * math.log(math.sqrt(100 * rho2 + 1) / 0.05)
    )
    assert (found.low, found.high) == pytest.approx((-width, width), abs=1e-5)


@pytest.mark.parametrize(("bad", "n", "budget"), [(2, 1, 0.1), (-1, 1, 0.1), (0, 1, 0), (0, 1, 1)])
def test_evidence_that_makes_no_sense_is_refused(bad: int, n: int, budget: float) -> None:
    with pytest.raises(ValueError, match="no sense"):
        e_value(bad, n, budget)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.floats(1e-4, 0.999))
@settings(deadline=None, max_examples=80)
def test_evidence_is_a_number_however_much_there_is(bad: int, good: int, budget: float) -> None:
    assert 0 <= e_value(bad, bad + good, budget) < math.inf
    assert e_value(0, 0, budget) == pytest.approx(1)


@given(st.integers(0, 40), st.floats(0.001, 0.8))
@settings(deadline=None, max_examples=40)
def test_the_expected_evidence_under_the_budget_is_one(n: int, budget: float) -> None:
    """What makes it an e-value: its mean at the edge of the hypothesis is 1."""
    mean = math.fsum(
        math.comb(n, bad) * budget**bad * (1 - budget) ** (n - bad) * e_value(bad, n, budget)
        for bad in range(n + 1)
    )
    assert mean == pytest.approx(1, abs=1e-6)


def operations_to_alarm(chance: random.Random, rate: float, budget: float, alpha: float) -> int:
    bad = 0
    for n in range(1, 1001):
        if chance.random() < rate:
            bad += 1
            if e_value(bad, n, budget) >= 1 / alpha:
                return n
    return 0


@pytest.mark.parametrize(
    ("rate", "most_alarms", "least_alarms", "median"),
    [(0.01, 2, 0, None), (0.05, 200, 196, 200), (0.2, 200, 200, 20), (1.0, 200, 200, 2)],
)
def test_the_alarm_of_errors_is_rare_within_the_budget_and_quick_above_it(
    rate: float, most_alarms: int, least_alarms: int, median: int | None
) -> None:
    """Budget 1 %, alpha 1 %, 200 runs of at most 1,000 operations."""
    chance = random.Random(11)
    found = [operations_to_alarm(chance, rate, 0.01, 0.01) for _ in range(200)]
    alarms = sorted(n for n in found if n)
    assert least_alarms <= len(alarms) <= most_alarms
    if median is not None:
        assert statistics.median(alarms) <= median


def test_an_interval_that_is_looked_at_all_the_time_keeps_its_promise() -> None:
    """200 runs of 200 values, a look after every 4: the true mean leaves in at most 5 %."""
    chance = random.Random(12)
    left = 0
    for _ in range(200):
        values = [chance.gauss(0, 0.3) for _ in range(200)]
        looks = (confidence_sequence(values[:n]) for n in range(16, 201, 4))
        left += any(look is None or not look.low <= 0 <= look.high for look in looks)
    assert left <= 10


def test_an_interval_finds_a_difference_that_is_there() -> None:
    """A tenth slower, with pairs as noisy as they were measured, in 400 pairs."""
    chance = random.Random(13)
    found = 0
    for _ in range(50):
        pairs = [chance.gauss(math.log(0.8), 0.34) for _ in range(400)]
        interval = confidence_sequence(block_means(winsorised(pairs)))
        found += interval is not None and interval.high < math.log(0.95)
    assert found >= 48


def test_unpaired_means_differ_as_much_as_they_do() -> None:
    chance = random.Random(14)
    first = [chance.gauss(1, 0.5) for _ in range(400)]
    second = [chance.gauss(0, 0.5) for _ in range(400)]
    found = difference_sequence(first, second)
    assert found is not None
    assert found.low < 1 < found.high
    assert found.low > 0.5
