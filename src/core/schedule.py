"""Which task may start now: priorities with ageing, dependencies, retries.

A plain collection without a clock; the caller passes the time in seconds and
keeps it from being used by two at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from .task import Task


@dataclass(slots=True)
class _Entry:
    task: Task
    queued_at: float
    not_before: float
    missing: set[str]


class Backlog:
    """Tasks that wait for their turn.

    More urgent ones come first; waiting for ``ageing`` seconds is worth one
    step of priority, so that nothing waits for ever (0: priority alone
    counts).  All tasks age alike, so their order never changes while they
    wait, and a heap holds it.  Among equals the place in the list decides.
    """

    def __init__(self, ageing: float = 600.0) -> None:
        self._ageing = ageing
        self._entries: dict[str, _Entry] = {}
        self._ready: list[tuple[float, float, int, str]] = []
        self._delayed: list[tuple[float, str]] = []
        self._dependents: dict[str, set[str]] = {}
        self._finished: set[str] = set()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, task_id: object) -> bool:
        return task_id in self._entries

    def add(self, tasks: Iterable[Task], now: float, *, not_before: float = 0.0) -> int:
        """Queue tasks; one that waits already takes its new place and keeps its age and delay.

        Returns how many of them are new and wait for no other task.
        """
        startable = 0
        for task in tasks:
            known = self._entries.get(task.id)
            missing = set(task.after) - self._finished - {task.id}
            queued_at = known.queued_at if known else now
            entry = _Entry(task, queued_at, known.not_before if known else not_before, missing)
            startable += known is None and not missing
            self._entries[task.id] = entry
            for name in missing:
                self._dependents.setdefault(name, set()).add(task.id)
            if not missing:
                self._queue(entry, now)
        return startable

    def discard(self, task_id: str) -> None:
        """Take a task out again; one that is not there does not matter."""
        self._entries.pop(task_id, None)

    def finished(self, task_id: str, now: float) -> int:
        """Tell that a task is done, so that those that came after it may start.

        Returns how many of them wait for no other task any more.
        """
        startable = 0
        self._finished.add(task_id)
        for name in self._dependents.pop(task_id, ()):
            entry = self._entries.get(name)
            if entry is not None and task_id in entry.missing:
                entry.missing.discard(task_id)
                if not entry.missing:
                    self._queue(entry, now)
                    startable += 1
        return startable

    def take(self, now: float) -> Task | None:
        """The task that may start now, no longer waiting; None if none may."""
        while self._delayed and self._delayed[0][0] <= now:
            _, task_id = heappop(self._delayed)
            entry = self._entries.get(task_id)
            if entry is not None and entry.not_before <= now and not entry.missing:
                heappush(self._ready, self._rank(entry))
        while self._ready:
            rank = heappop(self._ready)
            entry = self._entries.get(rank[3])
            if entry is None or entry.missing or rank != self._rank(entry):
                continue  # taken, discarded or moved since it was queued
            if entry.not_before > now:
                self._queue(entry, now)
                continue
            del self._entries[rank[3]]
            return entry.task
        return None

    def ids(self) -> frozenset[str]:
        """What waits."""
        return frozenset(self._entries)

    def next_at(self) -> float | None:
        """When the next delayed task may start; None if none is delayed."""
        while self._delayed and self._delayed[0][1] not in self._entries:
            heappop(self._delayed)
        return self._delayed[0][0] if self._delayed else None

    def blocked(self) -> dict[str, frozenset[str]]:
        """The tasks that wait for others, and for which."""
        return {
            task_id: frozenset(entry.missing)
            for task_id, entry in self._entries.items()
            if entry.missing
        }

    def clear(self) -> list[Task]:
        """Take everything out."""
        tasks = [entry.task for entry in self._entries.values()]
        self._entries.clear()
        self._ready.clear()
        self._delayed.clear()
        self._dependents.clear()
        return tasks

    def _queue(self, entry: _Entry, now: float) -> None:
        if entry.not_before > now:
            heappush(self._delayed, (entry.not_before, entry.task.id))
        else:
            heappush(self._ready, self._rank(entry))
        if len(self._ready) > 4 * len(self._entries) + 64:
            self._ready = [self._rank(e) for e in self._entries.values() if not e.missing]
            heapify(self._ready)

    def _rank(self, entry: _Entry) -> tuple[float, float, int, str]:
        task = entry.task
        if self._ageing > 0 and math.isfinite(self._ageing):
            urgency = entry.queued_at / self._ageing - task.priority
        else:
            urgency = float(-task.priority)
        return (urgency, entry.queued_at, task.position, task.id)


def retry_at(
    attempts: int, limit: int, now: float, *, delay: float, longest: float
) -> float | None:
    """When a task that failed may start again; None if its attempts are used up.

    The delay doubles with every attempt, up to ``longest`` seconds.
    """
    if attempts >= limit:
        return None
    return now + min(longest, delay * 2.0 ** min(max(attempts - 1, 0), 32))
