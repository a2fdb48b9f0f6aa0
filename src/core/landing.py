"""Landing: how verified work gets onto the target branch, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .task import Task
    from .verify import Evidence
    from .workspace import Changes, Workspace

INTEGRATION = "codeagent/landed/"
"""Beginning of the branch that holds landed commits which the target cannot take
yet, for somebody works on it; the target's name follows."""

REMOTE_REFS = "refs/codeagent/remote/"
"""Beginning of the refs that remember where a remote's target branch stands."""

FORWARDED = "forwarded"
NOT_CHECKED_OUT = "not checked out"
BEHIND = "behind: "
"""The three forms of `Landed.checkout`; the last one is followed by the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LandingRequest:
    """The work of one attempt, committed in its workspace and verified there.

    ``subject`` is the first line of the commit, by default the task's text.
    """

    task: Task
    workspace: Workspace
    changes: Changes
    evidence: Evidence
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """The work is part of ``target`` for good, as ``commit``.

    ``marked`` and ``noted`` tell whether the commit holds the mark in the TODO
    list and the entry in the status file; if not, the files are not under
    version control.  ``checkout`` is what happened where the target is checked
    out, ``warning`` why it was not pushed although it should.  ``evidence`` is
    that of the combined tree, None if it was verified before.
    """

    commit: str
    target: str
    marked: bool = False
    noted: bool = False
    pushed: bool = False
    checkout: str = NOT_CHECKED_OUT
    warning: str = ""
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """The work and the target changed the same lines of ``files``.

    ``tree`` is the merge with git's conflict markers in it, upon
    ``target_commit``: whoever resolves them there has work that lands.
    """

    files: tuple[str, ...]
    target_commit: str
    tree: str
    messages: tuple[str, ...] = ()


class Refusal(StrEnum):
    """Why work was not landed.

    ``VERIFICATION``  the tests fail on the combined tree
    ``TARGET``        they fail on the target without the work, too
    ``EMPTY``         the target has all of it already
    ``STALE``         the attempt is not the current one
    ``MOVING``        the target moved again and again
    ``ERROR``         git or the disk failed
    """

    VERIFICATION = "verification"
    TARGET = "target"
    EMPTY = "empty"
    STALE = "stale"
    MOVING = "moving"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The work was not landed; ``reason`` says why, and what to do."""

    refusal: Refusal
    reason: str
    evidence: Evidence | None = None


Outcome = Landed | Conflict | Rejected


@dataclass(frozen=True, slots=True)
class Heads:
    """Where the branches stand: the target, the integration branch, the remote's target."""

    target: str
    landed: str | None = None
    remote: str | None = None


class Course(StrEnum):
    """What the next landing builds upon.

    ``TARGET``  the target, or the remote's; an integration branch has nothing more
    ``LANDED``  the integration branch, which goes on from there
    ``REPLAY``  the target, once the integration branch's commits are replayed on it
    """

    TARGET = "target"
    LANDED = "landed"
    REPLAY = "replay"


def course(ahead: int, behind: int) -> Course:
    """What follows when the integration branch is that many commits ahead and behind."""
    if not ahead:
        return Course.TARGET
    return Course.REPLAY if behind else Course.LANDED


def overlap(one: str, other: str) -> bool:
    """Whether two paths are the same, or one lies below the other; case does not matter."""
    one, other = one.casefold(), other.casefold()
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def told(reason: str, target: str, *, diverged: bool = False) -> str:
    """What a person reads about landed commits that the target has not taken."""
    branch = f"{INTEGRATION}{target}"
    if diverged:
        return f"{reason}: merge it by hand with: git merge {branch}"
    return f"{reason}: afterwards it follows by itself, or with: git merge --ff-only {branch}"
