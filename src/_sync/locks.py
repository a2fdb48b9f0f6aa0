# Generated from src/_async/locks.py. Do not edit.
"""Locks by name."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from .._runtime import sync_runtime as rt


class LockManager:
    """One lock for each name that somebody holds or waits for, and none for the rest."""

    def __init__(self) -> None:
        self._state = rt.StateLock()
        self._locks: dict[str, tuple[rt.Lock, int]] = {}

    @contextmanager
    def hold(self, name: str) -> Generator[None]:
        """Hold the lock called ``name`` for the block; first come, first served."""
        with self._state:
            lock, users = self._locks.get(name) or (rt.Lock(), 0)
            self._locks[name] = (lock, users + 1)
        try:
            with lock:
                yield
        finally:
            with self._state:
                _, users = self._locks.pop(name)
                if users > 1:
                    self._locks[name] = (lock, users - 1)

    def held(self) -> frozenset[str]:
        """The names that are held or waited for now."""
        with self._state:
            return frozenset(self._locks)
