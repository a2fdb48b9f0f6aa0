from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core import checkpoint
from codeagent.core.lenient import read_time, write_time
from codeagent.core.server import ServerState
from codeagent.core.task import Task, TaskState

PENDING, RUNNING, DONE, FAILED, SKIPPED = TaskState
NOON = 1_700_000_000.25
SERVER = ServerState("20231114_221320", NOON, NOON + 9, 7, clean=False)


def build(
    *tasks: Task, previous: dict[str, Any] | None = None, last_update: float = NOON, keep: int = 100
) -> dict[str, Any]:
    return checkpoint.build(tasks, SERVER, last_update=last_update, previous=previous, keep=keep)


def task(number: int, state: TaskState = DONE, **values: Any) -> Task:
    values = {"started_at": NOON + number, "position": number, **values}
    return Task(f"task_{number}", f"Задача {number}", state=state, **values)


def test_the_keys_of_a_document_and_their_order() -> None:
    document = build(
        task(
            0,
            RUNNING,
            attempts=2,
            completed=(1, 3),
            last_completed=3,
            total_instructions=8,
        ),
        task(1, PENDING, started_at=None),
    )
    assert json.dumps(document, ensure_ascii=False) == json.dumps(
        {
            "version": "1.0",
            "server_state": {
                "last_start_time": write_time(NOON),
                "last_stop_time": write_time(NOON + 9),
                "iteration_count": 7,
                "clean_shutdown": False,
            },
            "tasks": [
                {
                    "task_id": "task_0",
                    "task_text": "Задача 0",
                    "state": "in_progress",
                    "start_time": write_time(NOON),
                    "end_time": None,
                    "attempts": 2,
                    "error_message": None,
                    "metadata": {"task_number": 1, "total_tasks": 2},
                    "instruction_progress": {
                        "last_completed_instruction": 3,
                        "total_instructions": 8,
                        "completed_instructions": [1, 3],
                    },
                }
            ],
            "current_task": "task_0",
            "session_id": "20231114_221320",
            "last_update": write_time(NOON),
        },
        ensure_ascii=False,
    )


def test_the_bytes_of_a_document() -> None:
    data = checkpoint.dumps({"version": "1.0", "tasks": [{"task_text": "Сделать ✅"}]})
    assert data.decode() == (
        '{\n  "version": "1.0",\n  "tasks": [\n    {\n      "task_text": "Сделать ✅"\n'
        "    }\n  ]\n}"
    )


def test_times_are_naive_local_with_six_digits() -> None:
    assert write_time(None) is None
    text = write_time(NOON)
    assert text is not None and len(text) == len("2023-11-14T22:13:20.250000")
    assert "+" not in text and text.endswith(".250000")
    assert read_time(text) == NOON


@pytest.mark.parametrize("value", [None, 5, "", "soon", "0001-01-01T00:00:00", "9999-12-31", []])
def test_what_is_no_time_is_none(value: object) -> None:
    assert read_time(value) is None


@pytest.mark.parametrize(
    ("state", "written", "read"),
    [
        (PENDING, "pending", PENDING),
        (RUNNING, "in_progress", PENDING),
        (DONE, "completed", DONE),
        (FAILED, "failed", FAILED),
        (SKIPPED, "completed", DONE),
    ],
)
def test_states_as_written_and_read(state: TaskState, written: str, read: TaskState) -> None:
    document = build(task(1, state))
    assert document["tasks"][0]["state"] == written
    assert checkpoint.tasks_from(document)[0].state is read


def test_unknown_keys_survive_at_every_level() -> None:
    previous = build(task(1, PENDING))
    previous["mine"] = 1
    previous["server_state"]["mine"] = 2
    entry = previous["tasks"][0]
    entry["result"] = {"ok": True}
    entry["metadata"]["mine"] = 3
    entry["instruction_progress"]["mine"] = 4
    document = build(task(1, DONE), previous=previous)
    assert document["mine"] == 1
    assert document["server_state"]["mine"] == 2
    entry = document["tasks"][0]
    assert entry["state"] == "completed"
    assert entry["result"] == {"ok": True}
    assert entry["metadata"]["mine"] == 3
    assert entry["instruction_progress"]["mine"] == 4


def test_entries_that_no_task_answers_to_survive_in_their_place() -> None:
    previous = {"tasks": [{"task_id": "a", "task_text": "gone", "x": 1}, None, "junk"]}
    document = build(task(1), previous=previous)
    assert document["tasks"][0] == {"task_id": "a", "task_text": "gone", "x": 1}
    assert [entry["task_id"] for entry in document["tasks"]] == ["a", "task_1"]


def test_an_entry_with_our_id_and_another_text_is_not_overwritten() -> None:
    previous = {"tasks": [{"task_id": "task_1", "task_text": "another", "state": "completed"}]}
    document = build(task(1), previous=previous)
    assert [entry["task_text"] for entry in document["tasks"]] == ["another", "Задача 1"]


def test_only_the_newest_completed_entries_are_kept() -> None:
    tasks = [task(n, DONE, ended_at=NOON - n) for n in range(5)]
    tasks += [task(5, FAILED, ended_at=1.0), task(6, PENDING)]
    document = build(*tasks, keep=2)
    assert [entry["task_id"] for entry in document["tasks"]] == [
        "task_0",
        "task_1",
        "task_5",
        "task_6",
    ]
    assert [kept.id for kept in checkpoint.prune(tasks, 0)] == ["task_5", "task_6"]
    assert checkpoint.prune(tasks, 5) == tasks


def test_a_document_of_ours_is_not_newer_than_the_store() -> None:
    document = build(last_update=NOON + 0.1234567)
    assert not checkpoint.is_newer(document, NOON + 0.1234567)
    assert checkpoint.is_newer(document, NOON)
    assert not checkpoint.is_newer({}, 0.0)
    assert not checkpoint.is_newer({"last_update": "yesterday"}, 0.0)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "not JSON"),
        (b'{"version": "1.0", "tas', "not JSON"),
        (b"[]", "a JSON list"),
        (b"null", "not an object"),
        (b'"x"', "not an object"),
        ("{}".encode("utf-16"), "not UTF-8"),
        ('{"a": "привет"}'.encode("cp1251"), "not UTF-8"),
        (b"[" * 100_000, "nested more than 100"),
        (b'{"a":' + b"[" * 100 + b"]" * 100 + b"}", "nested more than 100"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
    ],
)
def test_what_is_no_document_is_a_clear_problem(data: bytes, problem: str) -> None:
    with pytest.raises(checkpoint.CheckpointError, match=problem):
        checkpoint.parse(data)


def test_a_document_may_nest_as_deep_as_it_can_be_written() -> None:
    data = b'{"a": ' + b"[" * 99 + b"]" * 99 + b"}"
    assert checkpoint.parse(checkpoint.dumps(checkpoint.parse(data)))


def test_a_byte_order_mark_is_passed_over() -> None:
    assert checkpoint.parse(b'\xef\xbb\xbf{"version": "1.0"}') == {"version": "1.0"}


GOOD, BROKEN = b'{"version": "1.0"}', b'{"version": '


@pytest.mark.parametrize(
    ("main", "backup", "source", "may_back_up"),
    [
        (GOOD, None, "main", True),
        (GOOD, BROKEN, "main", True),
        (BROKEN, GOOD, "backup", False),
        (b"[]", GOOD, "backup", False),
        (None, GOOD, "backup", False),
        (BROKEN, BROKEN, None, False),
        (None, None, None, False),
    ],
)
def test_a_broken_main_file_gives_way_and_never_replaces_the_backup(
    main: bytes | None, backup: bytes | None, source: str | None, may_back_up: bool
) -> None:
    choice = checkpoint.choose(main, backup)
    assert (choice.source, choice.may_back_up) == (source, may_back_up)
    assert (choice.document is None) == (source is None)
    assert (choice.problem is None) == (source == "main")


def test_a_lone_surrogate_is_written_as_an_escape_and_is_no_text_of_a_task() -> None:
    document = checkpoint.parse(b'{"tasks": [{"task_text": "\\ud800", "state": "pending"}]}')
    assert checkpoint.parse(checkpoint.dumps(document)) == document
    assert checkpoint.tasks_from(document) == []


moments = st.none() | st.integers(10**15, 2 * 10**15).map(lambda micros: micros / 1e6)
texts = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)


@st.composite
def begun_tasks(draw: st.DrawFn) -> list[Task]:
    tasks = []
    for number, text in enumerate(draw(st.lists(texts, unique=True, max_size=6))):
        total = draw(st.integers(1, 9))
        completed = tuple(sorted(draw(st.sets(st.integers(1, total)))))
        state = draw(st.sampled_from([PENDING, DONE, FAILED]))
        tasks.append(
            Task(
                id=f"task_{number}",
                text=text,
                position=draw(st.integers(0, 50)),
                state=state,
                attempts=draw(st.integers(1, 9)) if state is not PENDING else 0,
                started_at=draw(moments.filter(lambda moment: moment is not None)),
                ended_at=None if state is PENDING else draw(moments),
                error=draw(st.none() | texts),
                completed=completed,
                last_completed=max(completed, default=0),
                total_instructions=total,
            )
        )
    return tasks


@settings(deadline=None, max_examples=60)
@given(begun_tasks(), moments, st.booleans())
def test_tasks_and_server_come_back_from_their_document(
    tasks: list[Task], stopped: float | None, clean: bool
) -> None:
    server = ServerState("20260101_000000", NOON, stopped, 3, clean)
    written = checkpoint.build(tasks, server, last_update=NOON)
    document = checkpoint.parse(checkpoint.dumps(written))
    assert document == written
    assert checkpoint.problems(document) == ()
    assert checkpoint.server_from(document) == server
    back = [replace(task, created_at=0.0) for task in checkpoint.tasks_from(document)]
    assert back == tasks
    assert checkpoint.build(tasks, server, last_update=NOON, previous=document) == document


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
KEYS = [
    *("task_id", "task_text", "state", "start_time", "end_time", "attempts", "error_message"),
    *("metadata", "instruction_progress"),
]
PROGRESS = ["last_completed_instruction", "total_instructions", "completed_instructions"]
entries = st.dictionaries(
    st.sampled_from(KEYS),
    json_values
    | st.sampled_from(["Build", "failed", "completed", "2025-01-01T10:00:00", "task_1"])
    | st.dictionaries(st.sampled_from(PROGRESS), json_values),
)
documents = st.dictionaries(
    st.sampled_from(["server_state", "tasks", "last_update", "session_id", "version", "other"]),
    json_values | st.lists(entries | json_values, max_size=5),
)


@settings(deadline=None, max_examples=100)
@given(documents)
def test_no_document_however_wrong_stops_the_reading(document: Any) -> None:
    tasks = checkpoint.tasks_from(document)
    assert len({task.id for task in tasks}) == len({task.text for task in tasks}) == len(tasks)
    server = checkpoint.server_from(document)
    assert all(isinstance(problem, str) for problem in checkpoint.problems(document))
    again = checkpoint.build(tasks, server, last_update=NOON, previous=document)
    assert checkpoint.parse(checkpoint.dumps(again))["version"] == "1.0"
    assert again.get("other") == document.get("other")
