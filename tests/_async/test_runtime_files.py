"""Files through the runtime."""

from __future__ import annotations

from pathlib import Path

import pytest

from codeagent._runtime import async_runtime as rt
from codeagent._runtime import files

from .helpers import until


async def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    await rt.write_atomic(path, b"one\r\ntwo\0")
    assert await rt.read_bytes(path) == b"one\r\ntwo\0"


async def test_reading_a_missing_file_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await rt.read_bytes(tmp_path / "nothing")


async def test_writing_where_no_directory_can_be_raises_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "nowhere").touch()
    with pytest.raises(NotADirectoryError):
        await rt.write_atomic(tmp_path / "nowhere" / "file", b"")
    assert list(tmp_path.iterdir()) == [tmp_path / "nowhere"]


async def test_readers_see_the_old_or_the_new_file_and_nothing_between(tmp_path: Path) -> None:
    path = tmp_path / "file"
    contents = [bytes([letter]) * 200_000 for letter in b"ab"]
    await rt.write_atomic(path, contents[0])
    seen: set[bytes] = set()

    async def read(done: rt.Event) -> None:
        while not done.is_set():
            seen.add(await rt.read_bytes(path))

    async with rt.TaskGroup() as group:
        done = rt.Event()
        group.start_soon(read, done)
        for number in range(20):
            await rt.write_atomic(path, contents[number % 2])
        await until(lambda: seen)
        done.set()
    assert seen <= set(contents)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


async def test_appending_makes_the_file_and_adds_to_it(tmp_path: Path) -> None:
    path = tmp_path / "log"
    await rt.append(path, b"one\n")
    await rt.append(path, b"two\n")
    assert path.read_bytes() == b"one\ntwo\n"


async def test_lines_appended_by_many_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    lines = [f"{number:04}".encode() * 500 + b"\n" for number in range(40)]

    async def write(line: bytes) -> None:
        await rt.append(path, line)

    await rt.map_concurrently(write, lines, limit=8)
    assert sorted(path.read_bytes().splitlines(keepends=True)) == lines


async def test_a_growing_file_shows_each_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "raw"
    async with await rt.open_append(path) as raw:
        await raw.write(b"first ")
        assert path.read_bytes() == b"first "
        await raw.write(b"")
        await raw.write(b"second")
        assert path.read_bytes() == b"first second"
    async with await rt.open_append(path) as raw:
        await raw.write(b"!")
    assert path.read_bytes() == b"first second!"


async def test_a_growing_file_that_cannot_be_opened_raises(tmp_path: Path) -> None:
    (tmp_path / "nowhere").touch()
    with pytest.raises(OSError, match="nowhere"):
        await rt.open_append(tmp_path / "nowhere" / "raw")


async def test_a_plain_operation_runs_beside_the_others(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes(b"one\n")
    assert await rt.run_blocking(files.edit, path, lambda data: data + b"two\n")
    assert path.read_bytes() == b"one\ntwo\n"
