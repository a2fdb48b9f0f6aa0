"""The managers of files and locks."""

from __future__ import annotations

from pathlib import Path

import pytest

from codeagent._async.io import AsyncIOManager
from codeagent._async.locks import AsyncLockManager
from codeagent._async.status import AsyncStatusManager
from codeagent._runtime import async_runtime as rt
from tests.support.world import Clock

from .helpers import forever, until


async def test_the_holders_of_one_name_take_turns_and_others_do_not_wait() -> None:
    locks = AsyncLockManager()
    order: list[str] = []
    leave = rt.Event()

    async def hold(name: str, label: str) -> None:
        async with locks.hold(name):
            order.append(label)
            if label == "first":
                await leave.wait()

    async with rt.TaskGroup() as group:
        first = group.start_soon(hold, "a", "first")
        await until(lambda: order == ["first"])
        second = group.start_soon(hold, "a", "second")
        await group.start_soon(hold, "b", "other").wait()
        assert (order, set(locks.held())) == (["first", "other"], {"a"})
        leave.set()
        await first.wait()
        await second.wait()
    assert order == ["first", "other", "second"]
    assert locks.held() == frozenset()


async def test_who_gives_up_waiting_or_fails_leaves_no_lock_behind() -> None:
    locks = AsyncLockManager()
    with pytest.raises(ValueError, match="odd"):
        async with locks.hold("a"):
            async with rt.CancelScope(0.01) as scope, rt.TaskGroup() as group:
                group.start_soon(_hold_for_ever, locks, "a")
                await forever()
            assert scope.ended_early
            raise ValueError("odd")
    assert locks.held() == frozenset()


async def _hold_for_ever(locks: AsyncLockManager, name: str) -> None:
    async with locks.hold(name):
        await forever()


async def test_every_append_and_edit_of_many_writers_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "counter"
    file.write_bytes(b"0")
    log = tmp_path / "deep" / "log"

    async with AsyncIOManager() as io:
        await io.make_directories([log.parent, log.parent])

        async def count(_: int) -> None:
            await io.edit(file, lambda data: str(int(data) + 1).encode())
            await io.append(log, "line\n")

        await rt.map_concurrently(count, range(60), limit=20)
        assert await io.read(file) == b"60"
        assert await io.read(log) == b"line\n" * 60
        await io.remove([log, log])
        assert await io.read(log) is None
        assert await io.read(file / "below") is None


async def test_an_edit_that_changes_nothing_or_fails_leaves_the_file_as_it_is(
    tmp_path: Path,
) -> None:
    file = tmp_path / "list"
    file.write_bytes(b"\xef\xbb\xbfa\r\nb")
    before = file.stat()

    def refuse(data: bytes) -> bytes:
        raise ValueError(data.decode("utf-8-sig"))

    async with AsyncIOManager() as io:
        assert not await io.edit(file, lambda data: data)
        with pytest.raises(ValueError, match="a\r\nb"):
            await io.edit(file, refuse)
        with pytest.raises(FileNotFoundError):
            await io.edit(tmp_path / "nothing", lambda data: data)
    after = file.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert [path.name for path in tmp_path.iterdir()] == ["list"]


async def test_what_no_encoding_takes_is_appended_with_a_mark(tmp_path: Path) -> None:
    async with AsyncIOManager() as io:
        await io.append(tmp_path / "log", "a\ud800b\n")
    assert (tmp_path / "log").read_bytes() == b"a?b\n"


async def test_the_status_file_is_made_once_and_then_only_grows(tmp_path: Path) -> None:
    file = tmp_path / "status.md"
    async with AsyncIOManager() as io:
        status = AsyncStatusManager(io, file, clock=Clock())
        await status.open()
        heading = file.read_text("utf-8")
        await status.append("one\n")
        file.write_text(f"{file.read_text('utf-8')}a person's remark\n", "utf-8")
        await status.open()
        await status.append("two\n")
    assert heading.strip()
    assert file.read_text("utf-8") == f"{heading}one\na person's remark\ntwo\n"


async def test_a_directory_that_was_cleaned_away_is_made_again(tmp_path: Path) -> None:
    place = tmp_path / "a" / "b"
    async with AsyncIOManager() as io:
        await io.write(place / "whole", b"1")
        await io.append(place / "c" / "log", "2")
        async with await rt.open_append(place / "d" / "raw") as raw:
            await raw.write(b"3")
    assert (place / "whole").read_bytes() == b"1"
    assert (place / "c" / "log").read_bytes() == b"2"
    assert (place / "d" / "raw").read_bytes() == b"3"


async def test_an_edit_survives_that_its_temporary_file_is_cleaned_away(tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_bytes(b"old")
    cleaned: list[str] = []

    def replace(source: Path, target: Path) -> Path:
        if not cleaned:
            cleaned.append(source.name)
            source.unlink()
        return rename(source, target)

    rename = Path.replace
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        async with AsyncIOManager() as io:
            assert await io.edit(file, lambda data: data + b", new")
    assert file.read_bytes() == b"old, new"
    assert cleaned
