"""How the next attempt goes on, kept with the one that failed."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..failure import Step
from .choice import Recovery
from .history import Tried, history_text, read_history


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """What was decided after a failure.

    ``position`` is the instruction that failed, 0 for what comes after the last
    one; ``history`` what was tried for it, this time included.  The other
    fields are those of `Recovery`.
    """

    step: Step
    position: int
    agent: str | None = None
    model: str | None = None
    session: str | None = None
    preamble: str = ""
    restore: bool = False
    history: tuple[Tried, ...] = ()

    @classmethod
    def of(cls, recovery: Recovery, position: int, history: tuple[Tried, ...]) -> Continuation:
        """What is to be kept of a decision."""
        return cls(
            step=recovery.step,
            position=position,
            agent=recovery.agent,
            model=recovery.model,
            session=recovery.session,
            preamble=recovery.preamble,
            restore=recovery.restore,
            history=history,
        )

    def to_text(self) -> str:
        """The continuation as JSON."""
        values = {
            "step": self.step,
            "position": self.position,
            "agent": self.agent,
            "model": self.model,
            "session": self.session,
            "preamble": self.preamble,
            "restore": self.restore,
            "history": json.loads(history_text(self.history)),
        }
        return json.dumps(values, ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str | None) -> Continuation | None:
        """What `to_text` wrote, None of anything else: the task then simply goes on."""
        try:
            values = json.loads(text or "null")
            return cls(
                step=Step(values["step"]),
                position=int(values["position"]),
                agent=_text(values.get("agent")),
                model=_text(values.get("model")),
                session=_text(values.get("session")),
                preamble=_text(values.get("preamble")) or "",
                restore=values.get("restore") is True,
                history=read_history(json.dumps(values.get("history"))),
            )
        except (ValueError, TypeError, KeyError, RecursionError):
            return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
