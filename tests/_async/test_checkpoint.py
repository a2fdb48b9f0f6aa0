"""The checkpoint document beside the store."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from codeagent._async.checkpoint import AsyncCheckpointManager
from codeagent._async.io import AsyncIOManager
from codeagent._runtime import async_runtime as rt
from codeagent.core.lenient import write_time
from codeagent.core.task import Task, TaskState
from tests.support.world import NOW, Clock, SpyStore, spied_store, wait_until

LATER = NOW + 1000


def manager(io: AsyncIOManager, store: SpyStore, *places: Path) -> AsyncCheckpointManager:
    clock = Clock(LATER + 1)
    return AsyncCheckpointManager(io, store, places, keep=100, clock=clock)


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


async def begin(store: SpyStore, text: str, now: float = NOW) -> Task:
    """A task whose attempt has begun, so that the document tells of it."""
    task = Task(f"task_of_{text}", text, position=9, created_at=now)
    await rt.wait_for_future(store.add_tasks([task]))
    begun: Task = await rt.wait_for_future(
        store.begin_attempt(task.id, path=rt.PATH, instructions=2, now=now)
    )
    return begun


async def test_without_a_document_nothing_is_said_and_one_is_written(tmp_path: Path) -> None:
    place = tmp_path / "c.json"
    with spied_store(tmp_path) as store:
        async with AsyncIOManager() as io:
            checkpoint = manager(io, store, place)
            assert await checkpoint.load() == []
            await begin(store, "a")
            await checkpoint.write()
    assert texts(place) == ["a"]
    assert not place.with_name("c.json.backup").exists()


async def test_a_newer_document_is_taken_over_and_what_it_holds_besides_stays(
    tmp_path: Path,
) -> None:
    place = tmp_path / "c.json"
    place.write_bytes(document(["a", "b"], LATER, theirs={"x": 1}))
    with spied_store(tmp_path) as store:
        async with AsyncIOManager() as io:
            checkpoint = manager(io, store, place)
            (said,) = await checkpoint.load()
            assert "took over 2 tasks" in said
            done = await rt.wait_for_future(store.tasks(TaskState.DONE))
            assert [task.text for task in done] == ["a", "b"]
            await begin(store, "c", LATER + 1)
            await checkpoint.write()
    assert texts(place) == ["a", "b", "c"]
    assert read(place)["theirs"] == {"x": 1}
    assert read(place)["tasks"][0]["theirs"] is True


async def test_our_own_document_is_not_taken_over_again(tmp_path: Path) -> None:
    place = tmp_path / "c.json"
    with spied_store(tmp_path) as store:
        async with AsyncIOManager() as io:
            await begin(store, "a")
            await manager(io, store, place).write()
            assert await manager(io, store, place).load() == []
    assert "adopt" not in store.calls


async def test_an_older_document_changes_nothing(tmp_path: Path) -> None:
    place = tmp_path / "c.json"
    place.write_bytes(document(["a"], NOW - 50))
    with spied_store(tmp_path) as store:
        async with AsyncIOManager() as io:
            await begin(store, "b")
            assert await manager(io, store, place).load() == []
    assert "adopt" not in store.calls


async def test_a_run_of_the_predecessor_in_between_goes_forward(tmp_path: Path) -> None:
    place = tmp_path / "c.json"
    with spied_store(tmp_path) as store:
        async with AsyncIOManager() as io:
            task = await begin(store, "a")
            await rt.wait_for_future(store.interrupt_task(task.id, task.epoch, NOW + 1))
            await manager(io, store, place).write()
            theirs: Any = dict(read(place))
            theirs["tasks"][0] |= {"state": "completed", "end_time": write_time(LATER)}
            theirs["last_update"] = write_time(LATER)
            place.write_text(json.dumps(theirs), "utf-8")
            (said,) = await manager(io, store, place).load()
            assert "took over 1 task" in said
            (done,) = await rt.wait_for_future(store.tasks(TaskState.DONE))
    assert done.id == task.id


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b"\xff\xfe", b'{"tasks": []'])
async def test_a_broken_document_gives_way_to_its_backup_and_never_replaces_it(
    broken: bytes, tmp_path: Path
) -> None:
    place, backup = tmp_path / "c.json", tmp_path / "c.json.backup"
    place.write_bytes(broken)
    backup.write_bytes(document(["a"], LATER))
    kept = backup.read_bytes()
    with spied_store(tmp_path) as store:
        async with AsyncIOManager() as io:
            checkpoint = manager(io, store, place)
            said = await checkpoint.load()
            assert "went on from its backup" in said[0]
            await checkpoint.write()
            assert backup.read_bytes() == kept
            written = place.read_bytes()
            await begin(store, "b", LATER + 2)
            await checkpoint.write()
    assert texts(place) == ["a", "b"]
    assert backup.read_bytes() == written


async def test_a_document_that_is_missing_is_taken_from_its_backup(tmp_path: Path) -> None:
    (tmp_path / "c.json.backup").write_bytes(document(["a"], LATER))
    with spied_store(tmp_path) as store:
        async with AsyncIOManager() as io:
            said = await manager(io, store, tmp_path / "c.json").load()
    assert len(said) == 2
    assert "it is missing" in said[0]


async def test_two_broken_documents_are_said_so_and_the_store_goes_on(tmp_path: Path) -> None:
    place = tmp_path / "c.json"
    place.write_bytes(b"{")
    (tmp_path / "c.json.backup").write_bytes(b"}")
    with spied_store(tmp_path) as store:
        async with AsyncIOManager() as io:
            checkpoint = manager(io, store, place)
            (said,) = await checkpoint.load()
            assert "went on without it" in said
            await begin(store, "a")
            await checkpoint.write()
    assert texts(place) == ["a"]
    assert (tmp_path / "c.json.backup").read_bytes() == b"}"


async def test_a_document_at_another_place_is_found_and_left_there(tmp_path: Path) -> None:
    place, other = tmp_path / "new.json", tmp_path / "old.json"
    other.write_bytes(document(["a"], LATER))
    with spied_store(tmp_path) as store:
        async with AsyncIOManager() as io:
            checkpoint = manager(io, store, place, other)
            assert checkpoint.path == place
            (said,) = await checkpoint.load()
            assert str(other) in said
            await checkpoint.write()
    assert texts(place) == texts(other) == ["a"]


async def test_many_changes_are_written_together_and_the_last_one_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "c.json"
    pauses: list[float] = []
    go_on = rt.Event()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await go_on.wait()

    monkeypatch.setattr(rt, "sleep", pause)
    with spied_store(tmp_path) as store:
        async with AsyncIOManager() as io:
            checkpoint = manager(io, store, place)
            async with rt.TaskGroup() as group:
                group.start_soon(checkpoint.run)
                checkpoint.touch()
                await rt.run_blocking(wait_until, lambda: pauses)
                await begin(store, "a")
                for _ in range(100):
                    checkpoint.touch()
                written = store.calls.count("last_change")
                go_on.set()
                await rt.run_blocking(wait_until, lambda: texts(place) == ["a"])
                assert store.calls.count("last_change") == written + 1
                group.cancel()
