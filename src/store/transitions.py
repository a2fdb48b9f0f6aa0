"""What may change a task's state: attempts, steps, and what a dead server left.

Load, let :mod:`codeagent.core.task` decide, save, journal.  The transaction
holds the write lock from its beginning, so nothing changes in between.  The
methods of :class:`~codeagent.store.interface.Store` say what each does.
"""

from __future__ import annotations

import sqlite3

from ..core import task as machine
from ..core.events import Event
from ..core.task import InvalidTransition, StepState, Task, TaskState
from .contents import all_tasks, server_state
from .interface import LeftProcess, Recovery
from .rows import Row, journal, load, save, storable, touch


def begin_attempt(
    db: sqlite3.Connection,
    task_id: str,
    *,
    path: str,
    instructions: int,
    now: float,
    first: int = 1,
) -> Task:
    before = load(db, task_id)
    task = machine.begin(before, instructions=instructions, now=now, first=first)
    save(db, task)
    db.execute(
        "INSERT INTO attempt (task_id, epoch, path, instructions, started_at)"
        " VALUES (?, ?, ?, ?, ?)",
        (task_id, task.epoch, path, instructions, now),
    )
    if before.completed and before.total_instructions != instructions:
        data = {
            "reason": "the number of instructions changed",
            "before": before.total_instructions,
            "now": instructions,
            "dropped": list(before.completed),
        }
        journal(db, Event("task.restarted", now, task_id, task.epoch, data))
    started = {"path": path, "instructions": instructions, "completed": list(task.completed)}
    journal(db, Event("task.started", now, task_id, task.epoch, started))
    touch(db, now)
    return task


def begin_step(
    db: sqlite3.Connection,
    task_id: str,
    epoch: int,
    position: int,
    instruction_id: int,
    name: str,
    now: float,
) -> None:
    machine.require_step(load(db, task_id), epoch, position)
    step = _step(db, task_id, epoch, position)
    if step is not None and step["state"] == StepState.RUNNING:
        raise InvalidTransition(f"{task_id}: instruction {position} runs already")
    db.execute(
        "INSERT OR REPLACE INTO step"
        " (task_id, epoch, position, instruction_id, name, state, started_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (task_id, epoch, position, instruction_id, storable(name), StepState.RUNNING, now),
    )
    data = {"position": position, "id": instruction_id, "name": name}
    journal(db, Event("instruction.started", now, task_id, epoch, data))
    touch(db, now)


def step_process(
    db: sqlite3.Connection, task_id: str, epoch: int, position: int, pid: int, started: str
) -> None:
    machine.require_attempt(load(db, task_id), epoch)
    _require_running(db, task_id, epoch, position)
    db.execute(
        "UPDATE step SET pid = ?, process_started = ?"
        " WHERE task_id = ? AND epoch = ? AND position = ?",
        (pid, started, task_id, epoch, position),
    )


def process_ended(db: sqlite3.Connection, task_id: str, epoch: int, position: int) -> None:
    db.execute(
        "UPDATE step SET pid = NULL WHERE task_id = ? AND epoch = ? AND position = ?",
        (task_id, epoch, position),
    )


def finish_step(
    db: sqlite3.Connection,
    task_id: str,
    epoch: int,
    position: int,
    state: StepState,
    now: float,
    *,
    error: str | None = None,
    report: str | None = None,
    digest: str | None = None,
) -> Task:
    task = load(db, task_id)
    machine.require_step(task, epoch, position)
    if state is StepState.RUNNING:
        raise InvalidTransition(f"{task_id}: an instruction cannot end as {state}")
    _require_running(db, task_id, epoch, position)
    if state is StepState.DONE:
        task = machine.accept_step(task, epoch, position)
        save(db, task)
    db.execute(
        "UPDATE step SET state = ?, ended_at = ?, pid = NULL, error = ?, report = ?, digest = ?"
        " WHERE task_id = ? AND epoch = ? AND position = ?",
        (state, now, storable(error), storable(report), digest, task_id, epoch, position),
    )
    data = {"position": position, **_given(reason=error, report=report)}
    journal(db, Event(f"instruction.{state}", now, task_id, epoch, data))
    touch(db, now)
    return task


def finish_task(
    db: sqlite3.Connection,
    task_id: str,
    epoch: int,
    state: TaskState,
    now: float,
    *,
    error: str | None = None,
    not_before: float = 0.0,
    attention: str | None = None,
) -> Task:
    task = machine.finish(
        load(db, task_id),
        epoch,
        state,
        now,
        error=error,
        not_before=not_before,
        attention=attention,
    )
    _end_attempt(db, task, state.value, now, error)
    return task


def interrupt_task(
    db: sqlite3.Connection,
    task_id: str,
    epoch: int,
    now: float,
    *,
    counted: bool = False,
    reason: str | None = None,
    not_before: float = 0.0,
) -> Task:
    task = machine.interrupt(load(db, task_id), epoch, counted=counted, not_before=not_before)
    _end_attempt(db, task, "interrupted", now, reason)
    return task


def hold_task(
    db: sqlite3.Connection,
    task_id: str,
    now: float,
    *,
    not_before: float = 0.0,
    attention: str | None = None,
) -> Task:
    task = machine.hold(load(db, task_id), not_before=not_before, attention=attention)
    save(db, task)
    data = {"until": not_before, **_given(reason=attention)}
    journal(db, Event("task.held", now, task_id, task.epoch, data))
    touch(db, now)
    return task


def settle_task(
    db: sqlite3.Connection,
    task_id: str,
    state: TaskState,
    now: float,
    *,
    error: str | None = None,
) -> Task:
    task = machine.settle(load(db, task_id), state, now, error=error)
    save(db, task)
    data = {"attempt": False, **_given(reason=error)}
    journal(db, Event(f"task.{state}", now, task_id, task.epoch, data))
    touch(db, now)
    return task


def reset_task(db: sqlite3.Connection, task_id: str, now: float) -> Task:
    before = load(db, task_id)
    task = machine.reset(before)
    save(db, task)
    db.execute("UPDATE task SET marked = NULL WHERE id = ?", (task_id,))
    data = {"before": before.state, "dropped": list(before.completed)}
    journal(db, Event("task.reset", now, task_id, task.epoch, data))
    touch(db, now)
    return task


def recover(db: sqlite3.Connection, now: float) -> Recovery:
    reason = "the server ended without finishing it"
    tasks = [
        interrupt_task(db, task.id, task.epoch, now, reason=reason)
        for task in all_tasks(db, TaskState.RUNNING)
    ]
    left = db.execute("SELECT * FROM step WHERE pid IS NOT NULL ORDER BY started_at")
    processes = [
        LeftProcess(
            row["task_id"], row["epoch"], row["position"], row["pid"], row["process_started"]
        )
        for row in left
    ]
    return Recovery(tuple(tasks), tuple(processes), server_state(db).clean)


def _end_attempt(
    db: sqlite3.Connection, task: Task, outcome: str, now: float, reason: str | None
) -> None:
    save(db, task)
    db.execute(
        "UPDATE attempt SET ended_at = ?, outcome = ?, error = ? WHERE task_id = ? AND epoch = ?",
        (now, outcome, storable(reason), task.id, task.epoch),
    )
    open_steps = db.execute(
        "SELECT position FROM step WHERE task_id = ? AND epoch = ? AND state = ?",
        (task.id, task.epoch, StepState.RUNNING),
    ).fetchall()
    for row in open_steps:
        db.execute(
            "UPDATE step SET state = ?, ended_at = ?"
            " WHERE task_id = ? AND epoch = ? AND position = ?",
            (StepState.INTERRUPTED, now, task.id, task.epoch, row["position"]),
        )
        data = {"position": row["position"]}
        journal(db, Event("instruction.interrupted", now, task.id, task.epoch, data))
    data_of_task = _given(reason=reason)
    journal(db, Event(f"task.{outcome}", now, task.id, task.epoch, data_of_task))
    touch(db, now)


def _step(db: sqlite3.Connection, task_id: str, epoch: int, position: int) -> Row | None:
    row: Row | None = db.execute(
        "SELECT * FROM step WHERE task_id = ? AND epoch = ? AND position = ?",
        (task_id, epoch, position),
    ).fetchone()
    return row


def _require_running(db: sqlite3.Connection, task_id: str, epoch: int, position: int) -> None:
    step = _step(db, task_id, epoch, position)
    state = None if step is None else step["state"]
    if state != StepState.RUNNING:
        raise InvalidTransition(
            f"{task_id}: instruction {position} does not run ({state or 'it was not begun'})"
        )


def _given(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}
