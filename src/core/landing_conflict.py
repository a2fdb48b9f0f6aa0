"""What an agent is told that has to resolve a conflict which git could not."""

from __future__ import annotations

from collections.abc import Sequence

from .landing import Conflict

_SHOWN = 20


def instruction(conflict: Conflict, task_text: str, landed: Sequence[str]) -> str:
    """The request; ``landed`` are the subjects of what came in between.

    The workspace holds the merge with its conflict markers.
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
