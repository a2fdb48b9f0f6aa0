"""Reading the state beside whoever writes it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from codeagent.core.events import JOURNALLED, Event, is_kept
from codeagent.core.task import StepState, Task, TaskState
from codeagent.store import LandingRow, StoreError, WorkspaceRow, open_store
from codeagent.store.database import connect
from codeagent.store.overview import Overview
from codeagent.store.schema import migrate

NOW = 1_700_000_000.0


def test_what_is_written_can_be_read_while_the_writer_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "a state?#%.db"
    with open_store(file) as store, Overview(file) as seen:
        store.add_tasks([Task(id=f"task_{n}", text=f"T{n}", position=n) for n in (2, 1)]).result()
        assert [row["id"] for row in seen.tasks()] == ["task_1", "task_2"]
        store.begin_attempt("task_1", path="async", instructions=2, now=NOW).result()
        store.begin_step("task_1", 1, 1, 7, "work", NOW).result()
        assert seen.steps()["task_1"]["name"] == "work"
        store.finish_step("task_1", 1, 1, StepState.DONE, NOW).result()
        assert seen.steps() == {}
        assert seen.attempts()["task_1"]["epoch"] == 1
        store.interrupt_task("task_1", 1, NOW).result()
        store.begin_attempt("task_1", path="sync", instructions=2, now=NOW + 5).result()
        assert [row["path"] for row in seen.attempts_of("task_1")] == ["async", "sync"]
        assert seen.attempts()["task_1"]["path"] == "sync"
        assert [row["position"] for row in seen.steps_of("task_1")] == [1]
        assert seen.counts() == {"pending": 1, "running": 1}
        assert seen.last_seen() == {"task_1": NOW + 5}
        assert seen.server()["clean"] == 1


def test_failures_landings_and_worktrees(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    with open_store(file) as store, Overview(file) as seen:
        store.add_tasks([Task(id="task_1", text="T")]).result()
        store.begin_attempt("task_1", path="async", instructions=1, now=NOW).result()
        store.note_attempt("task_1", 1, NOW, agent="cursor", failure="stalled").result()
        assert seen.failures() == [("cursor", "stalled", 1)]
        row = LandingRow(
            task_id="task_1", epoch=1, target="main", parent="a", commit_id="b", begun_at=NOW
        )
        store.begin_landing(row).result()
        assert seen.landings()["task_1"]["landed_at"] is None
        store.landed("task_1", 1, NOW).result()
        assert seen.landings()["task_1"]["landed_at"] == NOW
        workspace = WorkspaceRow(
            task_id="task_1", path="/w", branch="b", base="a", slot=0, state="x", created_at=NOW
        )
        store.put_workspace(workspace).result()
        assert seen.workspaces()["task_1"]["path"] == "/w"


def test_events_are_read_from_a_number_on(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    with open_store(file) as store, Overview(file) as seen:
        assert (seen.newest_event(), seen.events(0, 5)) == (0, [])
        for number in range(4):
            store.record(Event("limit.changed", NOW + number)).result()
        assert [row["number"] for row in seen.events(1, 2)] == [2, 3]
        assert seen.newest_event() == 4


def test_it_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    with open_store(file):
        pass
    with Overview(file) as seen, pytest.raises(StoreError):
        seen._rows("DELETE FROM task")
    missing = tmp_path / "missing.db"
    with pytest.raises(StoreError, match="cannot be read"):
        Overview(missing)
    assert not missing.exists()


def test_what_is_no_state_file_is_said(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    file.write_bytes(b"not a database at all" * 100)
    with Overview(file) as seen, pytest.raises(StoreError, match="cannot be read"):
        seen.tasks()


def test_a_file_from_before_there_were_worktrees_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    with closing(connect(file, create=True)) as old:
        migrate(old, 1)
        old.execute(
            "INSERT INTO task (id, text, source, priority, position, after, state, attempts,"
            " epoch, created_at, completed, last_completed, total_instructions)"
            " VALUES ('task_1', 'T', '', 0, 0, '[]', 'pending', 0, 0, 0, '[]', 0, 0)"
        )
    with Overview(file) as seen:
        assert [row["id"] for row in seen.tasks()] == ["task_1"]
        assert (seen.workspaces(), seen.landings(), seen.failures()) == ({}, {}, [])
    with closing(sqlite3.connect(file)) as unchanged:
        assert unchanged.execute("PRAGMA user_version").fetchone() == (1,)


def test_everything_that_the_store_records_by_itself_is_known(tmp_path: Path) -> None:
    """Whoever records events leaves those out, so that none is recorded twice."""
    with open_store(tmp_path / "state.db") as store:
        store.add_tasks([Task(id=f"task_{n}", text=f"T{n}") for n in (1, 2)]).result()
        for step, end in (
            (StepState.INTERRUPTED, None),
            (StepState.FAILED, TaskState.FAILED),
            (StepState.DONE, TaskState.DONE),
        ):
            begun = store.begin_attempt("task_1", path="a", instructions=1, now=NOW).result()
            store.note_attempt("task_1", begun.epoch, NOW, phase="working").result()
            store.begin_step("task_1", begun.epoch, 1, 1, "n", NOW).result()
            store.finish_step("task_1", begun.epoch, 1, step, NOW).result()
            if end is None:
                store.interrupt_task("task_1", begun.epoch, NOW).result()
            else:
                store.finish_task("task_1", begun.epoch, end, NOW).result()
        store.reset_task("task_1", NOW).result()
        store.hold_task("task_1", NOW, attention="x").result()
        store.settle_task("task_2", TaskState.SKIPPED, NOW).result()
        names = {event.name for _, event in store.events(0, 100).result()}
    assert names == JOURNALLED - {"task.adopted", "task.landed", "task.restarted"}


def test_fleeting_events_are_not_kept() -> None:
    assert not is_kept(Event("agent.progress", NOW))
    assert not is_kept(Event("report.seen", NOW))
    assert is_kept(Event("task.done", NOW))
    assert is_kept(Event("verify.done", NOW))
