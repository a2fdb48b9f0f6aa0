"""The plan of a task: which stage each capability has for it. Values only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .stages import Stage, lowest, parse_stage

VARIABLE = "ROLLOUT_PLAN"
_FORM = 1


@dataclass(frozen=True, slots=True)
class Decision:
    """A stage, where it comes from, and why.

    ``source`` is ``flag``, ``env``, ``file``, ``trip``, ``error`` (no answer: off) or
    ``default`` (nothing was decided: off).
    """

    stage: Stage = Stage.OFF
    source: str = "default"
    reason: str = ""
    flag_version: int | None = None
    variation: int | None = None

    def lowered(self, stage: Stage, source: str, reason: str) -> Decision:
        """The same, or with the lower ``stage`` and what brought it down."""
        if lowest(self.stage, stage) is self.stage:
            return self
        return replace(self, stage=stage, source=source, reason=reason)


UNDECIDED = Decision()


@dataclass(frozen=True, slots=True)
class Plan:
    """What was decided for a task when it began. ``decided_at`` is in seconds since the epoch."""

    task: str
    decided_at: float
    decisions: Mapping[str, Decision] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """A short name, the same however the plan was lowered since."""
        return hashlib.sha256(f"{self.task}\0{self.decided_at!r}".encode()).hexdigest()[:12]

    def decision(self, capability: str) -> Decision:
        """Of the capability; off if the plan does not know it."""
        return self.decisions.get(capability, UNDECIDED)

    def lowered(self, capability: str, decision: Decision) -> Plan:
        """The plan with another decision; raises ValueError if that is a promotion."""
        before = self.decision(capability).stage
        if lowest(before, decision.stage) is not decision.stage:
            raise ValueError(f"{capability} cannot rise from {before} to {decision.stage}")
        return replace(self, decisions={**self.decisions, capability: decision})

    def to_text(self) -> str:
        """One line of JSON: for the store, and for the environment of children."""
        return json.dumps(_as_json(self), separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> Plan:
        """What `to_text` wrote; raises ValueError."""
        try:
            found = json.loads(text)
            if found["form"] != _FORM:
                raise ValueError(f"form {found['form']!r} is unknown")
            decisions = {name: _decision(*item) for name, item in found["decisions"].items()}
            return cls(str(found["task"]), float(found["at"]), decisions)
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError("this is no plan") from error


def _as_json(plan: Plan) -> dict[str, Any]:
    return {
        "form": _FORM,
        "task": plan.task,
        "at": plan.decided_at,
        "decisions": {
            name: [d.stage, d.source, d.reason, d.flag_version, d.variation]
            for name, d in plan.decisions.items()
        },
    }


def _decision(stage: Any, source: Any, reason: Any, version: Any, variation: Any) -> Decision:
    known = parse_stage(stage)
    if known is None:
        raise ValueError(f"{stage!r} is no stage")
    for number in (version, variation):
        if number is not None and not isinstance(number, int):
            raise ValueError(f"{number!r} is no whole number")
    return Decision(known, str(source), str(reason), version, variation)
