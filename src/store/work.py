"""Attempts in detail, workspaces and landings.

The methods of :class:`~codeagent.store.interface.Store` say what each does.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict

from ..core.events import Event
from ..core.task import StepState, require_attempt
from .rows import Row, journal, load, storable, touch
from .values import AttemptRow, LandingRow, WorkspaceRow

NOTES = frozenset(
    {
        "phase",
        "agent",
        "model",
        "session",
        "failure",
        "recovery",
        "snapshot",
        "base",
        "branch",
        "commit_id",
        "evidence",
        "tools_ran",
    }
)
"""What `note_attempt` takes: columns of the table ``attempt``."""


def note_attempt(
    db: sqlite3.Connection, task_id: str, epoch: int, notes: dict[str, str | int | None], now: float
) -> None:
    if unknown := notes.keys() - NOTES:
        raise ValueError(f"an attempt has no {', '.join(sorted(unknown))}")
    if "phase" in notes:  # a claim to be at work, which only the current attempt may make
        require_attempt(load(db, task_id), epoch)
    names = ", ".join(f"{name} = :{name}" for name in notes)
    values = {key: storable(v) if isinstance(v, str) else v for key, v in notes.items()}
    db.execute(
        f"UPDATE attempt SET {names} WHERE task_id = :task_id AND epoch = :epoch",  # noqa: S608
        {**values, "task_id": task_id, "epoch": epoch},
    )
    if phase := notes.get("phase"):
        journal(db, Event("task.phase", now, task_id, epoch, {"phase": phase}))
    touch(db, now)


def attempts(db: sqlite3.Connection, task_id: str) -> list[AttemptRow]:
    rows: Iterable[Row] = db.execute(
        "SELECT * FROM attempt WHERE task_id = ? ORDER BY epoch", (task_id,)
    )
    return [AttemptRow(**row) for row in rows]


def broken_off(db: sqlite3.Connection, task_id: str) -> list[int]:
    rows = db.execute(
        "SELECT position, state, MAX(epoch) FROM step WHERE task_id = ?"
        " GROUP BY position ORDER BY position",
        (task_id,),
    )
    return [row["position"] for row in rows if row["state"] == StepState.INTERRUPTED]


def learn_paths(db: sqlite3.Connection, task_id: str, paths: tuple[str, ...]) -> None:
    load(db, task_id)
    known = json.dumps([text for path in paths if (text := storable(path))])
    db.execute("UPDATE task SET learned = ? WHERE id = ?", (known, task_id))


def set_plan(db: sqlite3.Connection, task_id: str, plan: str) -> None:
    load(db, task_id)
    db.execute('UPDATE task SET "plan" = ? WHERE id = ?', (plan, task_id))


def workspaces(db: sqlite3.Connection) -> list[WorkspaceRow]:
    rows: Iterable[Row] = db.execute("SELECT * FROM workspace ORDER BY task_id")
    return [WorkspaceRow(**row) for row in rows]


def put_workspace(db: sqlite3.Connection, row: WorkspaceRow) -> None:
    db.execute(
        "INSERT OR REPLACE INTO workspace"
        " (task_id, path, branch, base, slot, state, created_at, kept_until)"
        " VALUES (:task_id, :path, :branch, :base, :slot, :state, :created_at, :kept_until)",
        asdict(row),
    )


def drop_workspace(db: sqlite3.Connection, task_id: str) -> None:
    db.execute("DELETE FROM workspace WHERE task_id = ?", (task_id,))


def begin_landing(db: sqlite3.Connection, row: LandingRow) -> None:
    require_attempt(load(db, row.task_id), row.epoch)
    db.execute(
        "INSERT OR REPLACE INTO landing"
        " (task_id, epoch, target, parent, commit_id, begun_at, landed_at)"
        " VALUES (:task_id, :epoch, :target, :parent, :commit_id, :begun_at, NULL)",
        asdict(row),
    )
    touch(db, row.begun_at)


def landed(db: sqlite3.Connection, task_id: str, epoch: int, now: float) -> None:
    row: Row | None = db.execute(
        "UPDATE landing SET landed_at = ? WHERE task_id = ? AND epoch = ?"
        " AND landed_at IS NULL RETURNING target, commit_id",
        (now, task_id, epoch),
    ).fetchone()
    if row is not None:
        data = {"commit": row["commit_id"], "target": row["target"]}
        journal(db, Event("task.landed", now, task_id, epoch, data))
        touch(db, now)


def landings(db: sqlite3.Connection, *, open_only: bool) -> list[LandingRow]:
    rows: Iterable[Row] = db.execute(
        "SELECT * FROM landing WHERE landed_at IS NULL OR NOT ? ORDER BY begun_at", (open_only,)
    )
    return [LandingRow(**row) for row in rows]


def drop_landing(db: sqlite3.Connection, task_id: str, epoch: int) -> None:
    db.execute(
        "DELETE FROM landing WHERE task_id = ? AND epoch = ? AND landed_at IS NULL",
        (task_id, epoch),
    )
