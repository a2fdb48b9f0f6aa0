# Generated from src/_async/housekeeping.py. Do not edit.
"""Clears away what the work on tasks has left, and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from .._runtime import directories
from .._runtime import sync_runtime as rt
from ..core.leftovers import Kind, Leftover
from ..core.workspace import BRANCHES, SNAPSHOTS, WorkspaceError, is_branch_of, is_snapshot_of
from ..store import Store
from .inventory import Inventory
from .register import OPEN, WorkspaceRegister
from .starting import StartingPoint
from .worktrees import Worktrees

logger = logging.getLogger(__name__)


class Housekeeping:
    """Removes worktrees, branches and directories that nobody needs any more."""

    def __init__(
        self,
        *,
        root: Path,
        store: Store,
        register: WorkspaceRegister,
        inventory: Inventory,
        worktrees: Worktrees,
        start: StartingPoint,
        clock: Callable[[], float],
    ) -> None:
        self._root = root
        self._store = store
        self._register = register
        self._inventory = inventory
        self._worktrees = worktrees
        self._start = start
        self._clock = clock

    def leftovers(self) -> list[Leftover]:
        """What there is, and what of it may go. Raises `GitError`, `OSError` and `StoreError`."""
        tasks = rt.wait_for_future(self._store.tasks())
        landings = rt.wait_for_future(self._store.landings(open_only=False))
        rows = self._register.rows()
        return self._inventory.take(
            rows,
            {task.id: task.state for task in tasks},
            landed={row.task_id for row in landings if row.landed_at is not None},
            used={row.task_id for row in rows if row.state == OPEN},
            target=self._target(),
            now=self._clock(),
        )

    def _target(self) -> str | None:
        try:
            return self._start.commit()
        except WorkspaceError:
            return None

    def sweep(self) -> list[Leftover]:
        """Remove what may go; returns the rest.

        Raises `GitError`, `OSError` and `StoreError`.
        """
        kept = []
        for leftover in self.leftovers():
            if leftover.removable:
                self._dispose(leftover)
            else:
                kept.append(leftover)
        return kept

    def _dispose(self, leftover: Leftover) -> None:
        found = leftover.found
        logger.info("%s %s is removed: %s", found.kind, found.name, leftover.why)
        if found.kind is Kind.BRANCH:
            self._worktrees.delete_refs([f"refs/heads/{found.branch}"])
        elif found.kind is Kind.TRASH and found.path is not None:
            rt.run_blocking(directories.remove_tree, found.path)
        elif found.landed and found.task_id is not None and found.path is not None:
            self.remove(found.task_id, found.path)
        elif found.path is not None:
            merged = [f"refs/heads/{found.branch}"] if found.merged and found.branch else []
            self._remove(found.path, merged)
            if found.task_id is not None:
                self._register.drop(found.task_id)

    def remove(self, task_id: str, path: Path) -> None:
        """Remove the workspace of a task that has landed, with its branches and snapshots.

        Raises `GitError`, `OSError` and `StoreError`.
        """
        refs = self._worktrees.refs(f"refs/heads/{BRANCHES}", SNAPSHOTS)
        own = [
            ref
            for ref in refs
            if is_snapshot_of(ref, task_id)
            or is_branch_of(ref.removeprefix("refs/heads/"), task_id)
        ]
        self._remove(path, own)
        self._register.drop(task_id)

    def _remove(self, path: Path, refs: list[str]) -> None:
        if problem := self._worktrees.remove(path, refs):
            logger.warning("%s", problem)
        rt.run_blocking(directories.remove_tree, self._root / "run" / path.name)
