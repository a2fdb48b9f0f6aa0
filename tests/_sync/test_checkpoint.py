# Generated from tests/_async/test_checkpoint.py. Do not edit.
"""The checkpoint document beside the store."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from codeagent._runtime import sync_runtime as rt
from codeagent._sync.checkpoint import CheckpointManager
from codeagent._sync.io import IOManager
from codeagent.core.lenient import write_time
from codeagent.core.task import Task, TaskState
from tests.support.world import NOW, Clock, SpyStore, spied_store, wait_until

LATER = NOW + 1000


def manager(io: IOManager, store: SpyStore, *places: Path) -> CheckpointManager:
    clock = Clock(LATER + 1)
    return CheckpointManager(io, store, places, keep=100, clock=clock)


def document(texts: Sequence[str], at: float, **more: Any) -> bytes:
    entries = [
        {
            "task_id": f"task_{n}",
            "task_text": text,
            "state": "completed",
            "attempts": 1,
            "start_time": write_time(at),
            "end_time": write_time(at),
            "theirs": True,
        }
        for n, text in enumerate(texts)
    ]
    return json.dumps(
        {"version": "1.0", "tasks": entries, "last_update": write_time(at), **more}
    ).encode()


def read(path: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(path.read_bytes())
    return found


def texts(path: Path) -> list[str]:
    return [entry["task_text"] for entry in read(path)["tasks"]]


def begin(store: SpyStore, text: str, now: float = NOW) -> Task:
    """A task whose attempt has begun, so that the document tells of it."""
    task = Task(f"task_of_{text}", text, position=9, created_at=now)
    rt.wait_for_future(store.add_tasks([task]))
    begun: Task = rt.wait_for_future(
        store.begin_attempt(task.id, path=rt.PATH, instructions=2, now=now)
    )
    return begun


def test_without_a_document_nothing_is_said_and_one_is_written(tmp_path: Path) -> None:
    place = tmp_path / "c.json"
    with spied_store(tmp_path) as store:
        with IOManager() as io:
            checkpoint = manager(io, store, place)
            assert checkpoint.load() == []
            begin(store, "a")
            checkpoint.write()
    assert texts(place) == ["a"]
    assert not place.with_name("c.json.backup").exists()


def test_a_newer_document_is_taken_over_and_what_it_holds_besides_stays(
    tmp_path: Path,
) -> None:
    place = tmp_path / "c.json"
    place.write_bytes(document(["a", "b"], LATER, theirs={"x": 1}))
    with spied_store(tmp_path) as store:
        with IOManager() as io:
            checkpoint = manager(io, store, place)
            (said,) = checkpoint.load()
            assert "took over 2 tasks" in said
            done = rt.wait_for_future(store.tasks(TaskState.DONE))
            assert [task.text for task in done] == ["a", "b"]
            begin(store, "c", LATER + 1)
            checkpoint.write()
    assert texts(place) == ["a", "b", "c"]
    assert read(place)["theirs"] == {"x": 1}
    assert read(place)["tasks"][0]["theirs"] is True


def test_our_own_document_is_not_taken_over_again(tmp_path: Path) -> None:
    place = tmp_path / "c.json"
    with spied_store(tmp_path) as store:
        with IOManager() as io:
            begin(store, "a")
            manager(io, store, place).write()
            assert manager(io, store, place).load() == []
    assert "adopt" not in store.calls


def test_an_older_document_changes_nothing(tmp_path: Path) -> None:
    place = tmp_path / "c.json"
    place.write_bytes(document(["a"], NOW - 50))
    with spied_store(tmp_path) as store:
        with IOManager() as io:
            begin(store, "b")
            assert manager(io, store, place).load() == []
    assert "adopt" not in store.calls


def test_a_run_of_the_predecessor_in_between_goes_forward(tmp_path: Path) -> None:
    place = tmp_path / "c.json"
    with spied_store(tmp_path) as store:
        with IOManager() as io:
            task = begin(store, "a")
            rt.wait_for_future(store.interrupt_task(task.id, task.epoch, NOW + 1))
            manager(io, store, place).write()
            theirs: Any = dict(read(place))
            theirs["tasks"][0] |= {"state": "completed", "end_time": write_time(LATER)}
            theirs["last_update"] = write_time(LATER)
            place.write_text(json.dumps(theirs), "utf-8")
            (said,) = manager(io, store, place).load()
            assert "took over 1 task" in said
            (done,) = rt.wait_for_future(store.tasks(TaskState.DONE))
    assert done.id == task.id


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b"\xff\xfe", b'{"tasks": []'])
def test_a_broken_document_gives_way_to_its_backup_and_never_replaces_it(
    broken: bytes, tmp_path: Path
) -> None:
    place, backup = tmp_path / "c.json", tmp_path / "c.json.backup"
    place.write_bytes(broken)
    backup.write_bytes(document(["a"], LATER))
    kept = backup.read_bytes()
    with spied_store(tmp_path) as store:
        with IOManager() as io:
            checkpoint = manager(io, store, place)
            said = checkpoint.load()
            assert "went on from its backup" in said[0]
            checkpoint.write()
            assert backup.read_bytes() == kept
            written = place.read_bytes()
            begin(store, "b", LATER + 2)
            checkpoint.write()
    assert texts(place) == ["a", "b"]
    assert backup.read_bytes() == written


def test_a_document_that_is_missing_is_taken_from_its_backup(tmp_path: Path) -> None:
    (tmp_path / "c.json.backup").write_bytes(document(["a"], LATER))
    with spied_store(tmp_path) as store:
        with IOManager() as io:
            said = manager(io, store, tmp_path / "c.json").load()
    assert len(said) == 2
    assert "it is missing" in said[0]


def test_two_broken_documents_are_said_so_and_the_store_goes_on(tmp_path: Path) -> None:
    place = tmp_path / "c.json"
    place.write_bytes(b"{")
    (tmp_path / "c.json.backup").write_bytes(b"}")
    with spied_store(tmp_path) as store:
        with IOManager() as io:
            checkpoint = manager(io, store, place)
            (said,) = checkpoint.load()
            assert "went on without it" in said
            begin(store, "a")
            checkpoint.write()
    assert texts(place) == ["a"]
    assert (tmp_path / "c.json.backup").read_bytes() == b"}"


def test_a_document_at_another_place_is_found_and_left_there(tmp_path: Path) -> None:
    place, other = tmp_path / "new.json", tmp_path / "old.json"
    other.write_bytes(document(["a"], LATER))
    with spied_store(tmp_path) as store:
        with IOManager() as io:
            checkpoint = manager(io, store, place, other)
            assert checkpoint.path == place
            (said,) = checkpoint.load()
            assert str(other) in said
            checkpoint.write()
    assert texts(place) == texts(other) == ["a"]


def test_many_changes_are_written_together_and_the_last_one_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "c.json"
    pauses: list[float] = []
    go_on = rt.Event()

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        go_on.wait()

    monkeypatch.setattr(rt, "sleep", pause)
    with spied_store(tmp_path) as store:
        with IOManager() as io:
            checkpoint = manager(io, store, place)
            with rt.TaskGroup() as group:
                group.start_soon(checkpoint.run)
                checkpoint.touch()
                rt.run_blocking(wait_until, lambda: pauses)
                begin(store, "a")
                for _ in range(100):
                    checkpoint.touch()
                written = store.calls.count("last_change")
                go_on.set()
                rt.run_blocking(wait_until, lambda: texts(place) == ["a"])
                assert store.calls.count("last_change") == written + 1
                group.cancel()
