"""The log of one task."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.events import Event
from codeagent.core.redact import Redactor
from codeagent.observe.tasklog import file_name, lines_for, to_remove

from .events import RUN, START, event


@pytest.fixture(autouse=True, scope="module")
def _utc() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


RULE = "=" * 80


def test_the_log_of_a_task_from_header_to_footer() -> None:
    extra = [
        event("instruction.rendered", 3, "a", position=1, text="Сделай\nплан"),
        event("agent.launched", 3, "a", argv=["agent", "--api-key", "hunter2", "-p", "a b"]),
        event("agent.ended", 60, "a", exit_code=0, seconds=57.0, stdout="\x1b[1mok\x1b[0m", stderr=""),
        event("report.awaited", 60, "a", file="r.md", timeout=300),
    ]  # fmt: skip
    events = [*RUN[2:4], *extra[:2], RUN[4], *extra[2:], *RUN[6:8], RUN[10]]
    assert "".join(map(lines_for, events)) == (
        f"{RULE}\n"
        "ЗАДАЧА: Починить вход\n"
        "ID: a\n"
        "НАЧАЛО: 2023-11-14 22:13:22\n"
        f"{RULE}\n"
        "2023-11-14 22:13:22 - INFO - Инициализация\n"
        "2023-11-14 22:13:22 - INFO - Type: default, instructions: 2, attempt: 1\n"
        "2023-11-14 22:13:23 - INFO - Генерация инструкции: 1/2\n"
        "2023-11-14 22:13:23 - INFO - Instruction 1/2: plan, time-out 10:00\n"
        "2023-11-14 22:13:23 - DEBUG - Text of instruction 1:\n"
        "Сделай\n"
        "план\n"
        "2023-11-14 22:13:23 - DEBUG - Command: agent --api-key ***REDACTED*** -p 'a b'\n"
        "2023-11-14 22:13:23 - INFO - Выполнение через Cursor\n"
        "2023-11-14 22:13:23 - INFO - Agent agent started (pid 8)\n"
        "2023-11-14 22:14:20 - INFO - Agent ended after 57.0 s, exit code 0\n"
        "2023-11-14 22:14:20 - DEBUG - stdout:\n"
        "ok\n"
        "2023-11-14 22:14:20 - INFO - Ожидание результата\n"
        "2023-11-14 22:14:20 - INFO - Waiting for r.md for at most 05:00\n"
        "2023-11-14 22:14:23 - INFO - Обработка результата\n"
        "2023-11-14 22:14:23 - INFO - Report docs/results/r.md is there, waited 60.0 s\n"
        "2023-11-14 22:14:23 - INFO - Instruction 1/2 done in 60.0 s\n"
        "2023-11-14 22:14:25 - INFO - Завершение\n"
        f"{RULE}\n"
        "ЗАДАЧА УСПЕШНО ЗАВЕРШЕНА\n"
        "Время выполнения: 63.0 s\n"
        "Инструкций выполнено: 2/2\n"
        f"{RULE}\n"
    )


def test_a_failure_says_why_and_when_it_is_tried_again() -> None:
    failed = event("task.failed", 1, "a", reason="no report", retry_at=START + 60, seconds=9.0)
    assert lines_for(failed) == (
        "2023-11-14 22:13:21 - INFO - Ошибка\n"
        "2023-11-14 22:13:21 - ERROR - no report\n"
        "2023-11-14 22:13:21 - INFO - Next attempt at 2023-11-14 22:14:20\n"
        f"{RULE}\nЗАДАЧА ЗАВЕРШЕНА С ОШИБКОЙ\nВремя выполнения: 9.0 s\n{RULE}\n"
    )


def test_an_unknown_event_still_leaves_a_line() -> None:
    line = lines_for(event("task.restarted", 0, "a", reason="x\ny"))
    assert line == "2023-11-14 22:13:20 - DEBUG - task.restarted reason=x y\n"


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(
        ["agent.ended", "report.read", "instruction.rendered", "task.x", "task.assessed"]
    ),
    st.dictionaries(st.sampled_from(["text", "stdout", "stderr", "file"]), st.text()),
)
def test_lines_are_whole_and_free_of_secrets_and_codes(name: str, data: dict[str, Any]) -> None:
    data = {key: f"{value} correct horse \x1b[31m" for key, value in data.items()}
    text = lines_for(Event(name, START, "a", 1, data), Redactor(["correct horse"]))
    assert text.endswith("\n")
    assert "correct horse" not in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("task_id", "name"),
    [
        ("task_17", "task_task_17_20231114_221320.log"),
        ("../../etc/x y", "task__.._etc_x_y_20231114_221320.log"),
        ("", "task___20231114_221320.log"),
        ("a" * 300, f"task_{'a' * 100}_20231114_221320.log"),
    ],
)
def test_a_file_name_stays_in_its_directory(task_id: str, name: str) -> None:
    assert file_name(task_id, START) == name


def test_the_newest_logs_stay_and_other_files_are_never_named() -> None:
    names = [file_name(f"t{99 - number}", START + number) for number in range(25)]
    assert to_remove([*reversed(names), "code_agent.log", "task_mine.log"]) == names[:5]
    assert to_remove(names[:20]) == []
    assert to_remove(names, keep=24) == names[:1]
