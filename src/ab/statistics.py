"""The statistics of experiments with paired measurements; all pure.

What they share with other occasions is in `codeagent.core.stats`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final

from ..core.stats import (
    Interval,
    mean_and_sd,
    normal_cdf,
    normal_quantile,
    t_interval,
    t_quantile,
)

_NODES: Final = 128  # of Simpson's rule, on half of the line; the constants come out to 1e-6


def log_ratios(pairs: Iterable[tuple[float, float]]) -> list[float]:
    """``log(first / second)`` of each pair: differences that mean the same in both directions.

    Raises:
        ValueError: for a value that is not a finite number above 0.
    """
    result = []
    for first, second in pairs:
        if not (0 < first < math.inf and 0 < second < math.inf):
            raise ValueError(
                f"a ratio needs two finite values above 0, not {first} and {second}; "
                "measure more repetitions at a time if the clock is too coarse"
            )
        result.append(math.log(first / second))
    return result


@lru_cache(maxsize=64)
def obrien_fleming(looks: int, alpha: float = 0.05) -> float:
    """The constant C of O'Brien and Fleming for so many evenly spaced looks (two-sided).

    The bound for the statistic Z at look k of K is ``C · √(K/k)`` (O'Brien and
    Fleming, Biometrics 35, 1979; Jennison and Turnbull, "Group Sequential
    Methods", 2000, table 2.3): hard to cross early, nearly the usual one at the
    end.  On the sum S = √k · Z the bound is the constant C·√K, and the probability of
    never crossing it is integrated look by look (Armitage, McPherson and Rowe,
    J. R. Stat. Soc. A 132, 1969).

    Raises:
        ValueError: for less than one look, or an alpha outside 0 to 1.
    """
    if looks < 1:
        raise ValueError(f"at least one look is needed, not {looks}")
    low = normal_quantile(1 - alpha / 2)
    if looks == 1:
        return low
    high = normal_quantile(1 - alpha / 2 / looks)  # Bonferroni: never less strict
    f_low, f_high = (_crossing(c, looks) - alpha for c in (low, high))
    while high - low > 1e-9:  # false position, in the manner of Illinois
        guess = high - f_high * (high - low) / (f_high - f_low)
        f_guess = _crossing(guess, looks) - alpha
        if abs(f_guess) < 1e-10:
            return guess
        if f_guess > 0:
            low, f_low, f_high = guess, f_guess, f_high / 2
        else:
            high, f_high, f_low = guess, f_guess, f_low / 2
    return (low + high) / 2


def _crossing(constant: float, looks: int) -> float:
    """The probability that |S| reaches C·√K at one of the looks, without any effect."""
    bound = constant * math.sqrt(looks)
    step = bound / _NODES
    points = [step * at for at in range(_NODES + 1)]
    weights = [
        step / 3 * (1 if at in (0, _NODES) else 4 - 2 * (at % 2 == 0)) for at in range(_NODES + 1)
    ]
    # The density is even, so half of the line and two kernels do for the whole.
    width = 2 * _NODES + 1
    bell = [math.exp(-((step * at) ** 2) / 2) / math.sqrt(2 * math.pi) for at in range(width)]
    density = bell[: _NODES + 1]
    for _ in range(looks - 2):
        weighted = [w * d for w, d in zip(weights, density, strict=True)]
        density = [
            math.fsum(
                mass * (bell[abs(to - at)] + bell[to + at]) for at, mass in enumerate(weighted)
            )
            for to in range(_NODES + 1)
        ]
    stays = math.fsum(
        w * d * (normal_cdf(bound - x) - normal_cdf(-bound - x))
        for w, d, x in zip(weights, density, points, strict=True)
    )
    return 1 - 2 * stays


def repeated_interval(
    values: Sequence[float], *, look: int, looks: int, alpha: float = 0.05
) -> Interval:
    """The interval for the mean at one of several planned looks, from 1; all hold together.

    Repeated confidence intervals (Jennison and Turnbull, J. R. Stat. Soc. B 51,
    1989) with the bounds of `obrien_fleming`.  For an unknown variance the bound
    is the quantile of Student's t at the same tail probability (the
    significance-level method; Jennison and Turnbull 2000, 11.4).

    Raises:
        ValueError: for a look that is not planned.
    """
    if not 1 <= look <= looks:
        raise ValueError(f"look {look} is not one of {looks}")
    count = len(values)
    if count < 2:
        return t_interval(values)
    mean, sd = mean_and_sd(values)
    bound = obrien_fleming(looks, alpha) * math.sqrt(looks / look)
    tail = max(normal_cdf(-bound), 1e-300)
    reach = -t_quantile(tail, count - 1) * sd / math.sqrt(count)
    return Interval(mean, mean - reach, mean + reach)


def quantile_interval(
    values: Sequence[float], share: float, *, confidence: float = 0.95
) -> Interval:
    """A quantile and an interval for it that supposes no distribution.

    Between order statistics, by the binomial distribution of how many values lie
    below the quantile; each side errs with at most half of the rest (Hahn and
    Meeker, "Statistical Intervals", 1991, 5.2).  A side is infinite where there
    are too few values to bound it: 368 for an upper bound of p99 at 95 %.  The
    estimate is the value of nearest rank.

    Raises:
        ValueError: for no values, or a share outside 0 to 1.
    """
    if not values:
        raise ValueError("a quantile needs at least one value")
    if not 0 < share < 1:
        raise ValueError(f"a share between 0 and 1 is needed, not {share}")
    ordered = sorted(values)
    count = len(ordered)
    error = (1 - confidence) / 2
    low, high = -math.inf, math.inf
    below = 0.0  # P(fewer than `rank` values lie below the quantile)
    for rank in range(1, count + 1):
        below += _binomial(rank - 1, count, share)
        if below <= error:
            low = ordered[rank - 1]
        if 1 - below <= error:
            high = ordered[rank - 1]
            break
    return Interval(ordered[min(math.ceil(share * count), count) - 1], low, high)


def _binomial(hits: int, count: int, share: float) -> float:
    return math.exp(
        math.lgamma(count + 1)
        - math.lgamma(hits + 1)
        - math.lgamma(count - hits + 1)
        + hits * math.log(share)
        + (count - hits) * math.log1p(-share)
    )


def block_bootstrap(
    values: Sequence[float],
    statistic: Callable[[Sequence[float]], float],
    *,
    block: int = 4,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """The percentile interval of any statistic of autocorrelated values.

    Resamples consecutive blocks on a circle (Politis and Romano, "A circular
    block-resampling procedure for stationary data", 1992, after Künsch, Ann. Stat.
    17, 1989).

    Raises:
        ValueError: for no values, or a block below 1.
    """
    if not values or block < 1:
        raise ValueError("the bootstrap needs values, and blocks of at least one")
    count = len(values)
    circle = [*values, *values[: block - 1]] if block <= count else [*values] * 2
    size = min(block, count)
    chance = random.Random(seed)  # noqa: S311 - reproducible, and no secret
    found = []
    for _ in range(resamples):
        sample: list[float] = []
        while len(sample) < count:
            start = chance.randrange(count)
            sample += circle[start : start + size]
        found.append(statistic(sample[:count]))
    found.sort()
    cut = int((1 - confidence) / 2 * resamples)
    return Interval(statistic(values), found[cut], found[resamples - 1 - cut])


def sd_limit(sd: float, count: int, *, confidence: float = 0.8) -> float:
    """An upper limit for the true standard deviation behind one of ``count`` values.

    By the chi-squared distribution, its quantile by Wilson and Hilferty (Proc.
    Natl. Acad. Sci. 17, 1931).
    """
    degrees = count - 1
    part = 2 / (9 * degrees)
    cube = 1 - part + normal_quantile(1 - confidence) * math.sqrt(part)
    return sd / math.sqrt(max(cube, 0.1) ** 3)


def values_needed(
    sd: float, distance: float, *, looks: int = 5, alpha: float = 0.05, power: float = 0.999
) -> int:
    """How many values tell, with that power, a mean from one ``distance`` away.

    ``((C + Φ⁻¹(power)) · sd / distance)²``, the usual formula of sample size with
    the last bound of `obrien_fleming` as critical value.
    """
    return math.ceil(((obrien_fleming(looks, alpha) + normal_quantile(power)) * sd / distance) ** 2)
