"""``python -m benchmarks.gate.dispatch ROUNDS``: prints what the dispatch of a task costs."""

from __future__ import annotations

import gc
import json
import sys
import time
import tracemalloc

from codeagent.core.task import Task

from ..sides import opened

PENDING = 10_000


def main(rounds: int) -> None:
    """Rates with 100 at a time, what becomes of them with 1,000, memory of a pending task."""
    tasks = [Task(id=f"task_{n}", text=f"Task number {n}", position=n) for n in range(PENDING)]
    with opened("async") as side:

        def rate(limit: int) -> float:
            gc.collect()
            began = time.perf_counter()
            side.run(side.server.dispatch, tasks, limit)
            return PENDING / (time.perf_counter() - began)

        rate(100)
        pairs = [(rate(100), rate(1000)) for _ in range(rounds)]
        scheduler = side.server.scheduler_of(100)
        gc.collect()
        tracemalloc.start()
        scheduler.submit(tasks)
        size, _ = tracemalloc.get_traced_memory()
    few = [one for one, _ in pairs]
    flat = [many / one for one, many in pairs]
    print(json.dumps({"rates": few, "flat": flat, "memory": size / PENDING}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
