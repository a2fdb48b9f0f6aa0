"""What the server says about itself while it works.

An event is announced only after what it tells of is durable.  Whoever watches
(the terminal, a log, a metric, an API) receives the same values on both paths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    ``name`` is ``<subject>.<past participle>``, ``at`` is in seconds since the
    epoch, and ``data`` holds only what JSON can carry.
    """

    name: str
    at: float
    task_id: str | None = None
    attempt: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The event as one flat mapping, absent fields left out."""
        known = {"event": self.name, "at": round(self.at, 3)}
        if self.task_id is not None:
            known["task"] = self.task_id
        if self.attempt is not None:
            known["attempt"] = self.attempt
        return {**known, **self.data}

    def __str__(self) -> str:
        """The name and what is known, as one line for a log."""
        said = " ".join(f"{key}={value!r}" for key, value in self.data.items())
        return f"{self.name} {said}".rstrip()


JOURNALLED = frozenset(
    {
        "instruction.done",
        "instruction.failed",
        "instruction.interrupted",
        "instruction.started",
        "task.adopted",
        "task.done",
        "task.failed",
        "task.held",
        "task.interrupted",
        "task.landed",
        "task.phase",
        "task.reset",
        "task.restarted",
        "task.skipped",
        "task.started",
    }
)
"""What the store records by itself, together with the change that it tells of."""

_FLEETING = ("agent.", "llm.", "report.")


def is_kept(event: Event) -> bool:
    """Whether an event is of use after it happened, so that it is to be recorded."""
    return event.name in JOURNALLED or not event.name.startswith(_FLEETING)


Sink = Callable[[Event], None]
"""Receives every event in order; it must neither block nor raise."""
