"""What the work on tasks has left lying about, and what may go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from .task import FINAL, TaskState


class Kind(StrEnum):
    """What was found.

    ``WORKSPACE``  the worktree of a task that is known
    ``WORKTREE``   one in the place of ours that belongs to no known task
    ``BRANCH``     a branch of ours that neither a task nor a worktree has
    ``DIRECTORY``  something in the place of our worktrees that is none
    ``TRASH``      what could not be deleted
    """

    WORKSPACE = "workspace"
    WORKTREE = "worktree"
    BRANCH = "branch"
    DIRECTORY = "directory"
    TRASH = "trash"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing that was found, and what decides about it.

    ``dirty``: it holds something that is in no commit and no snapshot;
    ``merged``: its commits are in the target branch; ``landed``: so is the
    task's work, as other commits.  ``used``: an attempt is being made there.
    ``state`` is None for a task that is not known.
    """

    kind: Kind
    name: str
    path: Path | None = None
    branch: str | None = None
    task_id: str | None = None
    state: TaskState | None = None
    used: bool = False
    dirty: bool = False
    merged: bool = False
    landed: bool = False
    kept_until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """What was found, whether it may be removed, why not, and how a person does it.

    ``expected``: it is there for a reason that passes by itself.
    """

    found: Found
    removable: bool
    expected: bool
    why: str
    advice: str


def judge(found: Found, now: float, project: Path) -> Leftover:
    """Decide about one thing.

    Nothing goes that holds what is nowhere else, and no branch goes that
    holds commits which did not get into the target.
    """
    expected = _in_use(found, now)
    why = expected or _reason_to_stay(found)
    return Leftover(
        found=found,
        removable=why is None,
        expected=expected is not None,
        why=why or "nothing in it is needed any more",
        advice=_advice(found, project),
    )


def _in_use(found: Found, now: float) -> str | None:
    if found.used:
        return "an attempt is being made in it"
    if found.kind is not Kind.WORKSPACE or found.state is None or found.state in FINAL:
        return None
    if found.state is not TaskState.FAILED or found.kept_until is None:
        return f"its task is {found.state}"
    if now < found.kept_until:
        return f"its task failed, it is kept until {_date(found.kept_until)}"
    return None


def _reason_to_stay(found: Found) -> str | None:
    match found.kind:
        case Kind.TRASH:
            return None
        case Kind.DIRECTORY:
            return "git does not know it"
        case Kind.BRANCH:
            return None if found.merged else "its commits are in no other branch"
        case Kind.WORKTREE if not found.merged:
            return "it belongs to no known task, and its commits are in no other branch"
    return "there are changes in it that are in no commit" if found.dirty else None


def _advice(found: Found, project: Path) -> str:
    match found.kind:
        case Kind.BRANCH:
            return (
                f"look at it: git -C {project} log {found.branch}; "
                f"delete it: git -C {project} branch -D {found.branch}"
            )
        case Kind.DIRECTORY | Kind.TRASH:
            return f"if nothing in it is needed: rm -r {found.path}"
    return (
        f"look at it: git -C {found.path} status; "
        f"delete it: git -C {project} worktree remove -f -f {found.path}"
    )


def _date(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC).astimezone():%Y-%m-%d %H:%M}"
