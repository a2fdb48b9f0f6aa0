"""What was tried for an instruction, and how that is kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from ..failure import FailureKind, Step


@dataclass(frozen=True, slots=True)
class Tried:
    """A failure of this instruction, the step taken after it, and who had failed."""

    kind: FailureKind
    step: Step
    model: str | None = None
    agent: str | None = None
    tools_ran: bool = False


def history_text(history: Sequence[Tried]) -> str:
    """The history as JSON, to be kept with the attempt."""
    return json.dumps(
        [[e.kind, e.step, e.model, e.agent, e.tools_ran] for e in history], ensure_ascii=False
    )


def read_history(text: str | None) -> tuple[Tried, ...]:
    """What `history_text` wrote; entries that cannot be read are left out."""
    try:
        value = json.loads(text or "[]")
    except (ValueError, RecursionError):
        return ()
    entries = []
    for item in value if isinstance(value, list) else ():
        try:
            kind, step, model, agent, tools_ran = item
            entries.append(Tried(FailureKind(kind), Step(step), model, agent, tools_ran is True))
        except (TypeError, ValueError):
            continue
    return tuple(entries)
