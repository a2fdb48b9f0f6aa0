"""What was observed of a capability since its rung began."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from .flagfile import Rung
from .ladder import OFF
from .observation import Observation
from .stages import Colour, Stage, rank

_Key = TypeVar("_Key")

LATENCY = "latency"
_MEMORY = 10_000  # operations of the synchronous path that its error rate rests on


class Severity(StrEnum):
    """What is never waited out."""

    MISMATCH = "mismatch"
    CORRUPTION = "corruption"
    STALL = "loop stall"
    CANCELLATION = "unhandled cancellation"
    CEILING = "resource ceiling"


@dataclass(frozen=True, slots=True)
class Count:
    """How many operations ran, and how many of them failed."""

    n: int = 0
    bad: int = 0

    def plus(self, bad: bool) -> Count:
        """With one more."""
        return Count(self.n + 1, self.bad + bad)


@dataclass(frozen=True, slots=True)
class Sample:
    """A tally at one moment.

    ``pairs`` holds, by measure, the logarithms of how much better the asynchronous
    path did in the same operation (0: equal, above: better); ``singles`` those of
    the benefit (1/time, rate) of either path alone.  ``assigned`` of ``tasks`` were
    put on the rung.  ``times`` are the latest of each path in seconds, for people to
    see.  ``since`` is in seconds since the epoch.
    """

    rung: Rung
    since: float
    counts: Mapping[Colour, Count] = field(default_factory=dict)
    compared: Count = Count()
    pairs: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    singles: Mapping[tuple[str, Colour], tuple[float, ...]] = field(default_factory=dict)
    severe: tuple[tuple[Severity, str], ...] = ()
    tasks: int = 0
    assigned: int = 0
    times: Mapping[Colour, tuple[float, ...]] = field(default_factory=dict)


class Tally:
    """Collects a sample; safe for any thread. It keeps the latest ``most`` of each value.

    ``sync`` is what was known of the synchronous path before.  ``floor`` seconds are
    added to every time, so that differences much smaller than that do not count.
    """

    def __init__(self, most: int, sync: Count | None = None, floor: float = 0.005) -> None:
        self._most = most
        self._floor = floor
        self._lock = threading.Lock()
        self._sync = sync or Count()
        self._begin(OFF, 0.0)

    def _begin(self, rung: Rung, now: float) -> None:
        self._rung, self._since = rung, now
        self._async = self._compared = Count()
        self._pairs: dict[str, deque[float]] = {}
        self._singles: dict[tuple[str, Colour], deque[float]] = {}
        self._severe: list[tuple[Severity, str]] = []
        self._times: dict[Colour, deque[float]] = {}
        self._tasks = self._assigned = 0

    def begin(self, rung: Rung, now: float) -> None:
        """Start from nothing on another rung; the synchronous error rate is kept."""
        with self._lock:
            if rung != self._rung:
                self._begin(rung, now)

    def forget(self, now: float) -> None:
        """Start from nothing on the same rung: after a rollback nothing counts any more."""
        with self._lock:
            self._begin(self._rung, now)

    def observe(self, seen: Observation) -> None:
        """Count an operation."""
        with self._lock:
            for colour in seen.seconds:
                self._count(colour, colour in seen.errors)
            if seen.match is not None:
                self._compared = self._compared.plus(not seen.match)
            own = dict(seen.seconds)
            if seen.rehearsed:
                own.pop(seen.authoritative.other, None)
            for colour, seconds in own.items():
                self._values(self._times, colour).append(seconds)
            if seen.errors:
                return
            times = {path: seconds + self._floor for path, seconds in own.items()}
            if len(times) == 2:
                benefit = math.log(times[Colour.SYNC] / times[Colour.ASYNC])
                self._values(self._pairs, LATENCY).append(benefit)
            else:
                for colour, seconds in times.items():
                    self._values(self._singles, (LATENCY, colour)).append(-math.log(seconds))

    def _count(self, colour: Colour, bad: bool) -> None:
        if colour is Colour.ASYNC:
            self._async = self._async.plus(bad)
            return
        if self._sync.n >= _MEMORY:  # halved, so that the older half weighs less and less
            self._sync = Count(self._sync.n // 2, (self._sync.bad + 1) // 2)
        self._sync = self._sync.plus(bad)

    def _values(self, place: dict[_Key, deque[float]], key: _Key) -> deque[float]:
        return place.setdefault(key, deque(maxlen=self._most))

    def measured(self, measure: str, benefits: Mapping[Colour, float]) -> None:
        """Add a value for either path or for both of one operation; more is better, all above 0."""
        with self._lock:
            if len(benefits) == 2:
                ratio = benefits[Colour.ASYNC] / benefits[Colour.SYNC]
                self._values(self._pairs, measure).append(math.log(ratio))
            else:
                for colour, benefit in benefits.items():
                    self._values(self._singles, (measure, colour)).append(math.log(benefit))

    def decided(self, stage: Stage) -> None:
        """Count a task that the flag's share decided about."""
        with self._lock:
            self._tasks += 1
            self._assigned += rank(stage) >= rank(self._rung.stage)

    def severe(self, what: Severity, detail: str) -> None:
        """Count what is never waited out."""
        with self._lock:
            self._severe.append((what, detail))

    def counts(self) -> tuple[Count, Count]:
        """Of the synchronous and the asynchronous path."""
        return self._sync, self._async

    def sample(self) -> Sample:
        """Everything as it stands."""
        with self._lock:
            return Sample(
                self._rung,
                self._since,
                {Colour.SYNC: self._sync, Colour.ASYNC: self._async},
                self._compared,
                {name: tuple(values) for name, values in self._pairs.items()},
                {key: tuple(values) for key, values in self._singles.items()},
                tuple(self._severe),
                self._tasks,
                self._assigned,
                {colour: tuple(values) for colour, values in self._times.items()},
            )

    def to_json(self) -> dict[str, Any]:
        """What the next process goes on with."""
        found = self.sample()
        return {
            "rung": [found.rung.stage, found.rung.share],
            "since": found.since,
            "counts": {colour: [count.n, count.bad] for colour, count in found.counts.items()},
            "compared": [found.compared.n, found.compared.bad],
            "pairs": found.pairs,
            "singles": [[*key, values] for key, values in found.singles.items()],
            "times": found.times,
            "tasks": [found.tasks, found.assigned],
        }

    def restore(self, found: Mapping[str, Any]) -> None:
        """Go on with what `to_json` gave; raises KeyError, TypeError or ValueError."""
        stage, share = found["rung"]
        rung, since = Rung(Stage(stage), float(share)), float(found["since"])
        counts = {
            Colour(name): Count(*map(int, values)) for name, values in found["counts"].items()
        }
        compared = Count(*map(int, found["compared"]))
        pairs = {str(name): self._numbers(values) for name, values in found["pairs"].items()}
        singles = {
            (str(measure), Colour(colour)): self._numbers(values)
            for measure, colour, values in found["singles"]
        }
        times = {Colour(name): self._numbers(values) for name, values in found["times"].items()}
        tasks, assigned = map(int, found["tasks"])
        with self._lock:
            self._begin(rung, since)
            self._sync, self._async = counts[Colour.SYNC], counts[Colour.ASYNC]
            self._compared, self._pairs, self._singles = compared, pairs, singles
            self._times, self._tasks, self._assigned = times, tasks, assigned

    def _numbers(self, values: Any) -> deque[float]:
        return deque(map(float, values), maxlen=self._most)
