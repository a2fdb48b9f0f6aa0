"""How measurements are taken and summed up."""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

RESAMPLES = 2000


class Ratio(NamedTuple):
    """The median ratio of pairs with its 95 % interval, and the best time of each side (s)."""

    value: float
    low: float
    high: float
    best: float
    peer: float

    def __str__(self) -> str:
        return f"x{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def paired(
    measured: Callable[[], object], peer: Callable[[], object], *, rounds: int, seed: int = 1
) -> Ratio:
    """Time both in every round, in random order; the interval is a percentile bootstrap.

    What disturbs the machine disturbs both sides of a round alike, so only the
    ratio within a round says something.
    """
    chance = random.Random(seed)
    sides = {"measured": measured, "peer": peer}
    times: dict[str, list[float]] = {name: [] for name in sides}
    for work in sides.values():
        work()
    for _ in range(rounds):
        for name in chance.sample(sorted(sides), 2):
            began = time.perf_counter()
            sides[name]()
            times[name].append(time.perf_counter() - began)
    ratios = [a / b for a, b in zip(times["measured"], times["peer"], strict=True)]
    medians = sorted(
        statistics.median(chance.choices(ratios, k=len(ratios))) for _ in range(RESAMPLES)
    )
    return Ratio(
        statistics.median(ratios),
        medians[int(0.025 * RESAMPLES)],
        medians[int(0.975 * RESAMPLES)],
        min(times["measured"]),
        min(times["peer"]),
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def load() -> float:
    """The load average of the last minute."""
    return os.getloadavg()[0]
