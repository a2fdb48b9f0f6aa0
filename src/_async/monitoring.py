"""Watches over the server's own health."""

from __future__ import annotations

import logging
import time

from .._runtime import async_runtime as rt
from .._runtime.usage import Usage, read_usage
from ..core.health import Health, judge

logger = logging.getLogger(__name__)


class AsyncGauge:
    """What the process uses."""

    async def measure(self) -> Usage:
        """Memory and descriptors."""
        return await rt.run_blocking(read_usage)


class AsyncHealthMonitor:
    """Measures now and then how late the server wakes up and what it uses."""

    def __init__(self, interval: float, gauge: AsyncGauge | None = None) -> None:
        self._interval = interval
        self._gauge = gauge or AsyncGauge()
        self._latest: Health | None = None

    def latest(self) -> Health | None:
        """The newest measurement, None before the first."""
        return self._latest

    async def run(self) -> None:
        """Measure every ``interval`` seconds and log what is not as it should be."""
        while True:
            before, cpu = time.monotonic(), time.process_time()
            await rt.sleep(self._interval)
            elapsed = time.monotonic() - before
            usage = await self._gauge.measure()
            self._latest = Health(
                lag=max(elapsed - self._interval, 0.0),
                cpu=(time.process_time() - cpu) / elapsed,
                memory=usage.memory,
                files=usage.files,
            )
            for warning in judge(self._latest):
                logger.warning("%s", warning)
