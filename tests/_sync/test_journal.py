# Generated from tests/_async/test_journal.py. Do not edit.
"""The tasks' own logs."""

from __future__ import annotations

from pathlib import Path

from codeagent._runtime import sync_runtime as rt
from codeagent._sync.io import IOManager
from codeagent._sync.journal import Journal
from codeagent.core.events import Event
from codeagent.observe.tasklog import KEEP
from tests.support.world import NOW, Clock

from .helpers import until


def started(task_id: str, text: str) -> Event:
    data = {"text": text, "type": "default", "instructions": 2, "resumed_at": None}
    return Event("task.started", NOW, task_id, 1, data)


def test_each_task_has_a_log_of_what_happened_to_it_in_order(tmp_path: Path) -> None:
    with IOManager() as io:
        journal = Journal(
            io, tmp_path, clock=Clock(), redactor=lambda text: text.replace("s3cret", "***")
        )
        journal.note(Event("server.started", NOW, data={"path": rt.PATH}))
        journal.note(started("task_1", "first"))
        journal.note(started("task_2", "second"))
        journal.note(Event("task.interrupted", NOW, "task_1", 1, {"reason": "stopped"}))
        journal.flush()
        journal.flush()
        first, second = sorted(tmp_path.glob("task_*.log"))
        text = first.read_text("utf-8")
        journal.note(started("task_1", "s3cret"))
        journal.flush()
    assert first.name.startswith("task_task_1_")
    assert text.index("first") < text.index("stopped")
    assert "second" not in text
    assert "second" in second.read_text("utf-8")
    assert first.read_text("utf-8").startswith(text)
    assert "s3cret" not in first.read_text("utf-8")
    assert "***" in first.read_text("utf-8")
    assert len(list(tmp_path.iterdir())) == 2


def test_what_is_noted_while_it_writes_is_written_too(tmp_path: Path) -> None:
    with IOManager() as io:
        journal = Journal(
            io, tmp_path, clock=Clock(), redactor=lambda text: text.replace("s3cret", "***")
        )
        with rt.TaskGroup() as group:
            group.start_soon(journal.run)
            for number in range(50):
                journal.note(started("task_1", f"text {number};"))
                rt.checkpoint()
            until(lambda: _holds(tmp_path, "text 49;"))
            group.cancel()
    (file,) = tmp_path.iterdir()
    text = file.read_text("utf-8")
    assert [number for number in range(50) if f"text {number};" not in text] == []


def test_the_oldest_logs_make_room(tmp_path: Path) -> None:
    for number in range(KEEP + 5):
        (tmp_path / f"task_t{number}_20200101_{number:06d}.log").write_text("x", "utf-8")
    (tmp_path / "codeagent.log").write_text("x", "utf-8")
    with IOManager() as io:
        journal = Journal(
            io, tmp_path, clock=Clock(), redactor=lambda text: text.replace("s3cret", "***")
        )
        journal.note(started("task_1", "new"))
        journal.flush()
    names = {path.name for path in tmp_path.glob("task_*.log")}
    assert len(names) in (KEEP, KEEP + 1)
    assert any("task_1_" in name for name in names)
    assert not any("_000000.log" in name and "20200101" in name for name in names)
    assert (tmp_path / "codeagent.log").exists()


def _holds(directory: Path, words: str) -> bool:
    return any(words in path.read_text("utf-8") for path in directory.glob("task_*.log"))
