"""What a healthy server looks like."""

from __future__ import annotations

from dataclasses import dataclass

LAG = 0.25
"""Seconds by which a healthy server wakes up late at most."""

MEMORY = 500 * 2**20
"""Bytes that a healthy server keeps in memory at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """One measurement.

    ``lag`` in seconds, ``cpu`` as a share of one core, ``memory`` (resident)
    in bytes, ``files`` is how many descriptors are open.
    """

    lag: float
    cpu: float
    memory: int
    files: int


def judge(health: Health) -> list[str]:
    """What is not as it should be, in words."""
    found = []
    if health.lag > LAG:
        found.append(f"woke up {health.lag * 1000:.0f} ms late: the machine is overloaded")
    if health.memory > MEMORY:
        found.append(f"uses {health.memory / 2**20:.0f} MiB of memory")
    return found
