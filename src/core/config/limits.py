"""The section ``limits``: what keeps the machine and the accounts from being overrun."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from .base import Number, Seconds, StrictSettings

_Count = Annotated[int, Number, Field(ge=1, le=1000)]


class AgentLimitSettings(StrictSettings):
    """How many tasks may run on one agent and account at once.

    It begins with ``start``, goes up by one after ``raise_after`` attempts in a row that
    used all of it and were not refused, and is multiplied by ``lower_by`` when the
    provider refuses one for its rate, at most once in ``hold`` seconds.  Without
    ``start`` and ``max`` they are what ``async.max_concurrent_tasks`` allows.
    """

    start: _Count | None = None
    min: _Count = 1
    max: _Count | None = None
    raise_after: _Count = 5
    lower_by: Annotated[float, Number, Field(gt=0, lt=1)] = 0.5
    hold: Seconds = 60

    @model_validator(mode="after")
    def _are_in_order(self) -> AgentLimitSettings:
        given = [size for size in (self.min, self.start, self.max) if size is not None]
        if given != sorted(given):
            raise ValueError("must have min <= start <= max")
        return self


class LimitSettings(StrictSettings):
    """Limits beyond the number of tasks; ``agents`` holds exceptions from ``agent``.

    Floors are in megabytes (2^20 bytes): with less memory available, or less space on
    the disk, nothing more is started.  ``stagger`` is the time between two starts.
    """

    agent: AgentLimitSettings = Field(default_factory=AgentLimitSettings)
    agents: dict[str, AgentLimitSettings] = Field(default_factory=dict)
    memory_floor: Annotated[int, Number, Field(ge=0)] = 512
    disk_floor: Annotated[int, Number, Field(ge=0)] = 1024
    stagger: Seconds = 0

    def for_agent(self, name: str) -> AgentLimitSettings:
        """The limits of an agent; an account may stand behind a slash."""
        return self.agents.get(name) or self.agents.get(name.partition("/")[0]) or self.agent
