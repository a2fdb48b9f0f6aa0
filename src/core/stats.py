"""Statistics over short series of noisy measurements, from the standard library alone.

What both live monitoring and controlled experiments need: making measurements
robust (`winsorise`, `block_means`), quantiles, and intervals for a mean, one
that is looked at once (`t_interval`) and one that may be looked at after every
value (`confidence_sequence`).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

MAD_TO_SD: Final = 1.4826
"""Median absolute deviation to standard deviation, for normal values: ``1 / Φ⁻¹(0.75)``."""

_NORMAL: Final = statistics.NormalDist()


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the bounds of the interval around it, in the unit of the values."""

    estimate: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half of the distance between the bounds; infinite if one of them is."""
        return (self.high - self.low) / 2

    @property
    def log_half_width(self) -> float:
        """Half of the distance between the bounds' logarithms; infinite if one has none."""
        if not 0 < self.low <= self.high < math.inf:
            return math.inf
        return math.log(self.high / self.low) / 2

    def holds(self, value: float) -> bool:
        """Whether the value is within the bounds."""
        return self.low <= value <= self.high

    def exp(self) -> Interval:
        """The same interval of logarithms on the scale of ratios."""
        return Interval(_exp(self.estimate), _exp(self.low), _exp(self.high))


def winsorise(values: Sequence[float], width: float = 3.0) -> list[float]:
    """Pull outliers in to ``median ± width · 1.4826 · MAD``.

    The median and the median absolute deviation are Hampel's identifier (J. Am.
    Stat. Assoc. 69, 1974).  Where more than half of the values are equal there is
    no scale to judge the others by, and all stay as they are.
    """
    if not values:
        return []
    middle = statistics.median(values)
    reach = width * MAD_TO_SD * statistics.median(abs(value - middle) for value in values)
    if reach <= 0:
        return list(values)
    low, high = middle - reach, middle + reach
    return [min(max(value, low), high) for value in values]


def block_means(values: Sequence[float], size: int) -> list[float]:
    """The means of consecutive blocks of ``size`` values; an incomplete last one is left out.

    Averaging over blocks takes away most of a short autocorrelation, and brings
    the values nearer to the normal distribution that the intervals suppose.

    Raises:
        ValueError: for a size below 1.
    """
    if size < 1:
        raise ValueError(f"a block needs at least one value, not {size}")
    return [
        math.fsum(values[at : at + size]) / size for at in range(0, len(values) - size + 1, size)
    ]


def confidence_sequence(
    values: Sequence[float], *, alpha: float = 0.05, tightest: int = 100
) -> Interval:
    """An interval for the mean that holds at every look at once, however many there are.

    The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and
    Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences"
    (arXiv 2103.06476), theorem 2.2:

        mean ± sd · √( 2(nρ² + 1)/(n²ρ²) · log(√(nρ² + 1)/alpha) )

    with the ρ that makes it tightest, relative to an interval for one look, after
    about ``tightest`` values (there, appendix B.2).  Asymptotic: do not look before
    some 16 values.  With fewer than two the bounds are infinite.

    Raises:
        ValueError: for an alpha outside 0 to 1.
    """
    _check_probability(alpha)
    count = len(values)
    if count < 2:
        return _unbounded(values)
    mean, sd = mean_and_sd(values)
    rho2 = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / tightest
    inner = count * rho2 + 1
    reach = sd * math.sqrt(2 * inner / (count**2 * rho2) * math.log(math.sqrt(inner) / alpha))
    return Interval(mean, mean - reach, mean + reach)


def t_interval(values: Sequence[float], *, confidence: float = 0.95) -> Interval:
    """Student's interval for the mean of independent values, for a single look.

    With fewer than two values the bounds are infinite.

    Raises:
        ValueError: for a confidence outside 0 to 1.
    """
    _check_probability(confidence)
    count = len(values)
    if count < 2:
        return _unbounded(values)
    mean, sd = mean_and_sd(values)
    reach = t_quantile((1 + confidence) / 2, count - 1) * sd / math.sqrt(count)
    return Interval(mean, mean - reach, mean + reach)


def mean_and_sd(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation (divisor n - 1) of at least two values."""
    mean = math.fsum(values) / len(values)
    return mean, math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1))


def normal_cdf(value: float) -> float:
    """The standard normal distribution function Φ, exact in the lower tail too."""
    return math.erfc(-value / math.sqrt(2)) / 2


def normal_quantile(probability: float) -> float:
    """Φ⁻¹: the value below which the share ``probability`` of a standard normal lies.

    Raises:
        ValueError: for a probability outside 0 to 1.
    """
    _check_probability(probability)
    return _NORMAL.inv_cdf(probability)


def t_cdf(value: float, degrees: float) -> float:
    """Student's t distribution function with so many degrees of freedom.

    By the regularised incomplete beta function, I_x(ν/2, 1/2)/2 with x = ν/(ν + t²)
    (Abramowitz and Stegun 26.5.27 and 26.7.1).
    """
    tail = _beta(degrees / (degrees + value * value), degrees / 2, 0.5) / 2
    return 1 - tail if value > 0 else tail


@lru_cache(maxsize=512)
def t_quantile(probability: float, degrees: float) -> float:
    """The quantile of Student's t distribution, to about ten digits.

    Found by bisection of `t_cdf`; probabilities above 1/2 by symmetry, so that
    the far tails keep their precision.

    Raises:
        ValueError: for a probability outside 0 to 1, or degrees of freedom not above 0.
    """
    _check_probability(probability)
    if not degrees > 0:
        raise ValueError(f"degrees of freedom must be above 0, not {degrees}")
    if probability > 0.5:
        return -t_quantile(1 - probability, degrees)
    if probability == 0.5:
        return 0.0
    low = -1.0
    while t_cdf(low, degrees) > probability and math.isfinite(low * 2):
        low *= 2
    high = 0.0
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high) or high - low < 1e-12 * abs(middle):
            break
        if t_cdf(middle, degrees) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b)."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x > (a + 1) / (a + b + 2):
        return 1 - front * _fraction(1 - x, b, a) / b
    return front * _fraction(x, a, b) / a


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of I_x(a, b), by the modified method of Lentz.

    Digital Library of Mathematical Functions, 8.17.22 and 3.10(iii).
    """
    tiny = 1e-300
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d or tiny)
    result = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        change = 1.0
        for term in (even, odd):
            d = 1 / ((1 + term * d) or tiny)
            c = (1 + term / c) or tiny
            change = c * d
            result *= change
        if abs(change - 1) < 1e-15:
            break
    return result


def _exp(value: float) -> float:
    return math.inf if value > 700 else math.exp(value)


def _unbounded(values: Sequence[float]) -> Interval:
    return Interval(values[0] if values else math.nan, -math.inf, math.inf)


def _check_probability(value: float) -> None:
    if not 0 < value < 1:
        raise ValueError(f"a probability between 0 and 1 is needed, not {value}")
