"""Children of the seam beside `subprocess.run`."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from . import measure
from .sides import Side

AT_ONCE = 100


@pytest.mark.parametrize("side_by_side", [1, 10])
def test_a_child_costs_little_more_than_subprocess_run(
    side: Side, side_by_side: int, agent: Path, row: Callable[..., None]
) -> None:
    """Start children and wait for them; the peer is a thread per child."""
    argv, count = (str(agent), "noop"), 10

    def alone() -> None:
        subprocess.run(argv, capture_output=True, check=True, stdin=subprocess.DEVNULL)

    work = side.seam.spawn if side_by_side == 1 else side.seam.spawn_at_once
    with ThreadPoolExecutor(side_by_side) as threads:

        def peer() -> None:
            if side_by_side == 1:
                for _ in range(count):
                    alone()
            else:
                for future in [threads.submit(alone) for _ in range(count)]:
                    future.result()

        ratio = measure.paired(lambda: side.run(work, argv, count), peer, rounds=40)
    best, other = ratio.best / count * 1e3, ratio.peer / count * 1e3
    row(
        f"child against subprocess.run, {side_by_side} at a time, {side.path}",
        f"{ratio} (best {best:.2f} ms, subprocess.run {other:.2f})",
        value=ratio,
        below=1.5,
        target="<= x1.5",
    )


def test_a_hundred_children_at_once_do_not_stall_the_others(
    side: Side, agent: Path, row: Callable[..., None]
) -> None:
    """The worst delay of a probe that wants to wake up every millisecond."""
    argv = (str(agent), "noop")
    quiet = max(side.run(side.seam.worst_delay, argv, 0) for _ in range(5))
    worst = [side.run(side.seam.worst_delay, argv, AT_ONCE) * 1e3 for _ in range(7)]
    middle = measure.percentile(worst, 0.5)
    row(
        f"worst delay while {AT_ONCE} children start, {side.path}",
        f"{middle:.1f} ms (best {min(worst):.1f}, worst {max(worst):.1f}, idle {quiet * 1e3:.1f})",
        value=middle,
        below=30,
        target="< 30 ms",
    )
