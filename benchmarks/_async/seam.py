"""The seam at work: tasks, channels, locks, files, children."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from codeagent._runtime import async_runtime as rt

PROBE = 0.001
"""Seconds between two looks of the probe at how late it wakes up."""


async def start_tasks(count: int) -> None:
    """Start tasks that have nothing to do, and wait for them."""
    async with rt.TaskGroup() as group:
        for _ in range(count):
            group.start_soon(rt.checkpoint)


async def hand_over(count: int) -> None:
    """Pass items one by one from one task to another."""
    channel: rt.Channel[int] = rt.Channel(maxsize=1)
    async with rt.TaskGroup() as group:
        group.start_soon(_put, channel, count)
        for _ in range(count):
            await channel.get()


async def _put(channel: rt.Channel[int], count: int) -> None:
    for item in range(count):
        await channel.put(item)


async def take_lock(count: int) -> None:
    """Take a lock that is free, and give it back."""
    lock = rt.Lock()
    for _ in range(count):
        async with lock:
            pass


async def contend(count: int) -> None:
    """Ten tasks that take turns at one lock."""
    lock = rt.Lock()
    async with rt.TaskGroup() as group:
        for _ in range(10):
            group.start_soon(_take_turns, lock, count // 10)


async def _take_turns(lock: rt.Lock, count: int) -> None:
    for _ in range(count):
        async with lock:
            await rt.checkpoint()


async def read(path: Path, count: int) -> None:
    """Read a whole file, again and again."""
    for _ in range(count):
        await rt.read_bytes(path)


async def write_atomic(path: Path, data: bytes, count: int) -> None:
    """Replace a whole file, again and again."""
    for _ in range(count):
        await rt.write_atomic(path, data)


async def append(path: Path, data: bytes, count: int) -> None:
    """Append to a file that is opened anew each time."""
    for _ in range(count):
        await rt.append(path, data)


async def spawn(argv: Sequence[str], count: int) -> None:
    """Start a child and wait for its end, again and again."""
    for _ in range(count):
        await _spawn_one(argv)


async def spawn_at_once(argv: Sequence[str], count: int) -> None:
    """Start children side by side and wait for all of them."""
    async with rt.TaskGroup() as group:
        for _ in range(count):
            group.start_soon(_spawn_one, argv)


async def _spawn_one(argv: Sequence[str]) -> None:
    async with await rt.open_process(argv) as process:
        await process.wait()


async def worst_delay(argv: Sequence[str], count: int) -> float:
    """How late, in seconds, others wake up at worst while so many children are started at once."""
    lateness: list[float] = []
    async with rt.TaskGroup() as group:
        probe = group.start_soon(_probe, lateness)
        await rt.sleep(20 * PROBE)
        await spawn_at_once(argv, count)
        await rt.sleep(20 * PROBE)
        probe.cancel()
    return max(lateness)


async def _probe(lateness: list[float]) -> None:
    while True:
        before = time.perf_counter()
        await rt.sleep(PROBE)
        lateness.append(time.perf_counter() - before - PROBE)
