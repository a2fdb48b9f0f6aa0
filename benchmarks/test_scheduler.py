"""Ten thousand tasks that do nothing, a hundred at a time."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import PriorityQueue
from threading import Semaphore

from codeagent.core.task import Task

from . import measure
from .sides import Side

PENDING = 10_000
LIMIT = 100
RATE = 20_000

TASKS = [
    Task(id=f"task_{number}", text=f"Task number {number}", position=number, priority=number % 3)
    for number in range(PENDING)
]


def test_dispatch_against_threads(side: Side, row: Callable[..., None]) -> None:
    """The peer is a priority queue, a semaphore and a pool of threads."""
    ratio = measure.paired(
        lambda: side.run(side.server.dispatch, TASKS, LIMIT), _with_a_pool, rounds=7
    )
    rate, other = PENDING / ratio.best, PENDING / ratio.peer
    row(
        f"dispatch, tasks a second, {side.path}",
        f"{rate:,.0f}/s (pool of threads {other:,.0f}/s, time {ratio})",
        value=-rate if side.path == "async" else None,  # there a task is a thread
        below=-RATE,
        target=f">= {RATE:,}/s" if side.path == "async" else "",
    )


def _with_a_pool() -> None:
    queue: PriorityQueue[tuple[int, int]] = PriorityQueue()
    for task in TASKS:
        queue.put((-task.priority, task.position))
    room = Semaphore(LIMIT)
    with ThreadPoolExecutor(LIMIT) as pool:
        while not queue.empty():
            queue.get()
            room.acquire()
            pool.submit(room.release)


def test_what_waits_is_small(side: Side, row: Callable[..., None]) -> None:
    """Memory that submitting adds to the tasks themselves."""
    scheduler = side.server.scheduler_of(LIMIT)
    gc.collect()
    tracemalloc.start()
    scheduler.submit(TASKS)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    each = size / PENDING
    row(
        f"memory per pending task, {side.path}",
        f"{each:.0f} B",
        value=each,
        below=2048,
        target="<= 2 KB",
    )
