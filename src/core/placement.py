"""Where tasks are worked on, and how many at a time."""

from __future__ import annotations

from dataclasses import dataclass

from .config import Config

TASKS_IN_WORKTREES = 10
"""How many tasks run side by side where each has a worktree, unless configured."""


class PlacementRefused(Exception):
    """What was configured cannot be done with this project; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Placement:
    """``worktrees``: every task has one of its own; otherwise they share the project."""

    worktrees: bool
    tasks: int


def place(config: Config, repository: str | None) -> Placement:
    """Decide from the configuration and the project.

    ``repository`` is why the project cannot have worktrees ("it is no git
    repository"), None if it can.  On its own, the predecessor's configuration
    keeps working in place, one task at a time.

    Raises:
        PlacementRefused: worktrees are asked for and impossible, or several
            tasks are to share one directory, where instructions would
            overwrite each other's reports.
    """
    mode, tasks = config.workspace.mode, config.runtime.max_concurrent_tasks
    if mode == "worktree" and repository is not None:
        raise PlacementRefused(
            f"workspace.mode is worktree, but {repository}: mend that, or set it to in_place"
        )
    worktrees = mode == "worktree" or (
        mode == "auto" and not config.predecessor and repository is None
    )
    if worktrees:
        return Placement(True, TASKS_IN_WORKTREES if tasks is None else tasks)
    if tasks is not None and tasks > 1:
        raise PlacementRefused(
            f"async.max_concurrent_tasks is {tasks}, but tasks run in place and share the "
            f"project's directory: {_way_out(config, repository)}, or set it to 1"
        )
    return Placement(False, 1)


def _way_out(config: Config, repository: str | None) -> str:
    if repository is not None:
        return f"{repository}, so they cannot have worktrees: make it one with a commit"
    return "set workspace.mode to worktree"
