# Generated from src/_async/register.py. Do not edit.
"""Which task has which workspace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from .._runtime import sync_runtime as rt
from ..core.task import Task
from ..core.workspace import branch_name, free_slot
from ..store import Store, WorkspaceRow

OPEN = "open"
"""The state of a workspace in which an attempt is being made."""

KEPT = "kept"
"""The state of one that waits for another attempt, or for a person."""


class WorkspaceRegister:
    """The workspaces of one server, in the store and at hand."""

    def __init__(self, store: Store, *, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._state = rt.StateLock()
        self._rows: dict[str, WorkspaceRow] = {}

    def load(self) -> None:
        """Read what earlier servers have left; no attempt is being made in any of it."""
        rows = rt.wait_for_future(self._store.workspaces())
        with self._state:
            self._rows = {row.task_id: replace(row, state=KEPT) for row in rows}

    def rows(self) -> list[WorkspaceRow]:
        """All workspaces."""
        with self._state:
            return list(self._rows.values())

    def claim(self, task: Task, path: Path) -> tuple[WorkspaceRow, WorkspaceRow | None]:
        """Reserve the smallest free slot, or the task's former one; its row, now and before.

        ``base`` is empty for a task that has not had a workspace.
        """
        with self._state:
            before = self._rows.get(task.id)
            taken = {
                row.slot
                for row in self._rows.values()
                if row.state == OPEN and row.task_id != task.id
            }
            row = WorkspaceRow(
                task_id=task.id,
                path=str(path),
                branch=branch_name(task.id, task.epoch),
                base="" if before is None else before.base,
                slot=free_slot(taken, None if before is None else before.slot),
                state=OPEN,
                created_at=self._clock() if before is None else before.created_at,
            )
            self._rows[task.id] = row
        return row, before

    def put(self, row: WorkspaceRow) -> None:
        """The workspace is as ``row`` says."""
        with self._state:
            self._rows[row.task_id] = row
        rt.wait_for_future(self._store.put_workspace(row))

    def keep(self, task_id: str, until: float) -> None:
        """No attempt is being made any more; the slot is free."""
        with self._state:
            row = self._rows.get(task_id)
            if row is not None and not row.base:  # it never came into being
                del self._rows[task_id]
        if row is not None and row.base:
            self.put(replace(row, state=KEPT, kept_until=until))

    def drop(self, task_id: str) -> None:
        """The workspace is gone."""
        rt.wait_for_future(self._store.drop_workspace(task_id))
        with self._state:
            self._rows.pop(task_id, None)
