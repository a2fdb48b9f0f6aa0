"""How much may be done at once: by agent and account, by memory, disk and cores."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from .config.limits import AgentLimitSettings, LimitSettings

MEGABYTE = 2**20


class BusyAgent(NamedTuple):
    """An obstacle: as many tasks as may run on this agent."""

    agent: str


class AdaptiveLimit:
    """A limit that follows what a provider takes: up by one, down by a factor.

    That is additive increase and multiplicative decrease (Chiu and Jain, 1989).
    Only successes at the full limit count, for others say nothing about more
    (RFC 7661, section 4.3), and what is refused within ``hold`` seconds of a
    decrease was started before it.
    """

    def __init__(self, settings: AgentLimitSettings, most: int) -> None:
        self._settings = settings
        self.minimum = min(settings.min, most)
        self.maximum = min(settings.max or most, most)
        self.limit = min(settings.start or self.maximum, self.maximum)
        self._successes = 0
        self._lowered_at = -math.inf

    def succeeded(self, in_use: int, now: float) -> bool:
        """An attempt was not refused while so many ran; returns whether the limit went up."""
        if in_use < self.limit or self._holds(now) or self.limit >= self.maximum:
            return False
        self._successes += 1
        if self._successes < self._settings.raise_after:
            return False
        self._successes = 0
        self.limit += 1
        return True

    def refused(self, in_use: int, now: float) -> bool:
        """An attempt was refused for its rate; returns whether the limit went down."""
        self._successes = 0
        if self._holds(now):
            return False
        before = self.limit
        self._lowered_at = now
        taken = max(min(self.limit, in_use), 1)
        self.limit = max(self.minimum, int(taken * self._settings.lower_by))
        return self.limit < before

    def _holds(self, now: float) -> bool:
        """Whether the last decrease still stands; a clock that was set back ends it."""
        return 0 <= now - self._lowered_at < self._settings.hold


class AgentLimits:
    """The limits of all agents and accounts, and how many tasks run on each."""

    def __init__(self, settings: LimitSettings, most: int) -> None:
        self._settings = settings
        self._most = most
        self._limits: dict[str, AdaptiveLimit] = {}
        self._in_use: dict[str, int] = {}

    def obstacle(self, agent: str) -> BusyAgent | None:
        """What keeps a task from starting on this agent now."""
        if self._in_use.get(agent, 0) < self._of(agent).limit:
            return None
        return BusyAgent(agent)

    def enter(self, agent: str) -> None:
        """A task is started."""
        self._of(agent)
        self._in_use[agent] = self._in_use.get(agent, 0) + 1

    def leave(self, agent: str) -> None:
        """A task has ended."""
        self._in_use[agent] -= 1

    def feedback(self, agent: str, *, rate_limited: bool, now: float) -> int | None:
        """How an attempt that is still counted went; returns the limit if it changed."""
        limit, in_use = self._of(agent), self._in_use.get(agent, 0)
        changed = limit.refused(in_use, now) if rate_limited else limit.succeeded(in_use, now)
        return limit.limit if changed else None

    def usage(self) -> dict[str, tuple[int, int]]:
        """What is in use and what is allowed, by agent."""
        return {name: (self._in_use.get(name, 0), it.limit) for name, it in self._limits.items()}

    def _of(self, agent: str) -> AdaptiveLimit:
        if agent not in self._limits:
            self._limits[agent] = AdaptiveLimit(self._settings.for_agent(agent), self._most)
        return self._limits[agent]


@dataclass(frozen=True, slots=True)
class Headroom:
    """Bytes that are free: memory that can be taken, and space for files; None if unknown."""

    memory: int | None = None
    disk: int | None = None


@dataclass(frozen=True, slots=True)
class Floors:
    """Bytes that must be free for a task to start; 0 asks for nothing."""

    memory: int = 0
    disk: int = 0

    @classmethod
    def of(cls, settings: LimitSettings) -> Floors:
        """The floors that are configured."""
        return cls(settings.memory_floor * MEGABYTE, settings.disk_floor * MEGABYTE)

    def shortage(self, headroom: Headroom, running: int) -> str | None:
        """Why no task may start now, and what to do; None if one may.

        Memory holds up only what would run beside others: were it to hold up
        the first task, nothing would ever end that frees some.
        """
        if headroom.disk is not None and headroom.disk < self.disk:
            return (
                f"{headroom.disk // MEGABYTE} MB of disk space left, fewer than the "
                f"{self.disk // MEGABYTE} of limits.disk_floor: free some, or lower the floor"
            )
        if running and headroom.memory is not None and headroom.memory < self.memory:
            return (
                f"{headroom.memory // MEGABYTE} MB of memory available, fewer than the "
                f"{self.memory // MEGABYTE} of limits.memory_floor: "
                "more is started when there is room again"
            )
        return None


def cpu_share(cores: int | None, configured: int | None = None) -> int:
    """How many commands that keep cores busy may run at once: half the cores, at least one."""
    return configured or max(1, (cores or 1) // 2)
