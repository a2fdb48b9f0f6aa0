"""How the tasks stand, in the order in which a person wants to know it.

What needs a person comes first, then what runs, what waits for a moment, what
waits for its turn, and what is done.  Whoever shows it, and in whichever form,
shows the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence

from .attention import CANCELLED

TYPE_CHECKING = False  # what `codeagent ls` shows does not wait for `typing`
if TYPE_CHECKING:
    from typing import Any, TypedDict

    Row = Mapping[str, Any]

    class TaskView(TypedDict):
        """One task.

        ``state`` is the stored one, ``reason`` why it stands there, ``remedy`` the
        one thing that a person can do.  ``attempt`` numbers the attempts that were
        begun, ``attempts`` counts those that count against the limit.
        ``instruction`` is the position of the one that runs, ``completed`` how many
        of ``instructions`` are.  ``after`` holds the ids of tasks that have to be
        done first.  Times are in seconds since the epoch.
        """

        id: str
        text: str
        group: str
        state: str
        reason: str | None
        remedy: str | None
        attempt: int
        attempts: int
        path: str | None
        agent: str | None
        model: str | None
        branch: str | None
        phase: str | None
        instruction: int | None
        instruction_name: str | None
        instructions: int
        completed: int
        last_event: float | None
        not_before: float | None
        after: list[str]
        started_at: float | None
        ended_at: float | None
        commit: str | None
else:
    Row, TaskView = Mapping, dict

ATTENTION, RUNNING, WAITING, QUEUED, DONE = GROUPS = (
    "attention",
    "running",
    "waiting",
    "queued",
    "done",
)

_FINAL = ("done", "skipped")

_REMEDIES = {
    "authentication": "log the agent in, then codeagent retry {id}",
    "billing": "see to the agent's account, then codeagent retry {id}",
    "quota": "see to the agent's account, then codeagent retry {id}",
    "agent_missing": "install the agent, then codeagent retry {id}",
    "configuration": "mend the configuration, then codeagent retry {id}",
    "conflict": "look at codeagent diff {id}, then codeagent retry {id}",
    "verify_failed": "look at codeagent diff {id} and codeagent logs {id}, then "
    "codeagent retry {id}",
    "base_failing": "mend the checks on the target branch, then codeagent retry {id}",
    "checks_unusable": "mend that, then codeagent retry {id}",
    "disk_full": "make room on the disk, then codeagent retry {id}",
    "cancelled": "codeagent retry {id}",
}
_REMEDY = "look at codeagent logs {id}, then codeagent retry {id}"
_BRING_BACK = "to have it done after all: codeagent retry {id}"


def overview(
    tasks: Sequence[Row],
    attempts: Mapping[str, Row],
    steps: Mapping[str, Row],
    landings: Mapping[str, Row],
    last_events: Mapping[str, float],
    *,
    now: float,
    served: bool,
    max_attempts: int,
) -> list[TaskView]:
    """All tasks from their stored rows, each of the others by the id of its task.

    ``served``: a server runs, so what is stored as running does run.
    """
    states = {row["id"]: row["state"] for row in tasks}
    views = []
    for row in tasks:
        task_id = row["id"]
        attempt, step = attempts.get(task_id, {}), steps.get(task_id, {})
        after = [other for other in json.loads(row["after"]) if states.get(other) not in _FINAL]
        group, reason = _standing(row, attempt, after, now, served, max_attempts)
        remedy = None
        if group == ATTENTION:
            remedy = _remedy(row, attempt).format(id=task_id)
        running = group == RUNNING
        landing = landings.get(task_id, {})
        views.append(
            TaskView(
                id=task_id,
                text=row["text"],
                group=group,
                state=row["state"],
                reason=reason,
                remedy=remedy,
                attempt=row["epoch"],
                attempts=row["attempts"],
                path=attempt.get("path"),
                agent=attempt.get("agent"),
                model=attempt.get("model"),
                branch=attempt.get("branch"),
                phase=attempt.get("phase") if running else None,
                instruction=step.get("position") if running else None,
                instruction_name=step.get("name") if running else None,
                instructions=row["total_instructions"],
                completed=len(json.loads(row["completed"])),
                last_event=last_events.get(task_id) if running else None,
                not_before=row.get("not_before") if group == WAITING else None,
                after=after,
                started_at=row["started_at"],
                ended_at=row["ended_at"],
                commit=landing.get("commit_id") if landing.get("landed_at") else None,
            )
        )
    return in_order(views)


def _remedy(row: Row, attempt: Row) -> str:
    if row.get("attention") == CANCELLED:
        return _BRING_BACK
    return _REMEDIES.get(attempt.get("failure") or "", _REMEDY)


def in_order(views: Iterable[TaskView]) -> list[TaskView]:
    """By group; within each by place in the list, but what waits by when it goes on, and what
    is done newest first."""

    def key(view: TaskView) -> tuple[int, float]:
        group = view["group"]
        if group == DONE:
            return GROUPS.index(group), -(view["ended_at"] or 0.0)
        return GROUPS.index(group), view["not_before"] or 0.0

    return sorted(views, key=key)


def _standing(
    row: Row, attempt: Row, after: list[str], now: float, served: bool, max_attempts: int
) -> tuple[str, str | None]:
    state, attention = row["state"], row.get("attention")
    if state in _FINAL:
        return DONE, row["error"]
    if state == "running":
        if served:
            return RUNNING, None
        return QUEUED, "was interrupted when its server ended; goes on with the next run"
    if attention:
        return ATTENTION, attention
    failed = row["error"] or attempt.get("error")
    if row["attempts"] >= max_attempts:
        times = "once" if row["attempts"] == 1 else f"{row['attempts']} times"
        return ATTENTION, f"failed {times}, at last: {failed or 'no reason is known'}"
    if (row.get("not_before") or 0.0) > now:
        return WAITING, failed
    return QUEUED, failed if row["attempts"] and not after else None


def find(tasks: Sequence[Row], wanted: str) -> list[Row]:
    """The tasks that ``wanted`` can mean: one if it is clear, none or several if it is not.

    It is an id, a text, the beginning of an id, with or without the word before
    the number, the end of one, or a part of a text, whatever the case; the first
    of these that fits any task counts.
    """
    words = " ".join(wanted.split())
    folded = words.casefold()
    if not words:
        return []
    number = words.isdigit()
    rules: tuple[Callable[[str, str], bool], ...] = (
        lambda name, text: name == words,
        lambda name, text: text == words,
        lambda name, text: name.startswith(words),
        lambda name, text: number and name.rpartition("_")[2].startswith(words),
        lambda name, text: number and len(words) > 1 and name.endswith(words),
        lambda name, text: folded in text.casefold(),
    )
    for fits in rules:
        found = [row for row in tasks if fits(row["id"], " ".join(row["text"].split()))]
        if found:
            return found
    return []
