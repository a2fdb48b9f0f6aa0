"""Attempts in detail, workspaces and landings in the store."""

from __future__ import annotations

import pytest

from codeagent.core.task import Fenced, InvalidTransition, Task, TaskState
from codeagent.store import LandingRow, SqliteStore, WorkspaceRow

LANDING = LandingRow(
    task_id="task_1", epoch=1, target="main", parent="aaa", commit_id="bbb", begun_at=5.0
)
WORKSPACE = WorkspaceRow(
    task_id="task_1",
    path="/somewhere/wt/task_1",
    branch="codeagent/task_1-a1",
    base="aaa",
    slot=0,
    state="open",
    created_at=4.0,
)


@pytest.fixture
def task(store: SqliteStore) -> Task:
    store.add_tasks([Task(id="task_1", text="one")]).result()
    begun: Task = store.begin_attempt("task_1", path="sync", instructions=1, now=3.0).result()
    return begun


def test_what_is_known_of_an_attempt_is_kept(store: SqliteStore, task: Task) -> None:
    store.note_attempt("task_1", 1, 4.0, phase="working", session="chat", tools_ran=2).result()
    store.note_attempt("task_1", 1, 5.0, failure="stalled").result()
    (row,) = store.attempts("task_1").result()
    assert (row.phase, row.session, row.tools_ran, row.failure) == ("working", "chat", 2, "stalled")
    assert "task.phase" in [event.name for _, event in store.events(0, 100).result()]


def test_what_an_attempt_has_no_place_for_is_refused(store: SqliteStore, task: Task) -> None:
    with pytest.raises(ValueError, match="no colour"):
        store.note_attempt("task_1", 1, 4.0, colour="red").result()


def test_a_stale_attempt_cannot_claim_a_phase_but_can_still_leave_its_evidence(
    store: SqliteStore, task: Task
) -> None:
    store.interrupt_task("task_1", 1, 4.0).result()
    with pytest.raises(Fenced):
        store.note_attempt("task_1", 1, 5.0, phase="landing").result()
    store.note_attempt("task_1", 1, 5.0, evidence="{}").result()
    assert store.attempts("task_1").result()[0].evidence == "{}"


def test_a_workspace_is_replaced_and_forgotten(store: SqliteStore, task: Task) -> None:
    store.put_workspace(WORKSPACE).result()
    store.put_workspace(WORKSPACE).result()
    assert store.workspaces().result() == [WORKSPACE]
    store.drop_workspace("task_1").result()
    assert store.workspaces().result() == []


def test_a_landing_is_open_until_it_is_told_that_the_branch_moved(
    store: SqliteStore, task: Task
) -> None:
    store.begin_landing(LANDING).result()
    assert store.landings(open_only=True).result() == [LANDING]
    store.landed("task_1", 1, 7.0).result()
    store.landed("task_1", 1, 8.0).result()
    assert store.landings(open_only=True).result() == []
    assert [row.landed_at for row in store.landings(open_only=False).result()] == [7.0]
    names = [event.name for _, event in store.events(0, 100).result()]
    assert names.count("task.landed") == 1


def test_a_landing_that_happened_cannot_be_dropped(store: SqliteStore, task: Task) -> None:
    store.begin_landing(LANDING).result()
    store.landed("task_1", 1, 7.0).result()
    store.drop_landing("task_1", 1).result()
    assert len(store.landings(open_only=False).result()) == 1


def test_a_stale_attempt_does_not_land(store: SqliteStore, task: Task) -> None:
    store.interrupt_task("task_1", 1, 4.0).result()
    with pytest.raises(Fenced):
        store.begin_landing(LANDING).result()


def test_a_failed_task_waits_for_its_time_and_for_a_person(store: SqliteStore, task: Task) -> None:
    failed = store.finish_task(
        "task_1", 1, TaskState.FAILED, 4.0, error="quota", not_before=99.0
    ).result()
    assert failed.not_before == 99.0
    held = store.hold_task("task_1", 5.0, attention="no reset in sight").result()
    assert (held.not_before, held.attention) == (0.0, "no reset in sight")
    reset = store.reset_task("task_1", 6.0).result()
    assert reset.attention is None


def test_what_runs_is_not_held(store: SqliteStore, task: Task) -> None:
    with pytest.raises(InvalidTransition):
        store.hold_task("task_1", 5.0, attention="wait").result()


def test_paths_and_the_plan_stay_with_the_task(store: SqliteStore, task: Task) -> None:
    store.learn_paths("task_1", ["src/a.py", "tests/б.py"]).result()
    store.set_plan("task_1", "files:off").result()
    kept = store.task("task_1").result()
    assert kept is not None
    assert (kept.learned, kept.plan) == (("src/a.py", "tests/б.py"), "files:off")
