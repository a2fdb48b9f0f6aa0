"""Who resolves a conflict: the author's chat, then a fresh agent, then a person.

Before the first rung git has tried: a conflict is what a three-way merge of the
work and the target could not settle.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from .landing import Conflict

_SHOWN = 20


class Rung(StrEnum):
    """Who is asked next."""

    AUTHOR = "author"
    FRESH = "fresh"
    PERSON = "person"


def rung(conflicts: int, *, session: bool, author_tries: int = 2, fresh_tries: int = 1) -> Rung:
    """Who resolves a task's conflict when it has met ``conflicts`` so far, this one included.

    ``session`` is whether the author's chat can be gone on with; without one
    its tries go to a fresh agent.
    """
    if conflicts <= author_tries:
        return Rung.AUTHOR if session else Rung.FRESH
    return Rung.FRESH if conflicts <= author_tries + fresh_tries else Rung.PERSON


def instruction(conflict: Conflict, task_text: str, landed: Sequence[str]) -> str:
    """What the agent is told to do; ``landed`` are the subjects of what came in between.

    It stands in a workspace that holds the merge with its conflict markers.
    """
    files = "\n".join(f"- {name}" for name in conflict.files[:_SHOWN])
    if len(conflict.files) > _SHOWN:
        files += f"\n- and {len(conflict.files) - _SHOWN} more"
    others = "\n".join(f"- {subject}" for subject in landed[-_SHOWN:])
    meanwhile = f"\n\nMeanwhile these changes have landed:\n{others}" if others else ""
    return (
        f"Your work on this task conflicts with changes that were made meanwhile:\n\n"
        f"{task_text}{meanwhile}\n\n"
        "The working directory holds both, merged, with conflict markers "
        f"(<<<<<<<, =======, >>>>>>>) in these files:\n{files}\n\n"
        "Resolve every conflict so that both intentions are kept, remove all markers, and make "
        "sure that the tests pass. Do not commit, and do not undo the other changes."
    )
