"""Several runs of the same program as one, for later runs to be compared with.

Runs differ by more than the intervals within each of them tell: by what else the
machine does, and where memory happens to lie.  How much is seen only in several.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from ..core.stats import mean_and_sd, t_quantile
from .compare import same_machine
from .criteria import Row, together
from .results import Results


def combined(runs: Sequence[Results]) -> Results:
    """The rows of several runs as those of one; single measurements are left out.

    An estimate is the geometric mean of those of the runs, its ``error`` reaches as far
    as one more run is expected to be off in 19 of 20 cases, and the verdict is the worst.
    An absolute value that has a reference in every run keeps it, and the error is then
    that of the shares.

    Raises:
        ValueError: for fewer than two runs, or runs of different machines or versions.
    """
    if len(runs) < 2:
        raise ValueError("one run does not tell how much runs differ: name two or more")
    ordered = sorted(runs, key=lambda one: one.at.timestamp())
    newest = ordered[-1]
    if not all(same_machine(newest.machine, one.machine) for one in ordered):
        raise ValueError("they were made on different machines")
    if len({one.version for one in ordered}) > 1:
        raise ValueError("they are of different versions")
    names = dict.fromkeys(row.name for one in ordered for row in one.rows)
    found = {
        name: [row for one in ordered for row in one.rows if row.name == name] for name in names
    }
    return replace(
        newest,
        complete=all(one.complete for one in ordered),
        rows=tuple(_row(rows) for rows in found.values()),
        benchmarks=(),
        series=(),
    )


def _row(rows: Sequence[Row]) -> Row:
    newest, count = rows[-1], len(rows)
    row = replace(
        newest,
        low=min(one.low for one in rows),
        high=max(one.high for one in rows),
        verdict=together(one.verdict for one in rows),
        n=sum(one.n for one in rows),
        reason=f"{count} runs: " + ", ".join(f"{one.estimate:.4g}" for one in rows),
        baseline=None,
        contender=None,
    )
    if count < 2 or not all(one.estimate > 0 for one in rows):
        return row
    # A prediction interval for one more value: Hahn, Meeker, Statistical Intervals (1991), 4.7.
    mean, sd = mean_and_sd([math.log(one.estimate) for one in rows])
    baseline = None
    shares = [one.share for one in rows if one.share]
    if len(shares) == count:
        share, sd = mean_and_sd(list(map(math.log, shares)))
        baseline = math.exp(mean - share)
    reach = t_quantile(0.975, count - 1) * sd * math.sqrt(1 + 1 / count)
    return replace(row, estimate=math.exp(mean), error=reach, baseline=baseline)
