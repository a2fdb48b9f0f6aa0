"""What the store holds, apart from the transitions: the list, the journal, the server.

The methods of :class:`~codeagent.store.interface.Store` say what each does.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..core.checkpoint import merged
from ..core.events import Event
from ..core.server import ServerState
from ..core.task import FINAL, Task, TaskState, new_task_id
from .interface import Place
from .rows import insert, journal, load, save, to_task, touch


def add_tasks(db: sqlite3.Connection, tasks: Sequence[Task]) -> int:
    added = insert(db, tasks)
    if added:
        touch(db, max(task.created_at for task in tasks))
    return added


def adopt(db: sqlite3.Connection, tasks: Sequence[Task], server: ServerState, now: float) -> int:
    known = {task.text: task for task in all_tasks(db)}
    taken = {task.id for task in known.values()}
    changed = 0
    for theirs in tasks:
        ours = known.get(theirs.text)
        if ours is None:
            # Both programs name tasks after the second, so another text may have the name.
            name = theirs.id if theirs.id not in taken else new_task_id(now, taken)
            known[theirs.text] = task = replace(theirs, id=name)
            taken.add(name)
            insert(db, [task])
        else:
            task = merged(ours, theirs)
            if task == ours:
                continue
            save(db, task)
        changed += 1
        data = {"state": task.state, "completed": list(task.completed)}
        journal(db, Event("task.adopted", now, task.id, task.epoch, data))
    db.execute(
        "UPDATE server SET session_id = ?, last_start = ?, last_stop = ?,"
        " iterations = max(iterations, ?), clean = ?",
        (server.session_id, server.last_start, server.last_stop, server.iterations, server.clean),
    )
    touch(db, now)
    return changed


def all_tasks(db: sqlite3.Connection, *states: TaskState) -> list[Task]:
    if not states:
        rows = db.execute("SELECT * FROM task ORDER BY position, id")
    else:
        wanted = [states[min(n, len(states) - 1)] for n in range(len(TaskState))]
        rows = db.execute(
            "SELECT * FROM task WHERE state IN (?, ?, ?, ?, ?) ORDER BY position, id", wanted
        )
    return [to_task(row) for row in rows]


def one_task(db: sqlite3.Connection, task_id: str) -> Task | None:
    row = db.execute("SELECT * FROM task WHERE id = ?", (task_id,)).fetchone()
    return None if row is None else to_task(row)


def reposition(db: sqlite3.Connection, positions: Mapping[str, Place]) -> None:
    db.executemany(
        "UPDATE task SET position = ?, priority = ?, after = ?, source = ?, paths = ? WHERE id = ?",
        (
            (position, priority, json.dumps(after), source, json.dumps(paths), task_id)
            for task_id, (position, priority, after, source, paths) in positions.items()
        ),
    )


def set_marked(db: sqlite3.Connection, task_id: str, state: TaskState) -> None:
    load(db, task_id)
    db.execute("UPDATE task SET marked = ? WHERE id = ?", (state, task_id))


def unmarked(db: sqlite3.Connection) -> list[Task]:
    rows = db.execute(
        "SELECT * FROM task WHERE state IN (?, ?) AND marked IS NOT state ORDER BY position, id",
        tuple(FINAL),
    )
    return [to_task(row) for row in rows]


def events(db: sqlite3.Connection, after: int, limit: int) -> list[tuple[int, Event]]:
    rows = db.execute(
        "SELECT * FROM event WHERE number > ? ORDER BY number LIMIT ?", (after, limit)
    )
    return [
        (
            row["number"],
            Event(row["name"], row["at"], row["task_id"], row["attempt"], json.loads(row["data"])),
        )
        for row in rows
    ]


def server_started(db: sqlite3.Connection, session_id: str, now: float) -> None:
    db.execute("UPDATE server SET session_id = ?, last_start = ?, clean = FALSE", (session_id, now))
    touch(db, now)


def server_stopped(db: sqlite3.Connection, now: float, clean: bool) -> None:
    db.execute("UPDATE server SET last_stop = ?, clean = ?", (now, clean))
    touch(db, now)


def iteration(db: sqlite3.Connection) -> int:
    db.execute("UPDATE server SET iterations = iterations + 1")
    return int(db.execute("SELECT iterations FROM server").fetchone()["iterations"])


def server_state(db: sqlite3.Connection) -> ServerState:
    row = db.execute("SELECT * FROM server").fetchone()
    return ServerState(
        session_id=row["session_id"],
        last_start=row["last_start"],
        last_stop=row["last_stop"],
        iterations=row["iterations"],
        clean=bool(row["clean"]),
    )


def last_change(db: sqlite3.Connection) -> float:
    return float(db.execute("SELECT changed_at FROM server").fetchone()["changed_at"])
