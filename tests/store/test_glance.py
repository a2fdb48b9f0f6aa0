"""A look at the state that disturbs nobody."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from codeagent.core.task import Task, TaskState
from codeagent.store import StoreError, WorkspaceRow, open_store
from codeagent.store.glance import Glance, glance

ROW = WorkspaceRow(
    task_id="a", path="/wt/a", branch="codeagent/a-a1", base="b", slot=0, state="open", created_at=1
)


def test_the_state_is_seen_while_a_server_has_it_open(tmp_path: Path) -> None:
    path = tmp_path / "with # and %" / "codeagent.db"
    with open_store(path) as store:
        store.add_tasks([Task(id="a", text="A"), Task(id="b", text="B")]).result()
        store.begin_attempt("a", path="async", instructions=1, now=1).result()
        store.put_workspace(ROW).result()
        seen = glance(path)
    assert seen.workspaces == (ROW,)
    assert seen.tasks == {"a": TaskState.RUNNING, "b": TaskState.PENDING}
    assert seen.landed == frozenset()


def test_nothing_is_seen_and_nothing_made_where_nothing_is(tmp_path: Path) -> None:
    assert glance(tmp_path / "none.db") == Glance()
    assert list(tmp_path.iterdir()) == []


def test_a_state_from_before_there_were_workspaces_has_none(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE task (id TEXT, state TEXT)")
    assert glance(path) == Glance()


def test_what_is_no_state_is_told(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    path.write_bytes(b"something else, long enough to be looked at" * 100)
    with pytest.raises(StoreError, match=r"other\.db cannot be read"):
        glance(path)
