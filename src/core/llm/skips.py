"""What is written where a task is skipped: the list's comment, the status file's details."""

from __future__ import annotations

from dataclasses import dataclass

from .. import status as texts
from .question import short
from .questions import PlanMatch, Usefulness


@dataclass(frozen=True, slots=True)
class Skip:
    """``comment`` stands on the task's line, ``details`` in the status file."""

    reason: str
    comment: str
    details: str


def skip_useless(found: Usefulness, task_id: str) -> Skip | None:
    """How a task is skipped that is not worth doing; None if it is."""
    if not found.is_useless:
        return None
    percent = int(found.percent) if found.percent.is_integer() else round(found.percent, 1)
    comment = short(found.comment)
    return Skip(
        f"judged {percent} % useful: {comment}",
        f"Пропущено: низкая полезность ({percent}%) - {comment}",
        texts.details_not_useful(percent, comment, task_id),
    )


def skip_off_plan(found: PlanMatch, task_id: str) -> Skip | None:
    """How a task is skipped whose plan is for something else; None if it is not."""
    if found.matches:
        return None
    reason = short(found.reason)
    return Skip(
        f"does not match its plan: {reason}",
        "Пропущено по причине: не соответствует плану",
        texts.details_off_plan(reason, task_id),
    )
