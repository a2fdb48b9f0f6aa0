"""Documents as the predecessor leaves them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from codeagent.core import checkpoint
from codeagent.core.lenient import read_time
from codeagent.core.task import Task, TaskState, remaining


def entry(name: str, text: str, state: str, start: str | None, **values: Any) -> dict[str, Any]:
    done = values.pop("done", [])
    total = values.pop("total", 8)
    return {
        "task_id": name,
        "task_text": text,
        "state": state,
        "start_time": start,
        "end_time": values.pop("end", None),
        "attempts": values.pop("attempts", 1),
        "error_message": values.pop("error", None),
        "metadata": {"task_number": 1, "total_tasks": 3},
        "instruction_progress": {
            "last_completed_instruction": max(done, default=0),
            "total_instructions": total if done else 0,
            "completed_instructions": done,
        },
        **values,
    }


def document(
    *entries: dict[str, Any], clean: bool = True, current: str | None = None
) -> dict[str, Any]:
    return {
        "version": "1.0",
        "server_state": {
            "last_start_time": "2025-12-18T10:00:00.123456",
            "last_stop_time": None,
            "iteration_count": 41,
            "clean_shutdown": clean,
        },
        "tasks": list(entries),
        "current_task": current,
        "session_id": "20251218_100000",
        "last_update": "2025-12-18T12:00:00.654321",
    }


def test_a_server_that_died_in_the_middle_of_a_task() -> None:
    read = document(
        entry("task_1766052000", "Добавить тесты", "completed", "2025-12-18T10:00:01.5", end="2025-12-18T10:30:00.000001", done=[1, 2, 3, 4, 5, 6, 7, 8]),
        entry("task_1766053801", "Починить вход", "in_progress", "2025-12-18T10:30:01.5", done=[1, 2, 3]),
        clean=False,
        current="task_1766053801",
    )  # fmt: skip
    done, left = checkpoint.tasks_from(read)
    assert (done.id, done.state, len(done.completed)) == ("task_1766052000", TaskState.DONE, 8)
    assert done.ended_at == read_time("2025-12-18T10:30:00.000001")
    assert (left.id, left.state, left.attempts) == ("task_1766053801", TaskState.PENDING, 0)
    assert remaining(left) == (4, 5, 6, 7, 8)
    server = checkpoint.server_from(read)
    assert (server.clean, server.iterations, server.session_id) == (False, 41, "20251218_100000")
    assert checkpoint.problems(read) == ()


def test_the_entry_that_began_last_decides_whether_a_text_is_completed() -> None:
    done = entry("task_1", "x", "completed", "2025-12-18T10:00:00")
    again = entry("task_2", "x", "pending", "2025-12-18T11:00:00")
    for order in ([done, again], [again, done]):
        (task,) = checkpoint.tasks_from(document(*order))
        assert (task.id, task.state) == ("task_2", TaskState.PENDING)


def test_without_starts_the_entry_listed_last_decides() -> None:
    (task,) = checkpoint.tasks_from(
        document(entry("task_1", "x", "completed", None), entry("task_2", "x", "failed", "no time"))
    )
    assert (task.id, task.state) == ("task_2", TaskState.FAILED)


def test_progress_comes_from_the_newest_other_entry_that_has_some() -> None:
    (task,) = checkpoint.tasks_from(
        document(
            entry("task_1", "x", "failed", "2025-12-18T10:00:00", done=[1, 2, 3, 4]),
            entry("task_2", "x", "failed", "2025-12-18T11:00:00", done=[1, 2]),
            entry("task_3", "x", "pending", "2025-12-18T12:00:00"),
        )
    )
    assert (task.id, task.completed, task.total_instructions) == ("task_3", (1, 2), 8)
    assert task.attempts == 2


def test_every_failed_entry_of_a_text_is_an_attempt() -> None:
    hot_loop = [
        entry(f"task_{n}", "x", "failed", f"2025-12-18T10:00:{n:02}", error="Cursor")
        for n in range(5)
    ]
    (task,) = checkpoint.tasks_from(document(*hot_loop))
    assert (task.id, task.state, task.attempts, task.error) == (
        "task_4",
        TaskState.FAILED,
        5,
        "Cursor",
    )
    server = checkpoint.server_from(document())
    written = checkpoint.build([task], server, last_update=1.0, previous=document(*hot_loop))
    assert written["tasks"][:4] == hot_loop[:4]
    assert checkpoint.tasks_from(written) == [task]


def test_two_tasks_of_one_second_get_ids_of_their_own() -> None:
    first, second = checkpoint.tasks_from(
        document(
            entry("task_5", "x", "pending", "2025-12-18T10:00:00"),
            entry("task_5", "y", "pending", "2025-12-18T10:00:00"),
        )
    )
    assert first.id == "task_5"
    assert second.id.removeprefix("task_").isdigit() and second.id != first.id


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        ({"last_completed_instruction": 2, "total_instructions": 4}, ((1, 2), 2, 4)),
        ({"total_instructions": 4, "completed_instructions": [3, 1, 3]}, ((1, 3), 3, 4)),
        ({"total_instructions": 4, "completed_instructions": [9, -1, "2", True, None]}, ((), 0, 4)),
        ({"last_completed_instruction": 10**9, "total_instructions": 10**9}, ((), 0, 0)),
        ({"completed_instructions": "all", "total_instructions": 4.0}, ((), 0, 0)),
        ([1, 2], ((), 0, 0)),
    ],
)
def test_a_partial_or_wrong_progress_is_read_as_far_as_it_makes_sense(
    progress: object, expected: tuple[object, ...]
) -> None:
    (task,) = checkpoint.tasks_from(
        {"tasks": [{"task_text": "x", "instruction_progress": progress}]}
    )
    assert (task.completed, task.last_completed, task.total_instructions) == expected


def test_wrong_parts_are_named() -> None:
    read = {
        "server_state": [],
        "tasks": [7, {"task_text": " "}, {"task_text": "x", "state": "lost"}, {"task_text": "y", "state": "pending", "instruction_progress": 1}],
    }  # fmt: skip
    assert checkpoint.problems(read) == (
        "server_state is not an object",
        "task 1 is not an object",
        "task 2 has no text",
        "task 3 has the unknown state 'lost', read as pending",
        "task 4 has a progress that is not an object",
    )
    assert checkpoint.problems({"tasks": {}}) == ("tasks is not a list",)
    assert [task.text for task in checkpoint.tasks_from(read)] == ["x", "y"]


OURS = Task("task_1", "x", total_instructions=4, attempts=1)


def test_merging_goes_forward_only() -> None:
    theirs = replace(OURS, completed=(1, 2), last_completed=2)
    assert checkpoint.merged(OURS, theirs).completed == (1, 2)
    ahead = replace(OURS, completed=(1, 3), last_completed=3)
    assert checkpoint.merged(ahead, theirs) == replace(ahead, completed=(1, 2, 3))
    assert checkpoint.merged(ahead, replace(theirs, total_instructions=9)) == ahead
    done = replace(OURS, state=TaskState.DONE, ended_at=5.0)
    assert checkpoint.merged(done, theirs) == done
    assert checkpoint.merged(OURS, done).state is TaskState.DONE
    failed = replace(OURS, state=TaskState.FAILED, attempts=3, error="why")
    assert checkpoint.merged(OURS, failed) == failed
    assert checkpoint.merged(failed, OURS) == failed
