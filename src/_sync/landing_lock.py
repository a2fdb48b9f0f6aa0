# Generated from src/_async/landing_lock.py. Do not edit.
"""Waits for what another git holds locked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .._runtime import sync_runtime as rt
from .._runtime.repositories import LEFT, lock_age
from ..core.events import Event, Sink
from ..core.git import lock_file
from .git import GitError


class LandingLock:
    """Puts landings off while a lock is in their way; one that seems to have been left is told once.

    It is never deleted: whoever holds it may be about to go on.
    """

    def __init__(self, *, pause: float, sink: Sink, clock: Callable[[], float]) -> None:
        self._pause = pause
        self._sink = sink
        self._clock = clock
        self._told: set[str] = set()

    def wait(self, error: GitError) -> None:
        """A call of git has failed for a lock: let some time go by."""
        file = lock_file(error.stderr)
        if file is not None and file not in self._told:
            age = rt.run_blocking(lock_age, Path(file))
            if age is not None and age > LEFT:
                self._told.add(file)
                data = {"file": file, "seconds": round(age)}
                self._sink(Event("landing.locked", self._clock(), data=data))
        rt.sleep(self._pause)
