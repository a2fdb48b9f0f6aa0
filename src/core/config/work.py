"""How tasks are worked on side by side: workspaces.

All times are in seconds.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainValidator

from .base import Number, PositiveSeconds, Seconds, StrictSettings, lowered
from .verify import Command, command

OneCommand = Annotated[Command, PlainValidator(command)]


class PortSettings(StrictSettings):
    """The ports that tasks may listen on: ``per_task`` of them, from ``first`` upwards."""

    first: Annotated[int, Number, Field(ge=1024, le=65000)] = 21000
    per_task: Annotated[int, Number, Field(ge=1, le=1000)] = 10


class WorkspaceSettings(StrictSettings):
    """Where tasks are worked on.

    ``directory`` is where worktrees lie, outside the checkout; ``copy_files`` (``copy``)
    names untracked files that every worktree gets; ``setup`` is a command that makes a
    new worktree ready, at most ``setup_jobs`` at once; ``environment`` names variables
    of the server that agents and commands get beyond the usual ones; with
    ``isolate_agents`` each task's agents have configuration directories of their own;
    ``keep_failed`` is how long the worktree of a failed task is kept.
    """

    mode: Annotated[Literal["auto", "in_place", "worktree"], BeforeValidator(lowered)] = "auto"
    directory: str | None = None
    fetch: bool = False
    fetch_timeout: PositiveSeconds = 60
    remote: str = "origin"
    copy_files: tuple[str, ...] = Field(default=(".env",), alias="copy")
    setup: OneCommand | None = None
    setup_timeout: PositiveSeconds = 900
    setup_jobs: Annotated[int, Number, Field(ge=1, le=256)] | None = None
    environment: tuple[str, ...] = ()
    isolate_agents: bool = True
    ports: PortSettings = Field(default_factory=PortSettings)
    keep_failed: Seconds = 7 * 24 * 3600
