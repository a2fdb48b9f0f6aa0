"""How tasks are shown: the order, the words, and which one is meant."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.attention import CANCELLED
from codeagent.core.overview import GROUPS, Row, TaskView, find, overview

NOW = 1_000.0


def task(number: int, state: str = "pending", **more: Any) -> dict[str, Any]:
    """A stored task as the columns have it."""
    return {
        "id": f"task_17000000{number:02}",
        "text": f"Task {number}",
        "state": state,
        "attempts": 0,
        "epoch": 0,
        "after": "[]",
        "completed": "[]",
        "total_instructions": 0,
        "started_at": None,
        "ended_at": None,
        "error": None,
        "not_before": 0.0,
        "attention": None,
        **more,
    }


def shown(*rows: Row, served: bool = True, **more: Any) -> list[TaskView]:
    known: dict[str, Any] = {"attempts": {}, "steps": {}, "landings": {}, "last_events": {}}
    return overview(rows, **{**known, **more}, now=NOW, served=served, max_attempts=3)


def test_what_needs_a_person_comes_first_and_what_is_done_last() -> None:
    rows = [
        task(1, "done", ended_at=10.0),
        task(2),
        task(3, "done", ended_at=20.0),
        task(4, not_before=NOW + 60),
        task(5, "running"),
        task(6, not_before=NOW + 30),
        task(7, attention="log in"),
        task(8, "skipped", ended_at=15.0),
    ]
    views = shown(*rows)
    assert [(view["group"], view["text"]) for view in views] == [
        ("attention", "Task 7"),
        ("running", "Task 5"),
        ("waiting", "Task 6"),
        ("waiting", "Task 4"),
        ("queued", "Task 2"),
        ("done", "Task 3"),
        ("done", "Task 8"),
        ("done", "Task 1"),
    ]


@pytest.mark.parametrize(
    ("failure", "remedy"),
    [
        ("authentication", "log the agent in, then codeagent retry task_1700000001"),
        ("base_failing", "mend the checks on the target branch, then codeagent retry"),
        ("checks_unusable", "mend that, then codeagent retry task_1700000001"),
        ("conflict", "look at codeagent diff task_1700000001, then codeagent retry"),
        (None, "look at codeagent logs task_1700000001, then codeagent retry"),
        ("something new", "look at codeagent logs task_1700000001, then codeagent retry"),
    ],
)
def test_there_is_one_thing_to_do_for_whatever_needs_a_person(
    failure: str | None, remedy: str
) -> None:
    row = task(1, "failed", attention="it does not work")
    (view,) = shown(row, attempts={row["id"]: {"failure": failure}})
    assert (view["group"], view["reason"]) == ("attention", "it does not work")
    assert (view["remedy"] or "").startswith(remedy)


@pytest.mark.parametrize("failure", [None, "verify_failed"])
def test_a_task_that_was_cancelled_is_told_as_that(failure: str | None) -> None:
    row = task(1, attention=CANCELLED)
    (view,) = shown(row, attempts={row["id"]: {"failure": failure}})
    assert (view["group"], view["reason"]) == ("attention", "cancelled by a person")
    assert view["remedy"] == f"to have it done after all: codeagent retry {row['id']}"


def test_a_task_that_failed_too_often_needs_a_person() -> None:
    (view,) = shown(task(1, "failed", attempts=3, error="no report"))
    assert (view["group"], view["reason"]) == ("attention", "failed 3 times, at last: no report")
    (view,) = shown(task(1, "failed", attempts=2, error="no report"))
    assert (view["group"], view["reason"], view["remedy"]) == ("queued", "no report", None)


def test_a_moment_that_has_passed_is_waited_for_no_more() -> None:
    (view,) = shown(task(1, not_before=NOW - 1))
    assert (view["group"], view["not_before"]) == ("queued", None)


def test_what_a_dead_server_left_running_does_not_run() -> None:
    row = task(1, "running")
    (view,) = shown(row, served=False, last_events={row["id"]: 5.0})
    assert (view["group"], view["last_event"]) == ("queued", None)
    assert "goes on with the next run" in (view["reason"] or "")


def test_a_task_waits_for_those_that_are_not_done() -> None:
    rows = [task(1, "done"), task(2, "failed"), task(3)]
    rows[2]["after"] = f'["{rows[0]["id"]}", "{rows[1]["id"]}", "task_gone"]'
    view = next(view for view in shown(*rows) if view["text"] == "Task 3")
    assert view["after"] == [rows[1]["id"], "task_gone"]


def test_a_running_task_says_what_it_is_at() -> None:
    row = task(1, "running", epoch=2, attempts=1, completed="[1]", total_instructions=3)
    (view,) = shown(
        row,
        attempts={
            row["id"]: {"phase": "working", "branch": "b", "agent": "cursor", "path": "sync"}
        },
        steps={row["id"]: {"position": 2, "name": "test"}},
        last_events={row["id"]: 990.0},
    )
    assert {key: view[key] for key in ("phase", "branch", "agent", "path", "attempt")} == {
        "phase": "working",
        "branch": "b",
        "agent": "cursor",
        "path": "sync",
        "attempt": 2,
    }
    assert (view["instruction"], view["instructions"], view["completed"]) == (2, 3, 1)
    assert view["last_event"] == 990.0


def test_a_file_from_before_there_were_worktrees_is_shown_too() -> None:
    row = task(1, "failed", attempts=1, error="no")
    for column in ("not_before", "attention"):
        del row[column]
    (view,) = shown(row)
    assert (view["group"], view["branch"], view["commit"]) == ("queued", None, None)


def test_only_what_was_landed_has_a_commit() -> None:
    rows = [task(1, "done"), task(2, "running")]
    views = shown(
        *rows,
        landings={
            rows[0]["id"]: {"commit_id": "abc", "landed_at": 5.0},
            rows[1]["id"]: {"commit_id": "def", "landed_at": None},
        },
    )
    assert {view["text"]: view["commit"] for view in views} == {"Task 1": "abc", "Task 2": None}


@given(
    st.lists(
        st.builds(
            lambda state, wait, attention, attempts: (state, wait, attention, attempts),
            st.sampled_from(["pending", "running", "done", "failed", "skipped"]),
            st.sampled_from([0.0, NOW - 1, NOW + 1]),
            st.sampled_from([None, "why"]),
            st.integers(0, 4),
        ),
        max_size=8,
    ),
    st.booleans(),
)
@settings(deadline=None, max_examples=100)
def test_every_task_is_shown_once_and_the_groups_are_in_order(
    states: list[tuple[str, float, str | None, int]], served: bool
) -> None:
    rows = [
        task(n, state, not_before=wait, attention=attention, attempts=attempts)
        for n, (state, wait, attention, attempts) in enumerate(states)
    ]
    views = shown(*rows, served=served)
    assert sorted(view["id"] for view in views) == sorted(row["id"] for row in rows)
    places = [GROUPS.index(view["group"]) for view in views]
    assert places == sorted(places)
    assert all(bool(view["remedy"]) == (view["group"] == "attention") for view in views)


ROWS = [
    {"id": "task_1700000001", "text": "Mend the parser"},
    {"id": "task_1700000002", "text": "Mend  the parser of dates"},
    {"id": "task_1700000013", "text": "Документация"},
]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("task_1700000002", [1]),
        ("Mend the parser", [0]),
        ("mend the parser", [0, 1]),
        (" Mend the  parser of dates ", [1]),
        ("task_17000000", [0, 1, 2]),
        ("task_170000001", [2]),
        ("170000001", [2]),
        ("01", [0]),
        ("13", [2]),
        ("dates", [1]),
        ("ДОКУМЕНТ", [2]),
        ("nothing", []),
        ("", []),
        ("   ", []),
    ],
)
def test_a_task_is_found_by_what_people_type(wanted: str, found: list[int]) -> None:
    assert find(ROWS, wanted) == [ROWS[n] for n in found]
