"""Log lines: what they carry, what they hide, and what cannot stop them."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.observe import logs

logger = logging.getLogger("codeagent.test")
LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - codeagent\.test - (\w+) - (.*)", re.DOTALL
)


@pytest.fixture(autouse=True)
def _logging_is_left_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    before = list(root.handlers), root.level
    yield
    logs.close()
    assert (list(root.handlers), root.level) == before


def written(file: Path) -> str:
    logs.close()
    return file.read_text("utf-8")


def json_lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written(file).splitlines()]


def test_a_line_is_the_predecessors_followed_by_the_fields(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "code_agent.log"
    logs.configure(file=file, fields={"path": "async"})
    with logs.bind(task="t1", attempt=2):
        logger.info("instruction %d начата", 3, extra={"pid": 7, "name_": 'a "b"', "line": "x\ny"})
    logger.warning("no task")
    logger.debug("too quiet")
    matches = [LINE.fullmatch(line) for line in written(file).splitlines()]
    assert [match.groups() for match in matches if match] == [
        (
            "INFO",
            r'instruction 3 начата task=t1 attempt=2 path=async pid=7 name_="a \"b\"" line="x\ny"',
        ),
        ("WARNING", "no task task=- attempt=- path=async"),
    ]


def test_json_lines_carry_the_same_values(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    logs.configure("DEBUG", file, json=True, fields={"path": "sync"})
    with logs.bind(task="t1"), logs.bind(attempt=1, path="async"):
        logger.debug(
            "a\nb \udc80", extra={"ratio": float("nan"), "level": "mine", "list": [1, "x"]}
        )
    logger.info("after")
    first, second = json_lines(file)
    assert first.pop("time").endswith("+00:00")
    assert first == {
        "level": "DEBUG",
        "logger": "codeagent.test",
        "message": "a\nb \udc80",
        "task": "t1",
        "attempt": 1,
        "path": "async",
        "ratio": "nan",
        "level_": "mine",
        "list": [1, "x"],
    }
    assert (second["task"], second["attempt"], second["path"]) == (None, None, "sync")


async def test_tasks_that_run_at_once_keep_their_own_values(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    logs.configure(file=file, json=True)
    turn = asyncio.Barrier(3)

    async def work(task: str) -> None:
        with logs.bind(task=task):
            await turn.wait()
            logger.info("work of %s", task)

    await asyncio.gather(*(work(name) for name in "abc"))
    assert all(line["message"] == f"work of {line['task']}" for line in json_lines(file))


@pytest.mark.parametrize("as_json", [False, True])
def test_secrets_are_masked_wherever_a_line_carries_them(tmp_path: Path, as_json: bool) -> None:
    file = tmp_path / "a.log"
    logs.configure(file=file, json=as_json, secrets=["correct horse"])
    try:
        raise ValueError("password: hunter2 or correct horse")
    except ValueError:
        with logs.bind(api_key="hunter2"):
            logger.exception(
                "GET %s with %s",
                "https://bob:hunter2@host",
                {"api_key": "hunter2"},
                extra={"headers": {"Authorization": "hunter2"}, "note": "correct horse"},
                stack_info=True,
            )
    text = written(file)
    assert "ValueError" in text
    # Two each in the message, the line of source and the exception; three fields.
    assert text.count("***REDACTED***") == 9
    assert "hunter2" not in text
    assert "correct horse" not in text


@pytest.mark.parametrize("as_json", [False, True])
@settings(deadline=None, max_examples=60)
@given(
    st.text(),
    st.text(alphabet="abcXYZ019", min_size=12, max_size=20),
    st.dictionaries(st.text(min_size=1).map("x_{}".format), st.text() | st.floats() | st.none()),
)
def test_any_message_is_one_record_and_no_known_secret_survives(
    as_json: bool, message: str, secret: str, extra: dict[str, Any]
) -> None:
    stream = io.StringIO()
    logs.configure(json=as_json, secrets=[secret], stream=stream)
    logger.info("%s %s", message + secret, secret, extra={**extra, "x": secret})
    logs.close()
    text = stream.getvalue()
    assert secret not in text
    records = [line for line in text.split("\n") if line and not line.startswith("    ")]
    assert len(records) == 1


def test_nothing_in_a_message_can_pass_for_a_record(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    logs.configure(file=file)
    logger.info("x\r\n2026-11-22 10:00:00,000 - root - ERROR - forged\x1b[31m\x00")
    assert written(file).splitlines()[1:] == [
        "    2026-11-22 10:00:00,000 - root - ERROR - forged\\x00"
    ]


def test_arguments_are_taken_as_they_are_at_the_call(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    logs.configure(file=file)
    names = ["first"]
    logger.info("names %s", names)
    names.append("second")
    assert "names ['first'] task" in written(file)


def test_a_wrong_format_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    file = tmp_path / "a.log"
    logs.configure(file=file)
    logger.info("%d tasks", "many")
    assert "%d tasks ('many',)" in written(file)


def test_the_former_log_stays_and_backups_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    file.write_text("former\n", encoding="utf-8")
    logs.configure(file=file)
    logger.info("new")
    assert written(file).startswith("former\n")
    logs.configure(file=file, max_bytes=500, backups=2)
    for number in range(50):
        logger.info("line %d", number)
    assert "line 49" in written(file)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.log", "a.log.1", "a.log.2"]


def test_more_lines_than_the_queue_holds_all_arrive_in_order(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    logs.configure(file=file, max_bytes=0)
    for number in range(12_000):
        logger.info("line %d", number)
    numbers = re.findall(r"line (\d+)", written(file))
    assert numbers == [str(number) for number in range(12_000)]


def test_configuring_twice_writes_every_line_once(tmp_path: Path) -> None:
    first, second = tmp_path / "first.log", tmp_path / "second.log"
    logs.configure(file=first)
    logger.info("one")
    logs.configure(file=second)
    logger.info("two")
    assert written(second).count("\n") == 1
    assert first.read_text("utf-8").count("\n") == 1
    logs.close()


def test_a_broken_stream_costs_neither_the_caller_nor_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w", encoding="utf-8")
    logs.configure(file=file, stream=stream)
    logger.info("one")
    logger.info("two")
    assert written(file).count("\n") == 2
    with pytest.raises(BrokenPipeError):
        stream.close()


def test_a_closed_standard_error_is_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    logs.configure()
    stream.close()
    logger.info("one")
    threads = threading.active_count()
    logs.close()
    assert threading.active_count() == threads - 1


def test_an_unknown_level_and_a_file_that_cannot_be_are_told_of(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'LOUD': use DEBUG, INFO"):
        logs.configure("LOUD")
    (tmp_path / "file").touch()
    with pytest.raises(logs.LogFileError, match="name another one"):
        logs.configure(file=tmp_path / "file" / "a.log")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_refuses_is_told_of_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure(file=Path("/dev/full"), max_bytes=0)
    logger.info("one")
    logger.info("two")
    logs.close()
    assert capsys.readouterr().err.count("cannot write the log /dev/full: ") == 1
