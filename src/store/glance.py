"""A look at the state that disturbs nobody: read only, whoever else has it open."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, fields
from pathlib import Path

from ..core.task import TaskState
from .errors import StoreError
from .values import WorkspaceRow


@dataclass(frozen=True, slots=True)
class Glance:
    """Workspaces, the states of tasks by id, and which tasks' work has landed."""

    workspaces: tuple[WorkspaceRow, ...] = ()
    tasks: Mapping[str, TaskState] = field(default_factory=dict)
    landed: frozenset[str] = frozenset()


def glance(path: Path) -> Glance:
    """What is there; nothing if there is no such file, or one from before there were workspaces.

    Raises `StoreError` if it cannot be read.
    """
    if not path.exists():
        return Glance()
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            return _read(database)
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return Glance()
        raise StoreError(f"{path} cannot be read: {error}") from error
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be read: {error}") from error


def _read(database: sqlite3.Connection) -> Glance:
    names = [item.name for item in fields(WorkspaceRow)]
    rows = database.execute(f"SELECT {', '.join(names)} FROM workspace")  # noqa: S608
    workspaces = tuple(WorkspaceRow(**dict(zip(names, row, strict=True))) for row in rows)
    tasks = {
        name: TaskState(state) for name, state in database.execute("SELECT id, state FROM task")
    }
    landed = database.execute("SELECT task_id FROM landing WHERE landed_at IS NOT NULL")
    return Glance(workspaces, tasks, frozenset(name for (name,) in landed))
