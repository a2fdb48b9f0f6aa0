"""Noticing that an event loop stands still."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

LONGEST = 1.0  # seconds without a turn
PAUSE = 0.2  # seconds between looks


class Heartbeats:
    """Asks loops for a turn, again and again, and tells of those that give none.

    A stall is longer than `LONGEST` and found if it lasts `PAUSE` more.  ``clock`` is
    monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._beats: dict[asyncio.AbstractEventLoop, _Beat] = {}
        self._lock = threading.Lock()

    def add(self, loop: asyncio.AbstractEventLoop, *capabilities: str) -> None:
        """Watch a loop; `remove` it before it ends. The capabilities are those it carries."""
        with self._lock:
            self._beats[loop] = _Beat(loop, capabilities, self._clock())

    def remove(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch it no more."""
        with self._lock:
            self._beats.pop(loop, None)

    def look(self, late: float) -> list[tuple[float, tuple[str, ...]]]:
        """New stalls: seconds so far, and the capabilities concerned.

        ``late`` is how much too late the caller itself came: on a machine that was
        asleep or has no time for anybody, no loop stands still by its own fault.
        """
        found = []
        with self._lock:
            for loop, beat in self._beats.items():
                now = self._clock()
                if beat.arrived.is_set():
                    self._beats[loop] = _Beat(loop, beat.capabilities, now)
                    continue
                beat.excused += max(late, 0.0)
                age = now - beat.sent - beat.excused
                if age > LONGEST and not beat.told:
                    beat.told = True
                    found.append((age, beat.capabilities))
        return found


class _Beat:
    """A mark that a loop makes at its next turn."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, capabilities: tuple[str, ...], now: float
    ) -> None:
        self.capabilities = capabilities
        self.arrived = threading.Event()
        self.sent = now
        self.excused = 0.0
        self.told = False
        try:
            loop.call_soon_threadsafe(self.arrived.set)
        except RuntimeError:  # it is closed, and needs no turn
            self.arrived.set()
