"""How tasks are worked on side by side: workspaces and landing.

All times are in seconds.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from .base import Number, PositiveSeconds, Seconds, StrictSettings, Words, lowered


class PortSettings(StrictSettings):
    """The ports that tasks may listen on: ``per_task`` of them, from ``first`` upwards."""

    first: Annotated[int, Number, Field(ge=1024, le=65000)] = 21000
    per_task: Annotated[int, Number, Field(ge=1, le=1000)] = 10


class WorkspaceSettings(StrictSettings):
    """Where tasks are worked on.

    ``directory`` is where worktrees lie, outside the checkout; ``copy_files`` (``copy``)
    names untracked files that every worktree gets; ``setup`` is a command that makes a
    new worktree ready, at most ``setup_jobs`` at once; ``environment`` names variables
    of the server that agents and commands get beyond the usual ones; ``keep_failed`` is
    how long the worktree of a failed task is kept.
    """

    mode: Annotated[Literal["auto", "in_place", "worktree"], BeforeValidator(lowered)] = "auto"
    directory: str | None = None
    fetch: bool = False
    fetch_timeout: PositiveSeconds = 60
    remote: str = "origin"
    copy_files: tuple[str, ...] = Field(default=(".env",), alias="copy")
    setup: Words | None = None
    setup_timeout: PositiveSeconds = 900
    setup_jobs: Annotated[int, Number, Field(ge=1, le=256)] | None = None
    environment: tuple[str, ...] = ()
    ports: PortSettings = Field(default_factory=PortSettings)
    keep_failed: Seconds = 7 * 24 * 3600


class LandingSettings(StrictSettings):
    """How verified work gets onto the target branch, by default the one that is checked out."""

    target: str | None = None
    batch: Annotated[int, Number, Field(ge=1, le=100)] = 5
    verify_each: bool = True
    push: bool = False
    remote: str = "origin"
