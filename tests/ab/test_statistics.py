"""Formulas against known answers."""

from __future__ import annotations

import math
import random
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.ab.statistics import (
    block_bootstrap,
    log_ratios,
    obrien_fleming,
    quantile_interval,
    repeated_interval,
    sd_limit,
    values_needed,
)
from codeagent.core.stats import t_interval


@pytest.mark.parametrize(
    ("looks", "alpha", "expected"),  # Jennison and Turnbull 2000, table 2.3
    [
        (1, 0.05, 1.960),
        (2, 0.05, 1.977),
        (3, 0.05, 2.004),
        (4, 0.05, 2.024),
        (5, 0.05, 2.040),
        (2, 0.01, 2.580),
        (5, 0.10, 1.751),
    ],
)
def test_the_constants_of_obrien_and_fleming_agree_with_the_table(
    looks: int, alpha: float, expected: float
) -> None:
    assert obrien_fleming(looks, alpha) == pytest.approx(expected, abs=6e-4)


def test_logarithms_of_ratios_mean_the_same_in_both_directions() -> None:
    assert log_ratios([(2.0, 1.0), (1.0, 2.0)]) == [math.log(2), -math.log(2)]


@pytest.mark.parametrize("pair", [(0.0, 1.0), (1.0, -1.0), (math.nan, 1.0), (1.0, math.inf)])
def test_what_has_no_logarithm_is_refused_with_advice(pair: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="measure more repetitions"):
        log_ratios([pair])


def test_repeated_intervals_narrow_from_look_to_look() -> None:
    values = [0.0, 1.0, 2.0, 3.0] * 10
    widths = [repeated_interval(values, look=look, looks=5).half_width for look in range(1, 6)]
    assert widths == sorted(widths, reverse=True)
    assert repeated_interval(values, look=1, looks=1).half_width == pytest.approx(
        t_interval(values).half_width
    )
    with pytest.raises(ValueError, match="not one of 5"):
        repeated_interval(values, look=6, looks=5)


def test_the_interval_of_a_median_lies_between_known_ranks() -> None:
    found = quantile_interval([float(value) for value in range(100, 0, -1)], 0.5)
    assert (found.low, found.estimate, found.high) == (40, 50, 61)  # Hahn and Meeker


def test_too_few_values_do_not_bound_a_high_quantile() -> None:
    values = [float(value) for value in range(1, 369)]
    assert quantile_interval(values, 0.99).high == 368
    assert quantile_interval(values[:-1], 0.99).high == math.inf
    assert quantile_interval([1.0], 0.5).low == -math.inf


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=80), st.floats(0.01, 0.99))
@settings(deadline=None, max_examples=80)
def test_the_estimate_of_a_quantile_is_one_of_the_values_within_its_bounds(
    values: list[float], share: float
) -> None:
    found = quantile_interval(values, share)
    assert found.estimate in values
    assert found.low <= found.estimate <= found.high


def test_the_interval_of_a_quantile_covers_it_as_often_as_promised() -> None:
    chance = random.Random(3)
    truth = statistics.NormalDist().inv_cdf(0.9)
    samples = [[chance.gauss(0, 1) for _ in range(120)] for _ in range(300)]
    covered = sum(quantile_interval(sample, 0.9).holds(truth) for sample in samples)
    assert covered >= 0.93 * 300


def test_the_bootstrap_agrees_with_student_on_a_mean() -> None:
    chance = random.Random(11)
    values = [chance.gauss(5, 1) for _ in range(200)]
    student = t_interval(values)
    found = block_bootstrap(values, statistics.fmean, block=4, resamples=600)
    assert found.estimate == pytest.approx(student.estimate)
    assert found.half_width == pytest.approx(student.half_width, rel=0.2)


def test_the_bootstrap_widens_for_values_that_hang_together() -> None:
    chance = random.Random(5)
    values = [0.0]
    for _ in range(299):
        values.append(0.8 * values[-1] + chance.gauss(0, 1))
    single = block_bootstrap(values, statistics.fmean, block=1, resamples=300)
    blocks = block_bootstrap(values, statistics.fmean, block=20, resamples=300)
    assert blocks.half_width > 1.5 * single.half_width
    assert block_bootstrap([1.0, 2.0], max, block=9, resamples=10).high == 2


def test_the_bootstrap_repeats_with_its_seed() -> None:
    values = [1.0, 5.0, 2.0, 8.0, 3.0]
    first, second = (block_bootstrap(values, statistics.median, seed=4) for _ in range(2))
    assert first == second
    with pytest.raises(ValueError, match="needs values"):
        block_bootstrap([], statistics.median)


def test_the_limit_of_a_standard_deviation() -> None:
    # The lower 20 % quantile of chi-squared with 11 degrees of freedom is 6.989.
    assert sd_limit(1.0, 12) == pytest.approx(math.sqrt(11 / 6.989), rel=0.005)


def test_more_values_are_needed_for_finer_differences() -> None:
    # (2.040 + 1.282)² · 0.30² / 0.051² = 382
    assert values_needed(0.30, 0.051, power=0.9) == pytest.approx(382, abs=2)
    assert values_needed(0.30, 0.051) > 2 * values_needed(0.30, 0.051, power=0.9)
