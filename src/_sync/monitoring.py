# Generated from src/_async/monitoring.py. Do not edit.
"""Watches over the server's own health."""

from __future__ import annotations

import logging
import time

from .._runtime import sync_runtime as rt
from .._runtime.usage import Usage, read_usage
from ..core.health import Health, judge

logger = logging.getLogger(__name__)


class Gauge:
    """What the process uses."""

    def measure(self) -> Usage:
        """Memory and descriptors."""
        return rt.run_blocking(read_usage)


class HealthMonitor:
    """Measures now and then how late the server wakes up and what it uses."""

    def __init__(self, interval: float, gauge: Gauge | None = None) -> None:
        self._interval = interval
        self._gauge = gauge or Gauge()
        self._latest: Health | None = None

    def latest(self) -> Health | None:
        """The newest measurement, None before the first."""
        return self._latest

    def run(self) -> None:
        """Measure every ``interval`` seconds and log what is not as it should be."""
        while True:
            before, cpu = time.monotonic(), time.process_time()
            rt.sleep(self._interval)
            elapsed = time.monotonic() - before
            usage = self._gauge.measure()
            self._latest = Health(
                lag=max(elapsed - self._interval, 0.0),
                cpu=(time.process_time() - cpu) / elapsed,
                memory=usage.memory,
                files=usage.files,
            )
            for warning in judge(self._latest):
                logger.warning("%s", warning)
