"""What is kept about the attempts at a task, their workspaces and their landings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """One attempt; what is not known of it is None.

    ``failure`` is its kind, ``recovery`` the step that was decided to follow,
    ``snapshot`` a commit that holds the workspace as the attempt left it,
    ``evidence`` what the verification found (see :mod:`codeagent.core.verify`),
    ``tools_ran`` how many tools its agents called.
    """

    task_id: str
    epoch: int
    path: str
    instructions: int
    started_at: float
    ended_at: float | None = None
    outcome: str | None = None
    error: str | None = None
    phase: str | None = None
    agent: str | None = None
    model: str | None = None
    session: str | None = None
    failure: str | None = None
    recovery: str | None = None
    snapshot: str | None = None
    base: str | None = None
    branch: str | None = None
    commit_id: str | None = None
    evidence: str | None = None
    tools_ran: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceRow:
    """A worktree that belongs to a task.

    ``slot`` numbers its ports; ``state`` is the word of whoever manages it;
    ``kept_until`` is when it may be removed, None while it is needed.
    """

    task_id: str
    path: str
    branch: str
    base: str
    slot: int
    state: str
    created_at: float
    kept_until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LandingRow:
    """One commit on its way to a target branch, on top of ``parent``."""

    task_id: str
    epoch: int
    target: str
    parent: str
    commit_id: str
    begun_at: float
    landed_at: float | None = None
