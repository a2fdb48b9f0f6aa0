"""Statistics that stay valid however often they are looked at, and on a noisy machine.

Pure functions of the standard library.  Logarithms are natural.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple


class Interval(NamedTuple):
    """A confidence interval around an estimate."""

    low: float
    estimate: float
    high: float


def winsorised(values: Sequence[float], width: float = 3.0) -> list[float]:
    """Values with the outliers moved to median ± ``width`` standard deviations.

    The deviation is estimated by 1.4826 times the median absolute deviation
    (Hampel 1974), which outliers cannot shift.
    """
    if not values:
        return []
    middle = median(values)
    reach = width * 1.4826 * median([abs(value - middle) for value in values])
    if reach == 0:
        return list(values)
    return [min(max(value, middle - reach), middle + reach) for value in values]


def block_means(values: Sequence[float], size: int = 4) -> list[float]:
    """Means of ``size`` consecutive values, which are less alike than neighbours are.

    What is left over at the end waits for more.
    """
    whole = len(values) // size * size
    return [math.fsum(values[at : at + size]) / size for at in range(0, whole, size)]


def confidence_sequence(
    values: Sequence[float], alpha: float = 0.05, best_at: int = 100
) -> Interval | None:
    """An interval for the mean that holds at every look, all of them together; None below 2 values.

    The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and
    Ramdas (arXiv 2103.06476, theorem 2.2), narrowest near ``best_at`` values.
    """
    n = len(values)
    if n < 2:
        return None
    mean = math.fsum(values) / n
    variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
    rho2 = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha)) + 1) / best_at
    scale = n * rho2 + 1
    width = math.sqrt(variance * 2 * scale / (n * n * rho2) * math.log(math.sqrt(scale) / alpha))
    return Interval(mean - width, mean, mean + width)


def difference_sequence(
    first: Sequence[float], second: Sequence[float], alpha: float = 0.05, best_at: int = 100
) -> Interval | None:
    """An interval for mean(first) - mean(second) of unpaired values, valid at every look.

    Each mean has a sequence at half of ``alpha`` (Bonferroni).
    """
    one = confidence_sequence(first, alpha / 2, best_at)
    other = confidence_sequence(second, alpha / 2, best_at)
    if one is None or other is None:
        return None
    return Interval(one.low - other.high, one.estimate - other.estimate, one.high - other.low)


_TIMES = (1.5, 2.0, 3.0, 5.0, 10.0, 20.0)
_RATES = (0.5, 0.9)


def e_value(bad: int, n: int, budget: float) -> float:
    """Evidence that more than ``budget`` of all go wrong, after ``bad`` of ``n`` did.

    A mixture of likelihood ratios against rates above the budget.  Under a rate
    within it, the chance that it ever reaches 1/alpha is at most alpha (Ville
    1939; Ramdas et al., Statistical Science 38, 2023).  Raises ValueError.
    """
    if not 0 <= bad <= n or not 0 < budget < 1:
        raise ValueError(f"{bad} bad of {n} within a budget of {budget} make no sense")
    rates = (*(budget * times for times in _TIMES), *_RATES)
    above = [rate for rate in rates if budget < rate < 1]
    if not above:
        return 1.0
    logs = [
        bad * math.log(rate / budget) + (n - bad) * math.log((1 - rate) / (1 - budget))
        for rate in above
    ]
    highest = max(logs)
    total = highest + math.log(math.fsum(math.exp(x - highest) for x in logs) / len(above))
    return math.exp(min(total, 700.0))


def upper_bound(bad: int, n: int, confidence: float = 0.95) -> float:
    """The highest rate that still goes with ``bad`` of ``n`` (Clopper and Pearson 1934)."""
    if bad >= n:
        return 1.0
    return _beta_quantile(confidence, bad + 1, n - bad)


def lower_bound(bad: int, n: int, confidence: float = 0.95) -> float:
    """The lowest rate that still goes with ``bad`` of ``n`` (Clopper and Pearson 1934)."""
    if bad <= 0:
        return 0.0
    return _beta_quantile(1 - confidence, bad, n - bad + 1)


def _beta_quantile(share: float, a: float, b: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(42):
        middle = (low + high) / 2
        if incomplete_beta(middle, a, b) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(x, a, b) / a
    return 1 - front * _beta_fraction(1 - x, b, a) / b


def _beta_fraction(x: float, a: float, b: float) -> float:
    """The fraction by the modified method of Lentz (1976)."""
    tiny = 1e-300
    c, d = 1.0, 1 / ((1 - (a + b) * x / (a + 1)) or tiny)
    result = d
    for m in range(1, 1000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / ((1 + term * d) or tiny)
            c = (1 + term / c) or tiny
            result *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return result


def chi_square_p(statistic: float, freedom: int) -> float:
    """The chance of a chi-square of at least that (closed forms: DLMF 8.4.8 and 8.4.10)."""
    half = max(statistic, 0.0) / 2
    if freedom % 2 == 0:
        term, total = 1.0, 1.0
        for k in range(1, freedom // 2):
            term *= half / k
            total += term
        return min(math.exp(-half) * total, 1.0)
    total = math.erfc(math.sqrt(half))
    term = math.sqrt(half / math.pi) * 2
    for k in range(1, freedom // 2 + 1):
        total += math.exp(-half) * term
        term *= half / (k + 0.5)
    return min(total, 1.0)


def sample_ratio_p(observed: Sequence[int], shares: Sequence[float]) -> float:
    """The chance that groups with these shares come out as uneven as ``observed`` (Pearson 1900).

    A small value means that tasks did not reach the paths they were meant for.
    Raises ValueError.
    """
    if len(observed) != len(shares) or not math.isclose(sum(shares), 1, abs_tol=1e-9):
        raise ValueError("every group needs a share, and the shares sum to 1")
    n = sum(observed)
    expected = [share * n for share in shares]
    if any(want == 0 and got > 0 for want, got in zip(expected, observed, strict=True)):
        return 0.0
    used = [(got, want) for got, want in zip(observed, expected, strict=True) if want > 0]
    if n == 0 or len(used) < 2:
        return 1.0
    statistic = math.fsum((got - want) ** 2 / want for got, want in used)
    return chi_square_p(statistic, len(used) - 1)
