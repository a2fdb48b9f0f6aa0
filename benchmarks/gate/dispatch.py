"""``python -m benchmarks.gate.dispatch ROUNDS``: prints what the dispatch of a task costs."""

from __future__ import annotations

import gc
import json
import sys
import time
import tracemalloc
from collections.abc import Callable

from codeagent.core.task import Task

from ..sides import opened
from . import reference

PENDING = 10_000
PLAIN = 8 * PENDING
"""Plain tasks, which take as long as those all in all."""


def main(rounds: int) -> None:
    """Rates with 100 and with 1,000 at a time and of plain tasks, memory of a pending task."""
    tasks = [Task(id=f"task_{n}", text=f"Task number {n}", position=n) for n in range(PENDING)]
    with opened("async") as side:

        def rate(number: int, work: Callable[..., object], *args: object) -> float:
            gc.collect()
            began = time.perf_counter()
            side.run(work, *args)
            return number / (time.perf_counter() - began)

        def rates() -> tuple[float, ...]:
            dispatch = side.server.dispatch
            return (
                rate(PENDING, dispatch, tasks, 100),
                rate(PENDING, dispatch, tasks, 1000),
                rate(PLAIN, reference.tasks, PLAIN, 100),
            )

        gc.collect()
        gc.freeze()  # as the server does with what it has loaded
        few, many, plain = zip(*(_best(rates) for _ in range(rounds)), strict=True)
        scheduler = side.server.scheduler_of(100)
        gc.collect()
        tracemalloc.start()
        scheduler.submit(tasks)
        size, _ = tracemalloc.get_traced_memory()
    print(json.dumps({"rates": few, "many": many, "plain": plain, "memory": size / PENDING}))


def _best(rates: Callable[[], tuple[float, ...]]) -> tuple[float, ...]:
    """All rates, each the better of two that were taken in turn."""
    return tuple(map(max, rates(), rates()))


if __name__ == "__main__":
    main(int(sys.argv[1]))
