"""Values to rows and back, and the statements that more than one operation needs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from ..core.events import Event
from ..core.task import Task, TaskState
from .errors import UnknownTask

Row = dict[str, Any]

_FIELDS = tuple(field.name for field in fields(Task))

_COLUMNS = ", ".join('"' + name + '"' for name in _FIELDS)
_VALUES = ", ".join(":" + name for name in _FIELDS)
_INSERT = f"INSERT INTO task ({_COLUMNS}) VALUES ({_VALUES}) ON CONFLICT DO NOTHING"  # noqa: S608


def row_factory(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> Row:
    """Rows as dictionaries."""
    return {column[0]: value for column, value in zip(cursor.description, values, strict=True)}


def to_row(task: Task) -> Row:
    """The columns of a task, all but ``marked``."""
    return {
        **{name: getattr(task, name) for name in _FIELDS},
        "after": json.dumps(task.after),
        "state": task.state.value,
        "error": storable(task.error),
        "completed": json.dumps(task.completed),
        "attention": storable(task.attention),
        "paths": json.dumps(task.paths),
        "learned": json.dumps(task.learned),
    }


def to_task(row: Row) -> Task:
    """A task from its columns."""
    values = {name: row[name] for name in _FIELDS}
    values["after"] = tuple(json.loads(values["after"]))
    values["state"] = TaskState(values["state"])
    for name in ("completed", "paths", "learned"):
        values[name] = tuple(json.loads(values[name]))
    return Task(**values)


def storable(text: str | None) -> str | None:
    """Text from outside, with lone surrogates escaped: a report of failure is never refused."""
    return text and text.encode("utf-8", "backslashreplace").decode("utf-8")


def load(db: sqlite3.Connection, task_id: str) -> Task:
    """The task with this id.

    Raises:
        UnknownTask: there is none.
    """
    row = db.execute("SELECT * FROM task WHERE id = ?", (task_id,)).fetchone()
    if row is None:
        raise UnknownTask(f"there is no task {task_id!r}; add it first")
    return to_task(row)


def insert(db: sqlite3.Connection, tasks: Iterable[Task]) -> int:
    """Add those whose id and text are new; how many were."""
    return db.executemany(_INSERT, map(to_row, tasks)).rowcount


def save(db: sqlite3.Connection, task: Task) -> None:
    """Write what transitions change."""
    db.execute(
        "UPDATE task SET state = :state, attempts = :attempts, epoch = :epoch,"
        " started_at = :started_at, ended_at = :ended_at, error = :error,"
        " completed = :completed, last_completed = :last_completed,"
        " total_instructions = :total_instructions, not_before = :not_before,"
        ' attention = :attention, learned = :learned, "plan" = :plan WHERE id = :id',
        to_row(task),
    )


def journal(db: sqlite3.Connection, event: Event) -> None:
    """Append an event."""
    db.execute(
        "INSERT INTO event (at, name, task_id, attempt, data) VALUES (?, ?, ?, ?, ?)",
        (event.at, event.name, event.task_id, event.attempt, json.dumps(dict(event.data))),
    )


def touch(db: sqlite3.Connection, now: float) -> None:
    """Remember when something last changed; a clock set back does not count."""
    db.execute("UPDATE server SET changed_at = max(changed_at, ?)", (now,))
