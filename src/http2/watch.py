"""Tell a peer that thinks from one that is gone."""

from __future__ import annotations

import asyncio
from typing import Protocol

from .limits import Limits


class Watched(Protocol):
    """A connection; ``heard`` is when anything last came from its peer."""

    heard: float
    streams: int

    def ping(self) -> None: ...

    def declare_dead(self) -> None: ...


class Watch:
    """Sends a PING where the peer owes an answer and has been silent for ``ping_interval``.

    The first request after a longer pause is accompanied by one.  Anything that
    arrives is a sign of life.
    """

    def __init__(self, watched: Watched, limits: Limits, loop: asyncio.AbstractEventLoop) -> None:
        self._watched = watched
        self._interval = limits.ping_interval
        self._timeout = limits.ping_timeout
        self._loop = loop
        self._pinged: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def expect_answer(self) -> None:
        """A request has been sent."""
        if self._interval is None:
            return
        if self._pinged is None and self._silence() >= self._interval:
            self._ping()
        elif self._timer is None:
            self._timer = self._loop.call_later(self._interval, self._check)

    def answered(self) -> None:
        """The PING has been answered."""
        self._pinged = None

    def stop(self) -> None:
        """The connection is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _silence(self) -> float:
        return self._loop.time() - self._watched.heard

    def _ping(self) -> None:
        self.stop()
        self._pinged = self._loop.time()
        self._watched.ping()
        self._timer = self._loop.call_later(self._timeout, self._check)

    def _check(self) -> None:
        self._timer = None
        if self._pinged is not None and self._watched.heard < self._pinged:
            self._watched.declare_dead()
            return
        self._pinged = None
        if self._watched.streams == 0 or self._interval is None:
            return
        left = self._interval - self._silence()
        if left <= 0.001:
            self._ping()
        else:
            self._timer = self._loop.call_later(left, self._check)
