"""What became of one operation: the record that metrics, guard and audit trail are fed with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .plan import UNDECIDED, Decision
from .stages import Colour, Operation


class Beside(StrEnum):
    """What became of the path that ran beside the authoritative one."""

    NONE = "none"  # the stage has none, or the operation must not be doubled
    UNCHOSEN = "unchosen"  # the share passed it over
    FULL = "full"  # as many as may were running already
    DONE = "done"
    FAILED = "failed"
    TIMEOUT = "timeout"
    ABANDONED = "abandoned"  # the caller was cancelled, so there is nothing to compare with


@dataclass(frozen=True, slots=True)
class Observation:
    """One operation. ``seconds`` and ``errors`` (names of types) are by path.

    ``match`` is None where nothing was compared; ``rehearsed``: what ran beside was not the
    operation itself, so that its time says nothing of it; ``cancelled`` tells of a
    CancelledError that nobody had asked for.
    """

    capability: str
    operation: Operation
    authoritative: Colour
    decision: Decision = UNDECIDED
    task: str = ""
    plan: str = ""
    seconds: Mapping[Colour, float] = field(default_factory=dict)
    errors: Mapping[Colour, str] = field(default_factory=dict)
    shadow: Beside = Beside.NONE
    match: bool | None = None
    evidence: str = ""
    rehearsed: bool = False
    cancelled: bool = False
    trouble: str = ""  # why a comparison or its evidence could not be had

    def to_json(self) -> dict[str, Any]:
        """The record as the audit trail has it; times in milliseconds."""
        decision = self.decision
        record: dict[str, Any] = {
            "capability": self.capability,
            "operation": self.operation,
            "task": self.task,
            "plan": self.plan,
            "stage": decision.stage,
            "source": decision.source,
            "reason": decision.reason,
            "flag_version": decision.flag_version,
            "authoritative": self.authoritative,
            "ms": {path: round(seconds * 1e3, 3) for path, seconds in self.seconds.items()},
            "errors": dict(self.errors),
            "shadow": self.shadow,
            "match": self.match,
        }
        for name in ("evidence", "rehearsed", "cancelled", "trouble"):
            if value := getattr(self, name):
                record[name] = value
        return record
