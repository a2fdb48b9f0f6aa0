"""How verified work gets onto the target branch."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .base import Number, PositiveSeconds, StrictSettings

KEPT = ("node_modules", ".venv", "venv")
"""What a set-up installs, and cleaning the integration worktree would remove."""


class LandingSettings(StrictSettings):
    """How verified work gets onto ``target``, by default the branch that is checked out.

    Up to ``batch`` requests that change different files land together.  With
    ``verify_each`` every commit is verified, otherwise only the last of a batch.
    ``push`` pushes every landing to ``remote``, never by force.  ``keep`` are
    patterns of ignored files that stay in the integration worktree between
    landings.  A checkout that could not follow is tried again after ``retry``
    seconds.
    """

    target: str | None = None
    batch: Annotated[int, Number, Field(ge=1, le=100)] = 10
    verify_each: bool = True
    push: bool = False
    remote: str = "origin"
    keep: tuple[str, ...] = KEPT
    retry: PositiveSeconds = 10
