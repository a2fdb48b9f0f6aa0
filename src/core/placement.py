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
    """``worktrees``: every task has one of its own, and its work is landed on the branch
    ``target``; otherwise they share the project.

    ``note`` says why a repository that could have worktrees has none, "" if
    there is nothing to say.
    """

    worktrees: bool
    tasks: int
    target: str = ""
    note: str = ""


IN_PLACE = Placement(worktrees=False, tasks=1)
"""One task at a time, in the project's directory."""


@dataclass(frozen=True, slots=True)
class Repository:
    """What is known of the project's repository.

    ``problem`` is why it cannot have worktrees ("it is no git repository"), ""
    if it can; ``exists``: there is one, though; ``branch`` is the one that is
    checked out.
    """

    problem: str = ""
    exists: bool = True
    branch: str = ""


def place(config: Config, repository: Repository) -> Placement:
    """Decide from the configuration and the project.

    On its own, the predecessor's configuration keeps working in place, one
    task at a time.

    Raises:
        PlacementRefused: worktrees are asked for and impossible, or several
            tasks are to share one directory, where instructions would
            overwrite each other's reports.
    """
    mode, tasks = config.workspace.mode, config.runtime.max_concurrent_tasks
    wanted = mode == "worktree" or (mode == "auto" and not config.predecessor)
    problem = repository.problem
    target = (config.landing.target or repository.branch).removeprefix("refs/heads/")
    if wanted and not problem and not target:
        problem = "no branch is checked out, and landing.target names none"
    if mode == "worktree" and problem:
        raise PlacementRefused(
            f"workspace.mode is worktree, but {problem}: mend that, or set it to in_place"
        )
    if wanted and not problem:
        return Placement(True, TASKS_IN_WORKTREES if tasks is None else tasks, target)
    if tasks is not None and tasks > 1:
        raise PlacementRefused(
            f"async.max_concurrent_tasks is {tasks}, but tasks run in place and share the "
            f"project's directory: {_way_out(problem)}, or set it to 1"
        )
    if wanted and repository.exists:
        return Placement(False, 1, note=f"tasks run in place, one at a time, for {problem}")
    return IN_PLACE


def _way_out(problem: str) -> str:
    if problem:
        return f"{problem}, so they cannot have worktrees: mend that"
    return "set workspace.mode to worktree"
