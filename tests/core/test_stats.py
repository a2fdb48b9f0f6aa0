"""Robust means, quantiles and intervals against known answers and simulations."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.stats import (
    Interval,
    block_means,
    confidence_sequence,
    normal_cdf,
    normal_quantile,
    t_cdf,
    t_interval,
    t_quantile,
    winsorise,
)

finite = st.floats(-1e6, 1e6)


def test_an_outlier_is_pulled_in_to_three_deviations() -> None:
    values = [1.0, 2.0, 3.0, 4.0, 100.0]  # median 3, median absolute deviation 1
    assert winsorise(values) == [1.0, 2.0, 3.0, 4.0, pytest.approx(3 + 3 * 1.4826)]


def test_values_without_a_scale_stay() -> None:
    assert winsorise([1.0, 1.0, 1.0, 5.0]) == [1.0, 1.0, 1.0, 5.0]
    assert winsorise([]) == []


@given(st.lists(finite, max_size=60))
@settings(deadline=None, max_examples=100)
def test_winsorising_keeps_order_count_and_median(values: list[float]) -> None:
    pulled = winsorise(values)
    assert len(pulled) == len(values)
    ranked = [value for _, value in sorted(zip(values, pulled, strict=True))]
    assert ranked == sorted(ranked)
    assert all(min(values) <= value <= max(values) for value in pulled)


def test_blocks_are_averaged_and_the_incomplete_one_is_left_out() -> None:
    assert block_means([1.0, 3.0, 5.0, 7.0, 9.0], 2) == [2.0, 6.0]
    assert block_means([1.0], 2) == []
    with pytest.raises(ValueError, match="at least one value"):
        block_means([1.0], 0)


@pytest.mark.parametrize(
    ("probability", "degrees", "expected"),
    [
        (0.975, 1, 12.7062047362),
        (0.975, 2, 4.30265272970),
        (0.95, 5, 2.01504837267),
        (0.975, 10, 2.22813885197),
        (0.995, 30, 2.74999565361),
        (0.975, 1000, 1.96233908083),
        (0.999, 3, 10.2145318524),
        (0.5, 7, 0.0),
    ],
)
def test_quantiles_of_student_agree_with_the_tables(
    probability: float, degrees: float, expected: float
) -> None:
    assert t_quantile(probability, degrees) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_student_is_cauchy_with_one_degree_and_normal_with_many() -> None:
    for probability in (1e-9, 0.001, 0.2, 0.7, 0.9999):
        cauchy = math.tan(math.pi * (probability - 0.5))
        assert t_quantile(probability, 1) == pytest.approx(cauchy, rel=1e-6)
        normal = normal_quantile(probability)
        assert t_quantile(probability, 1e6) == pytest.approx(normal, rel=2e-5)


@given(st.floats(1e-8, 1 - 1e-8), st.floats(0.7, 5000))
@settings(deadline=None, max_examples=150)
def test_the_quantile_of_student_inverts_its_distribution(
    probability: float, degrees: float
) -> None:
    value = t_quantile(probability, degrees)
    assert t_cdf(value, degrees) == pytest.approx(probability, rel=1e-6, abs=1e-12)


def test_normal_tails_keep_their_precision() -> None:
    assert normal_cdf(1.959963984540054) == pytest.approx(0.975)
    assert normal_cdf(-10) == pytest.approx(7.61985302416e-24, rel=1e-9)


def test_the_interval_of_student_for_a_known_sample() -> None:
    found = t_interval([9.0, 10.0, 11.0, 12.0, 13.0])  # sd √2.5, t 2.776
    assert found.estimate == 11
    assert found.half_width == pytest.approx(2.7764451052 * math.sqrt(2.5 / 5))
    assert found.holds(11)
    assert not found.holds(14)


def test_an_interval_of_logarithms_becomes_one_of_ratios() -> None:
    found = Interval(0.0, -math.inf, math.log(2)).exp()
    assert (found.estimate, found.low) == (1.0, 0.0)
    assert found.high == pytest.approx(2)
    assert Interval(0.0, 0.0, math.inf).exp().high == math.inf


def test_the_confidence_sequence_by_its_formula() -> None:
    values = [0.0, 2.0] * 50  # mean 1, variance 100/99
    rho2 = (-2 * math.log(0.05) + math.log(-2 * math.log(0.05) + 1)) / 100
    inner = 100 * rho2 + 1
    boundary = math.sqrt(inner / (100**2 * rho2) * math.log(inner / 0.05**2))  # the same, regrouped
    found = confidence_sequence(values)
    assert found.estimate == 1
    assert found.half_width == pytest.approx(math.sqrt(100 / 99) * boundary)


def test_too_few_values_bound_nothing() -> None:
    for interval in (t_interval([1.0]), confidence_sequence([1.0])):
        assert (interval.low, interval.estimate, interval.high) == (-math.inf, 1.0, math.inf)
    assert math.isnan(t_interval([]).estimate)


def test_looking_after_every_value_seldom_excludes_the_truth() -> None:
    chance = random.Random(7)
    misses = naive = 0
    runs = 150
    for _ in range(runs):
        values = [chance.gauss(0, 1) for _ in range(150)]
        looks = [values[:count] for count in range(16, 151, 4)]
        misses += any(not confidence_sequence(seen).holds(0) for seen in looks)
        naive += any(not t_interval(seen).holds(0) for seen in looks)
    assert misses <= 0.08 * runs
    assert naive > 0.15 * runs


@pytest.mark.parametrize("wrong", [0.0, 1.0, -1.0, math.nan])
def test_a_probability_outside_its_range_is_refused(wrong: float) -> None:
    for call in (normal_quantile, lambda p: t_quantile(p, 3)):
        with pytest.raises(ValueError, match="between 0 and 1"):
            call(wrong)
    with pytest.raises(ValueError, match="above 0"):
        t_quantile(0.9, 0)
