"""A request's time limits: one for each phase, and one for all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

_ERRORS: dict[str, type[httpx.TimeoutException]] = {
    "connect": httpx.ConnectTimeout,
    "read": httpx.ReadTimeout,
    "write": httpx.WriteTimeout,
    "pool": httpx.PoolTimeout,
}
_DOING = {
    "connect": "connecting",
    "read": "waiting for data",
    "write": "waiting until the server takes more data",
    "pool": "waiting for a connection or stream to become free",
}


class Deadlines:
    """The limits of one request, in seconds; ``end`` is the loop's time at which all is over."""

    __slots__ = ("connect", "end", "loop", "pool", "read", "target", "total", "write")

    def __init__(
        self,
        target: object,
        extensions: Mapping[str, Any],
        loop: asyncio.AbstractEventLoop,
        total: float | None,
    ) -> None:
        timeout = extensions.get("timeout") or {}
        self.connect: float | None = timeout.get("connect")
        self.read: float | None = timeout.get("read")
        self.write: float | None = timeout.get("write")
        self.pool: float | None = timeout.get("pool")
        self.total: float | None = extensions.get("total_timeout", total)
        self.target = target
        self.loop = loop
        self.end = None if self.total is None else loop.time() + self.total

    def seconds(self, phase: str) -> float | None:
        """How long the phase may still last."""
        limit: float | None = getattr(self, phase)
        if self.end is None:
            return limit
        left = self.end - self.loop.time()
        return left if limit is None or left < limit else limit

    def error(self, phase: str) -> httpx.TimeoutException:
        """What to raise when `seconds` have passed."""
        limit: float | None = getattr(self, phase)
        if self.end is not None and self.loop.time() >= self.end - 0.001:
            text = f"the request's {self.total:g} seconds were over while {_DOING[phase]}"
        else:
            text = f"gave up after {limit or 0:g} seconds of {_DOING[phase]}"
        return _ERRORS[phase](f"{self.target}: {text}")

    async def wait(self, future: asyncio.Future[Any], phase: str) -> None:
        """Wait for ``future``, as long as ``phase`` may last.  Raises the phase's error."""
        seconds = self.seconds(phase)
        if seconds is None:
            await future
            return
        timer = self.loop.call_later(seconds, self._expire, future, phase)
        try:
            await future
        finally:
            timer.cancel()

    def _expire(self, future: asyncio.Future[Any], phase: str) -> None:
        if not future.done():
            future.set_exception(self.error(phase))
