"""What ``codeagent doctor`` tells of worktrees and branches."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .findings import Finding

if TYPE_CHECKING:
    from ..app import Prepared
    from ..core.leftovers import Leftover


def worktrees(prepared: Prepared) -> Iterator[Finding]:
    """Where worktrees lie, and everything in the place of ours.

    Nothing is changed, and a server may be running.
    """
    if not prepared.placement.worktrees:
        yield Finding("worktrees", "none, tasks are worked on in place one after another")
        return
    from .._runtime.directories import disk_free
    from .._sync.git import GitError
    from ..core.workspace import default_root
    from ..store import StoreError

    environment, config = prepared.environment, prepared.config
    home = Path(environment.get("HOME") or Path.home())
    project = prepared.layout.project
    root = default_root(config.workspace.directory, project, environment, home).resolve()
    free = disk_free(root) // 1_000_000
    yield Finding("worktrees", f"{root} ({free} MB free)", _too_full(free, prepared))
    try:
        locks = list(_locks(prepared))
        leftovers = _leftovers(prepared, root)
    except (GitError, OSError, StoreError) as error:
        yield Finding("worktrees", "cannot be looked at", str(error))
        return
    yield from locks
    for leftover in leftovers:
        yield _told(leftover)


def _too_full(free: int, prepared: Prepared) -> str:
    floor = prepared.config.limits.disk_floor
    if free >= floor:
        return ""
    return f"limits.disk_floor is {floor} MB: free some space, or no task can start"


def _locks(prepared: Prepared) -> Iterator[Finding]:
    """What a git that was killed has left behind, and what keeps others from their work."""
    from .._runtime.repositories import common_directory, left_locks
    from ..core.landing import INTEGRATION

    target = prepared.placement.target
    refs = (f"refs/heads/{target}", f"refs/heads/{INTEGRATION}{target}")
    for file, age in left_locks(common_directory(prepared.layout.project), refs):
        mend = f"it is in the way of every git; if none is running there: rm {file}"
        yield Finding("lock", f"{file}, {age // 60:.0f} min old", mend)


def _leftovers(prepared: Prepared, root: Path) -> list[Leftover]:
    import time

    from .._runtime import sync_runtime as rt
    from .._sync.git import Git
    from .._sync.inventory import Inventory
    from ..core.task import TaskState
    from ..store.glance import glance

    seen = glance(prepared.layout.database)
    inventory = Inventory(Git(prepared.environment), project=prepared.layout.project, root=root)
    return rt.run(
        partial(
            inventory.take,
            seen.workspaces,
            seen.tasks,
            landed=seen.landed,
            used={name for name, state in seen.tasks.items() if state is TaskState.RUNNING},
            target=f"refs/heads/{prepared.placement.target}",
            now=time.time(),
        )
    )


def _told(leftover: Leftover) -> Finding:
    from ..core.leftovers import Kind

    found, subject = leftover.found, str(leftover.found.kind)
    where = found.name if found.path is None else f"{found.path}"
    text = f"{where}: {leftover.why}"
    if found.branch is not None and found.kind is not Kind.BRANCH:
        text += f" (branch {found.branch})"
    if leftover.removable:
        return Finding(subject, text, note="the next run removes it")
    if leftover.expected:
        return Finding(subject, text, note=leftover.advice)
    return Finding(subject, text, mend=leftover.advice)
