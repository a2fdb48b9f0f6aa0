from __future__ import annotations

import argparse
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from codeagent.cli import migrate
from codeagent.core.task import Task
from codeagent.store import open_store, schema

Command = Callable[..., int]


@pytest.fixture
def command(path: Path) -> Command:
    parser = argparse.ArgumentParser()
    migrate.add_parser(parser.add_subparsers())

    def run(*words: str) -> int:
        args = parser.parse_args(["migrate", *words, "--state", str(path)])
        code: int = args.run(args)
        return code

    return run


@pytest.fixture
def filled(path: Path) -> Path:
    with open_store(path) as store:
        store.add_tasks([Task("task_1", "x")]).result()
    return path


def test_status_lists_what_is_applied(
    command: Command, filled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("status") == 0
    header, first, *_ = capsys.readouterr().out.splitlines()
    assert header.split() == ["version", "name", "applied"]
    assert first.split() == ["0001", "initial", "yes"]


def test_down_keeps_a_copy_and_up_leads_back(
    command: Command, filled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("down", "--to", "0") == 0
    copy = filled.with_name(f"{filled.name}.v{schema.latest()}.0")
    assert f"copied to {copy}" in capsys.readouterr().out
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert command("status") == 0
    assert "no" in capsys.readouterr().out.splitlines()[1]
    assert command("up") == 0
    assert f"version {schema.latest()}" in capsys.readouterr().out
    with open_store(filled) as store, open_store(copy) as kept:
        assert store.tasks().result() == []
        assert [task.text for task in kept.tasks().result()] == ["x"]


def test_a_second_down_does_not_touch_the_first_copy(command: Command, filled: Path) -> None:
    for _ in range(2):
        assert command("down", "--to", "0") == 0
        assert command("up") == 0
    copies = sorted(filled.parent.glob("*.v*"))
    assert [copy.name[-2:] for copy in copies] == [".0", ".1"]


@pytest.mark.parametrize(
    "words", [["up", "--to", "0"], ["down", "--to", "999"], ["status", "--to", "1"]]
)
def test_wrong_usage_is_said_and_changes_nothing(
    command: Command, filled: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    before = filled.read_bytes()
    assert command(*words) == 2
    assert capsys.readouterr().err.startswith("codeagent migrate: ")
    assert filled.read_bytes() == before


def test_a_missing_file_is_not_made(
    command: Command, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("up") == 2
    assert "there is no state file" in capsys.readouterr().err
    assert not path.exists()


def test_a_file_in_use_is_not_changed(
    command: Command, filled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_store(filled) as store:
        assert command("down") == 1
        assert "in use by another process" in capsys.readouterr().err
        assert len(store.tasks().result()) == 1


def test_what_is_no_state_file_is_said(
    command: Command, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path.write_text("no database" * 100)
    assert command("status") == 1
    assert "not a state file" in capsys.readouterr().err
