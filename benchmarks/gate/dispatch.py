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

PENDING = 10_000


def main(rounds: int) -> None:
    """Rates with 100 and with 1,000 at a time, memory of a pending task."""
    tasks = [Task(id=f"task_{n}", text=f"Task number {n}", position=n) for n in range(PENDING)]
    with opened("async") as side:

        def rate(limit: int) -> float:
            gc.collect()
            began = time.perf_counter()
            side.run(side.server.dispatch, tasks, limit)
            return PENDING / (time.perf_counter() - began)

        gc.collect()
        gc.freeze()  # as the server does with what it has loaded
        pairs = [_best(rate) for _ in range(rounds)]
        scheduler = side.server.scheduler_of(100)
        gc.collect()
        tracemalloc.start()
        scheduler.submit(tasks)
        size, _ = tracemalloc.get_traced_memory()
    seen = {
        "rates": [few for few, _ in pairs],
        "many": [many for _, many in pairs],
        "memory": size / PENDING,
    }
    print(json.dumps(seen))


def _best(rate: Callable[[int], float]) -> tuple[float, float]:
    """Both rates, each the better of two that were taken in turn."""
    seen = [(rate(100), rate(1000)) for _ in range(2)]
    return max(few for few, _ in seen), max(many for _, many in seen)


if __name__ == "__main__":
    main(int(sys.argv[1]))
