"""Waiting for files."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from codeagent._runtime import async_runtime as rt
from codeagent._runtime import files, inotify
from codeagent.core.report import Signature

from .helpers import until


@pytest.fixture(params=["told", "looked for"])
def how(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether the system tells of changes or they have to be looked for."""
    if request.param == "looked for":
        monkeypatch.setattr(inotify, "POLL", 0.002)

        def refuse(self: inotify.WatchTable) -> None:
            raise inotify.WatchUnavailable(24, "no inotify instance is left")

        monkeypatch.setattr(inotify.WatchTable, "__init__", refuse)
    return str(request.param)


def write(path: Path) -> None:
    path.write_bytes(b"written")


def replace(path: Path) -> None:
    files.write_atomic(path, b"replaced")


def rewrite(path: Path) -> None:
    path.write_bytes(b"before")
    with path.open("r+b") as file:
        file.write(b"rewritten in place")


def append(path: Path) -> None:
    files.append(path, b"more")


def move_in(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"moved")
    other.rename(path)


CHANGES = [write, replace, rewrite, append, move_in]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
async def test_a_new_file_is_seen(how: str, change: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "report"
    async with rt.FileWatcher() as watcher, watcher.watch([path]) as watch:
        assert watcher.watching == (how == "told")
        change(path)
        assert await watch.changed() == {path}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
async def test_a_change_of_a_file_is_seen(
    how: str, change: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "report"
    path.write_bytes(b"old")
    async with rt.FileWatcher() as watcher, watcher.watch([path]) as watch:
        assert watch.take() == frozenset()
        change(path)
        assert await watch.changed() == {path}


async def test_a_deleted_file_is_seen(how: str, tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.touch()
    async with rt.FileWatcher() as watcher, watcher.watch([path]) as watch:
        path.unlink()
        assert await watch.changed() == {path}


async def test_a_file_that_is_moved_away_is_seen(how: str, tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.touch()
    async with rt.FileWatcher() as watcher, watcher.watch([path]) as watch:
        path.rename(tmp_path / "elsewhere")
        assert await watch.changed() == {path}


async def test_other_files_do_not_count(how: str, tmp_path: Path) -> None:
    path = tmp_path / "report"
    async with rt.FileWatcher() as watcher, watcher.watch([path]) as watch:
        (tmp_path / "other").write_bytes(b"")
        async with rt.CancelScope(0.02) as scope:
            await watch.changed()
        assert scope.ended_early
        assert watch.take() == frozenset()


async def test_a_file_in_a_directory_that_appears_later_is_seen(how: str, tmp_path: Path) -> None:
    path = tmp_path / "docs" / "results" / "report"
    async with rt.FileWatcher() as watcher, watcher.watch([path]) as watch:
        (tmp_path / "docs").mkdir()
        path.parent.mkdir()
        path.write_bytes(b"")
        assert await watch.changed() == {path}


async def test_a_file_in_a_directory_that_is_moved_into_place_is_seen(
    how: str, tmp_path: Path
) -> None:
    path = tmp_path / "docs" / "results" / "report"
    (tmp_path / "new" / "results").mkdir(parents=True)
    (tmp_path / "new" / "results" / "report").touch()
    async with rt.FileWatcher() as watcher, watcher.watch([path]) as watch:
        (tmp_path / "new").rename(tmp_path / "docs")
        assert await watch.changed() == {path}
        path.write_bytes(b"again")
        assert await watch.changed() == {path}


async def test_a_directory_that_is_deleted_and_made_again_is_still_watched(
    how: str, tmp_path: Path
) -> None:
    path = tmp_path / "docs" / "report"
    path.parent.mkdir()
    path.touch()
    async with rt.FileWatcher() as watcher, watcher.watch([path]) as watch:
        for _ in range(3):
            shutil.rmtree(path.parent)
            assert await watch.changed() == {path}
            path.parent.mkdir()
            path.write_bytes(b"again")
            assert await watch.changed() == {path}
            async with rt.CancelScope(0.01):  # making it took several steps
                while True:
                    await watch.changed()


async def test_a_directory_reached_by_two_names_is_watched_under_both(
    how: str, tmp_path: Path
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    one, other = tmp_path / "real" / "report", tmp_path / "link" / "report"
    async with rt.FileWatcher() as watcher, watcher.watch([one]) as first:
        async with watcher.watch([other]) as second:
            write(one)
            assert await first.changed() == {one}
            assert await second.changed() == {other}
        replace(other)
        assert await first.changed() == {one}


async def test_several_wait_for_one_file(how: str, tmp_path: Path) -> None:
    path = tmp_path / "report"

    async def wait(watcher: rt.FileWatcher, ready: rt.Event) -> frozenset[Path]:
        async with watcher.watch([path, tmp_path / "other"]) as watch:
            ready.set()
            return await watch.changed()

    async with rt.FileWatcher() as watcher, rt.TaskGroup() as group:
        tasks = []
        for _ in range(5):
            ready = rt.Event()
            tasks.append(group.start_soon(wait, watcher, ready))
            await ready.wait()
        write(path)
        assert [await task.wait() for task in tasks] == [{path}] * 5


async def test_changes_are_collected_until_they_are_taken(how: str, tmp_path: Path) -> None:
    paths = [tmp_path / "a", tmp_path / "b", tmp_path / "c"]
    async with rt.FileWatcher() as watcher, watcher.watch(paths) as watch:
        write(paths[0])
        write(paths[2])
        seen: set[Path] = set()
        while len(seen) < 2:
            seen |= await watch.changed()
        assert seen == {paths[0], paths[2]}
        assert watch.take() == frozenset()
        write(paths[1])
        taken: set[Path] = set()

        def took() -> bool:
            taken.update(watch.take())
            return bool(taken)

        await until(took)
        assert taken == {paths[1]}


async def test_what_happened_before_does_not_count(how: str, tmp_path: Path) -> None:
    path = tmp_path / "report"
    async with rt.FileWatcher() as watcher:
        write(path)
        async with watcher.watch([path]) as watch:
            async with rt.CancelScope(0.01) as scope:
                await watch.changed()
            assert scope.ended_early


async def test_one_descriptor_serves_all_who_wait(tmp_path: Path) -> None:
    def instances() -> int:
        return [_target(name) for name in Path("/proc/self/fd").iterdir()].count("inotify")

    before = instances()
    async with rt.FileWatcher() as watcher, watcher.watch([tmp_path / "a"]):
        assert instances() == before + 1
        async with watcher.watch([tmp_path / "b"]), watcher.watch([tmp_path / "deep" / "c"]):
            assert instances() == before + 1
    assert instances() == before


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink()).removeprefix("anon_inode:")
    except OSError:  # other threads open and close some all the time
        return ""


async def test_directories_that_nobody_waits_for_are_watched_no_more(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()

    def watches() -> int:
        found = [Path(f"/proc/self/fdinfo/{name.name}") for name in Path("/proc/self/fd").iterdir()]
        texts = [info.read_text() for info in found if info.exists()]
        return sum(text.count("inotify wd:") for text in texts)

    async with rt.FileWatcher() as watcher:
        assert watches() == 0
        async with watcher.watch([tmp_path / "one" / "a", tmp_path / "two" / "b"]):
            assert watches() == 2
            async with watcher.watch([tmp_path / "one" / "c"]):
                assert watches() == 2
            assert watches() == 2
        assert watches() == 0
        async with watcher.watch([tmp_path / "missing" / "deep" / "d"]):
            assert watches() == 1
            (tmp_path / "missing" / "deep").mkdir(parents=True)
            await until(lambda: watches() >= 2)
        assert watches() == 0


async def test_files_are_looked_for_where_the_system_refuses_another_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inotify, "POLL", 0.002)
    path = tmp_path / "report"

    def refuse(self: inotify.WatchTable, directory: Path) -> None:
        raise inotify.WatchUnavailable(28, "no watch is left")

    async with rt.FileWatcher() as watcher:
        monkeypatch.setattr(inotify.WatchTable, "_arm", refuse)
        async with watcher.watch([path]) as watch:
            write(path)
            assert await watch.changed() == {path}


async def test_files_are_looked_for_when_the_system_refuses_it_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inotify, "POLL", 0.002)
    path = tmp_path / "docs" / "report"

    def refuse(self: inotify.WatchTable, directory: Path) -> None:
        raise inotify.WatchUnavailable(28, "no watch is left")

    async with rt.FileWatcher() as watcher, watcher.watch([path]) as watch:
        monkeypatch.setattr(inotify.WatchTable, "_arm", refuse)
        path.parent.mkdir()
        write(path)
        assert await watch.changed() == {path}


async def test_who_still_waits_when_the_watcher_ends_looks_for_himself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inotify, "POLL", 0.002)
    path = tmp_path / "report"
    async with rt.TaskGroup() as group:
        async with rt.FileWatcher() as watcher:
            watch = await watcher.watch([path]).__aenter__()
            task = group.start_soon(watch.changed)
        write(path)
        assert await task.wait() == {path}
        await watch.__aexit__(None, None, None)


async def test_after_lost_records_everything_may_have_changed(tmp_path: Path) -> None:
    paths = {tmp_path / "a", tmp_path / "docs" / "b"}
    async with rt.FileWatcher() as watcher, watcher.watch(paths) as watch:
        limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
        table = watcher._table
        assert table is not None
        with table._lock:
            for number in range(limit + 10):  # no two neighbours alike, or they are merged
                os.close(os.open(tmp_path / f"f{number % 7}", os.O_WRONLY | os.O_CREAT))
            (tmp_path / "docs").mkdir()
            table.dispatch()
        assert await watch.changed() == paths
        write(tmp_path / "docs" / "b")
        assert await watch.changed() == {tmp_path / "docs" / "b"}


async def test_a_system_without_inotify_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    async with rt.FileWatcher() as watcher:
        assert not watcher.watching


async def test_a_watch_knows_what_was_there_when_it_began(tmp_path: Path, how: str) -> None:
    there, absent = tmp_path / "there", tmp_path / "a" / "b" / "absent"
    write(there)
    async with rt.FileWatcher() as watcher, watcher.watch([there, absent]) as watch:
        known = files.signature(there)
        append(there)
        write(tmp_path / "another")
        assert watch.before == {there: known}
        assert watch.missing() == [absent.parent]


async def test_a_file_that_changes_all_the_time_leaves_time_to_others(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report"
    ran = rt.Event()

    async def other() -> None:
        ran.set()

    async with rt.FileWatcher() as watcher, watcher.watch([path]) as watch, rt.TaskGroup() as group:
        states = (Signature(number, 0, 0) for number in count())
        monkeypatch.setattr(files, "signatures", lambda paths: [next(states) for _ in paths])
        group.start_soon(other)
        if how == "told":
            await rt.run_blocking(path.touch)
        assert await watch.changed() == {path}
        assert ran.is_set()
