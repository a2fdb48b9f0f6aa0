"""Which task may start now: priorities with ageing, dependencies, delays, obstacles.

A plain collection without a clock; the caller passes the time in seconds and
keeps it from being used by two at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from .task import Task

Obstacle = Hashable
"""What keeps a task from starting for a while, such as a limit that is reached.

It says all there is to say: whatever task meets it may not start.
"""

Admit = Callable[[Task], Obstacle | None]
"""What a task that could start now meets, None if nothing."""

_Rank = tuple[float, float, int, str]


@dataclass(slots=True)
class _Entry:
    task: Task
    queued_at: float
    not_before: float
    missing: set[str]
    obstacle: Obstacle | None = None
    held: bool = False


class Backlog:
    """Tasks that wait for their turn.

    More urgent ones come first; waiting for ``ageing`` seconds is worth one
    step of priority, so that nothing waits for ever (0: priority alone
    counts).  All tasks age alike, so their order never changes while they
    wait, and a heap holds it.  Among equals the place in the list decides.

    Tasks that met an obstacle wait behind it, in their order, and are passed
    over until it is told to have gone.  They are tried one at a time then: if
    the first one meets it again, none of the others is looked at.
    """

    def __init__(self, ageing: float = 600.0) -> None:
        self._ageing = ageing
        self._entries: dict[str, _Entry] = {}
        self._ready: list[_Rank] = []
        self._behind: dict[Obstacle, list[_Rank]] = {}
        self._delayed: list[tuple[float, str]] = []
        self._dependents: dict[str, set[str]] = {}
        self._finished: set[str] = set()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, task_id: object) -> bool:
        return task_id in self._entries

    def add(self, tasks: Iterable[Task], now: float, *, not_before: float = 0.0) -> int:
        """Queue tasks; one that waits already takes its new place and keeps its age and delay.

        A task that is itself not to start before some time waits for that, too.
        Returns how many of them are new and wait for no other task.
        """
        startable = 0
        for task in tasks:
            known = self._entries.get(task.id)
            missing = set(task.after) - self._finished - {task.id}
            if known is None:
                entry = _Entry(task, now, max(not_before, task.not_before), missing)
                startable += not missing
            elif known.missing == missing and _place(known.task) == _place(task):
                known.task = task
                continue
            else:
                entry = self._moved(known, task, missing)
            self._entries[task.id] = entry
            for name in missing:
                self._dependents.setdefault(name, set()).add(task.id)
            if not missing:
                self._queue(entry, now)
        return startable

    def discard(self, task_id: str) -> None:
        """Take a task out again; one that is not there does not matter."""
        entry = self._entries.pop(task_id, None)
        if entry is not None:
            self._next_behind(entry)

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

    def take(self, now: float, admit: Admit | None = None) -> Task | None:
        """The task that may start now, no longer waiting; None if none may.

        ``admit`` is asked about the tasks in their order until there is one
        that meets no obstacle.
        """
        while self._delayed and self._delayed[0][0] <= now:
            _, task_id = heappop(self._delayed)
            entry = self._entries.get(task_id)
            if entry is not None and entry.not_before <= now and not entry.missing:
                self._push(entry)
        while self._ready:
            rank = heappop(self._ready)
            if not self._is_current(rank):
                continue
            entry = self._entries[rank[3]]
            if entry.not_before > now:
                self._queue(entry, now)
                continue
            obstacle = None if admit is None else admit(entry.task)
            if obstacle is None:
                del self._entries[rank[3]]
                self._next_behind(entry)
                return entry.task
            if obstacle != entry.obstacle:
                self._next_behind(entry)
            entry.obstacle, entry.held = obstacle, True
            heappush(self._behind.setdefault(obstacle, []), rank)
        return None

    def gone(self, obstacle: Obstacle) -> None:
        """Tell that an obstacle may have gone: the first task behind it is tried again."""
        behind = self._behind.get(obstacle)
        while behind:
            rank = heappop(behind)
            entry = self._entries.get(rank[3])
            if (
                entry is not None
                and entry.held
                and entry.obstacle == obstacle
                and rank == self._rank(entry)
            ):
                entry.held = False
                self._push(entry)
                break
        if not behind:
            self._behind.pop(obstacle, None)

    def is_ready(self, now: float) -> bool:
        """Whether something may start now that has met no obstacle yet."""
        while self._ready and not self._is_current(self._ready[0]):
            heappop(self._ready)
        due = self.next_at()
        return bool(self._ready) or (due is not None and due <= now)

    def may_start(self, task_id: str, now: float) -> bool:
        """Whether a task waits for nothing but obstacles and its turn."""
        entry = self._entries.get(task_id)
        return entry is not None and not entry.missing and entry.not_before <= now

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

    def held(self) -> dict[str, Obstacle]:
        """The tasks that met an obstacle when they were last tried, and which."""
        return {
            task_id: entry.obstacle
            for task_id, entry in self._entries.items()
            if entry.held and entry.obstacle is not None
        }

    def delayed(self, now: float) -> dict[str, float]:
        """The tasks that wait for a time, and for which."""
        return {
            task_id: entry.not_before
            for task_id, entry in self._entries.items()
            if entry.not_before > now and not entry.missing
        }

    def clear(self) -> list[Task]:
        """Take everything out."""
        tasks = [entry.task for entry in self._entries.values()]
        self._entries.clear()
        self._ready.clear()
        self._behind.clear()
        self._delayed.clear()
        self._dependents.clear()
        return tasks

    def _moved(self, known: _Entry, task: Task, missing: set[str]) -> _Entry:
        due = known.not_before
        if task.not_before != known.task.not_before:
            due = task.not_before
        self._next_behind(known)
        return _Entry(task, known.queued_at, due, missing)

    def _next_behind(self, entry: _Entry) -> None:
        """Let the next one try: ``entry`` no longer tries whether its obstacle has gone."""
        if entry.obstacle is not None and not entry.held:
            self.gone(entry.obstacle)

    def _is_current(self, rank: _Rank) -> bool:
        """Whether the task was not taken, discarded, moved or held since it was queued so."""
        entry = self._entries.get(rank[3])
        return not (entry is None or entry.missing or entry.held or rank != self._rank(entry))

    def _queue(self, entry: _Entry, now: float) -> None:
        if entry.not_before > now:
            heappush(self._delayed, (entry.not_before, entry.task.id))
        else:
            self._push(entry)

    def _push(self, entry: _Entry) -> None:
        heappush(self._ready, self._rank(entry))
        if len(self._ready) > 4 * len(self._entries) + 64:
            self._ready = [
                self._rank(e) for e in self._entries.values() if not (e.missing or e.held)
            ]
            heapify(self._ready)

    def _rank(self, entry: _Entry) -> _Rank:
        task = entry.task
        if self._ageing > 0 and math.isfinite(self._ageing):
            urgency = entry.queued_at / self._ageing - task.priority
        else:
            urgency = float(-task.priority)
        return (urgency, entry.queued_at, task.position, task.id)


def _place(task: Task) -> tuple[object, ...]:
    """What decides when a task may start."""
    return (task.priority, task.position, task.not_before, task.paths, task.learned)


def retry_at(
    attempts: int, limit: int, now: float, *, delay: float, longest: float
) -> float | None:
    """When a task that failed may start again; None if its attempts are used up.

    The delay doubles with every attempt, up to ``longest`` seconds.
    """
    if attempts >= limit:
        return None
    return now + min(longest, delay * 2.0 ** min(max(attempts - 1, 0), 32))
