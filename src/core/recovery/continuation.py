"""How the next attempt goes on, kept with the one that failed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

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
        return json.dumps(self._values(), ensure_ascii=False)

    def _values(self) -> dict[str, object]:
        return {
            "step": self.step,
            "position": self.position,
            "agent": self.agent,
            "model": self.model,
            "session": self.session,
            "preamble": self.preamble,
            "restore": self.restore,
            "history": json.loads(history_text(self.history)),
        }

    @classmethod
    def from_text(cls, text: str | None) -> Continuation | None:
        """What `to_text` wrote, None of anything else: the task then simply goes on."""
        try:
            return cls._read(json.loads(text or "null"))
        except (ValueError, RecursionError):
            return None

    @classmethod
    def _read(cls, values: Any) -> Continuation | None:
        try:
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
        except (ValueError, TypeError, KeyError, AttributeError):
            return None


def continuations_text(continuations: Iterable[Continuation]) -> str:
    """Several of them, for instructions of one attempt, as JSON."""
    return json.dumps([each._values() for each in continuations], ensure_ascii=False)


def read_continuations(text: str | None) -> tuple[Continuation, ...]:
    """What `continuations_text` or `Continuation.to_text` wrote; what cannot be read is left out."""
    try:
        values = json.loads(text or "[]")
    except (ValueError, RecursionError):
        return ()
    found = map(Continuation._read, values if isinstance(values, list) else [values])
    return tuple(each for each in found if each is not None)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
