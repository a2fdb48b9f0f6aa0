"""Children of the seam beside `subprocess.run`."""

from __future__ import annotations

import gc
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from . import measure
from .sides import Side

COUNT = 10
AT_ONCE = 100


@pytest.mark.parametrize("peer", ["one by one", "a thread each", "a warm pool"])
def test_a_child_costs_little_more_than_subprocess_run(
    side: Side, peer: str, agent: Path, row: Callable[..., None]
) -> None:
    """Start ten children and wait for them, one by one or all at once.

    The tasks of the synchronous path are threads that start with their child;
    the pool's threads are there already.
    """
    argv = (str(agent), "noop")

    def alone() -> None:
        subprocess.run(argv, capture_output=True, check=True, stdin=subprocess.DEVNULL)

    def one_by_one() -> None:
        for _ in range(COUNT):
            alone()

    def a_thread_each() -> None:
        threads = [threading.Thread(target=alone) for _ in range(COUNT)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    with ThreadPoolExecutor(COUNT) as pool:

        def a_warm_pool() -> None:
            for future in [pool.submit(alone) for _ in range(COUNT)]:
                future.result()

        peers = {
            "one by one": (side.seam.spawn, one_by_one),
            "a thread each": (side.seam.spawn_at_once, a_thread_each),
            "a warm pool": (side.seam.spawn_at_once, a_warm_pool),
        }
        ours, theirs = peers[peer]
        ratio = measure.paired(lambda: side.run(ours, argv, COUNT), theirs, rounds=40)
    best, other = ratio.best / COUNT * 1e3, ratio.peer / COUNT * 1e3
    row(
        f"children against subprocess.run, {peer}, {side.path}",
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
    gc.collect()
    gc.freeze()  # the heap of the tests is no part of a server, which freezes its own
    quiet = max(side.run(side.seam.worst_delay, argv, 0) for _ in range(5))
    worst = [side.run(side.seam.worst_delay, argv, AT_ONCE) * 1e3 for _ in range(15)]
    gc.unfreeze()
    middle = measure.percentile(worst, 0.5)
    row(
        f"worst delay while {AT_ONCE} children start, {side.path}",
        f"{middle:.1f} ms (best {min(worst):.1f}, worst {max(worst):.1f}, idle {quiet * 1e3:.1f})",
        value=middle,
        below=30,
        target="< 30 ms",
    )
