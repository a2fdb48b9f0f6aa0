"""Whole-file operations, which are the same on both paths."""

from __future__ import annotations

import errno
import os
import stat
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from codeagent._runtime import files
from codeagent.core.report import Signature

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


def test_a_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "script"
    path.write_bytes(b"old")
    path.chmod(0o4751)
    files.write_atomic(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o4751
    assert path.read_bytes() == b"new"


def test_a_new_file_has_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    files.write_atomic(tmp_path / "new", b"")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "usual").stat().st_mode


@root_only
def test_a_file_keeps_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "theirs"
    path.write_bytes(b"old")
    os.chown(path, 1234, 2345)
    files.write_atomic(path, b"new")
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 2345)


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    target = tmp_path / "deep" / "target"
    target.write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to("deep/target")
    files.write_atomic(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_link_to_a_missing_file_makes_the_file(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("target")
    files.write_atomic(link, b"new")
    assert link.is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


def test_an_open_reader_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        files.write_atomic(path, b"new and longer")
        assert reader.read() == b"old"


def test_an_error_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        files.write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_directory_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    with pytest.raises(OSError, match="directory"):
        files.write_atomic(tmp_path / "directory", b"new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["directory"]


@pytest.mark.parametrize("letter", ["x", "й", "語", "🎉"])
def test_the_longest_names_can_be_written(tmp_path: Path, letter: str) -> None:
    path = tmp_path / (letter * (255 // len(letter.encode())))
    files.write_atomic(path, b"data")
    files.write_atomic(path, b"more")
    assert path.read_bytes() == b"more"


def test_the_data_is_on_disk_before_the_name_changes_hands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def note_fsync(descriptor: int) -> None:
        steps.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def note_replace(self: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "replace", note_replace)
    files.write_atomic(tmp_path / "file", b"data")
    assert steps == ["file", "rename", "directory"]


def test_an_edit_that_changes_nothing_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes(b"one")
    before = path.stat()
    assert not files.edit(path, lambda data: data)
    assert path.stat() == before


def test_an_edit_starts_from_what_somebody_wrote_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes(b"one\n")
    asked: list[bytes] = []

    def change(data: bytes) -> bytes:
        asked.append(data)
        if len(asked) == 1:
            path.write_bytes(b"one\nby the user\n")
        return data + b"two\n"

    assert files.edit(path, change)
    assert path.read_bytes() == b"one\nby the user\ntwo\n"
    assert asked == [b"one\n", b"one\nby the user\n"]
    assert list(tmp_path.iterdir()) == [path]


def test_an_edit_gives_up_on_a_file_that_never_rests(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes(b"")

    def change(data: bytes) -> bytes:
        path.write_bytes(data + b".")
        return data + b"two\n"

    with pytest.raises(OSError, match="try again"):
        files.edit(path, change, patience=3)
    assert path.read_bytes() == b"..."
    assert list(tmp_path.iterdir()) == [path]


def test_a_snapshot_is_whole_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.write_bytes(b"all of it")
    seen = files.snapshot(path, 1000)
    assert seen is not None
    assert seen.data == b"all of it"
    assert seen.before == seen.after == files.signature(path)
    assert not seen.being_written


def test_a_snapshot_reads_no_more_than_it_may(tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.write_bytes(b"0123456789")
    seen = files.snapshot(path, 4)
    assert seen is not None
    assert seen.data == b"0123"
    assert seen.before.size == 10


def test_a_snapshot_takes_the_memory_of_the_file_and_not_of_what_it_may_be(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1000)
    files.snapshot(path, 1 << 24)
    tracemalloc.start()
    try:
        seen = files.snapshot(path, 1 << 24)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert seen is not None
    assert len(seen.data) == 1000
    assert peak < 1 << 20


@pytest.mark.parametrize("limit", [0, 1, 3, 4, 5, 6, 7, 100, -1])
@pytest.mark.parametrize("size", [0, 3, 6, 9])
def test_what_has_come_or_gone_since_a_file_was_looked_at_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, limit: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abcdef")
    monkeypatch.setattr(files, "_signature", lambda status: Signature(0, size, 0))
    seen = files.snapshot(path, limit)
    assert seen is not None
    assert seen.data == (b"abcdef" if limit < 0 else b"abcdef"[:limit])


def test_a_snapshot_tells_that_somebody_has_the_file_open_for_writing(tmp_path: Path) -> None:
    path = tmp_path / "report"
    with path.open("wb") as writer:
        writer.write(b"half of")
        writer.flush()
        seen = files.snapshot(path, 1000)
        assert seen is not None
        assert seen.being_written
    seen = files.snapshot(path, 1000)
    assert seen is not None
    assert not seen.being_written


@pytest.mark.parametrize(
    ("data", "limit", "seen"),
    [
        (b"all of it", 1000, b"all of it"),
        (b"all of it", -1, b"all of it"),
        (b"all of it", 3, b"all"),
        (b"all of it", 9, b"all of it"),
        (b"all of it", 0, b""),
        (b"", 1000, b""),
        (b"x" * (files.SHORT - 1), 1 << 24, b"x" * (files.SHORT - 1)),
        (b"x" * files.SHORT, 10, b"x" * 10),
    ],
)
def test_what_lies_in_memory_is_read_without_waiting(
    tmp_path: Path, data: bytes, limit: int, seen: bytes
) -> None:
    path = tmp_path / "report"
    path.write_bytes(data)
    try:
        now = files.snapshot(path, limit, wait=False)
    except BlockingIOError as error:
        pytest.skip(f"this file system cannot tell: {error}")
    assert now is not None
    assert now.data == seen
    assert now == files.snapshot(path, limit)


@pytest.mark.parametrize("limit", [1 << 24, -1])
def test_what_is_long_is_not_read_without_waiting(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "report"
    path.write_bytes(b"x" * files.SHORT)
    with pytest.raises(BlockingIOError):
        files.snapshot(path, limit, wait=False)


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="nothing takes it out of memory")
def test_what_has_to_be_fetched_from_the_disk_is_not_read_without_waiting(tmp_path: Path) -> None:
    path = tmp_path / "report"
    with path.open("wb") as file:
        file.write(b"x" * 5000)
        file.flush()
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    try:
        seen = files.look([path], 1 << 20, lambda *_: True, wait=False)
    except BlockingIOError:
        return
    (look,) = seen  # a file system that lives in memory, or keeps what it is told to drop
    assert look.snapshot is not None
    assert look.snapshot.data == b"x" * 5000


@pytest.mark.parametrize("answer", [3, OSError(errno.EOPNOTSUPP, "not here"), BlockingIOError()])
def test_half_of_what_lies_in_memory_is_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: int | OSError
) -> None:
    path = tmp_path / "report"
    path.write_bytes(b"all of it")

    def preadv(*_: Any) -> int:
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(os, "preadv", preadv)
    with pytest.raises(BlockingIOError):
        files.look([path], 1000, lambda *_: True, wait=False)


def test_reading_without_waiting_leaves_no_note_of_it(tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.write_bytes(b"new")
    os.utime(path, ns=(0, path.stat().st_mtime_ns))  # older than the change: relatime notes it
    try:
        files.snapshot(path, 1000, wait=False)
    except BlockingIOError as error:
        pytest.skip(f"this file system cannot tell: {error}")
    assert path.stat().st_atime_ns == 0


def test_a_file_of_somebody_else_is_left_to_those_who_may_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report"
    path.write_bytes(b"theirs")
    opened = os.open

    def refuse(path: str, flags: int) -> int:
        if flags & os.O_NOATIME:
            raise PermissionError(errno.EPERM, "not the owner")
        return opened(path, flags)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(BlockingIOError):
        files.look([path], 1000, lambda *_: True, wait=False)
    (look,) = files.look([path], 1000, lambda *_: True)
    assert look.snapshot is not None


def test_there_is_no_snapshot_of_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", ".", "nothing", "pipe/below"):
        assert files.snapshot(tmp_path / name, 1000) is None
        assert files.snapshot(tmp_path / name, 1000, wait=False) is None


def test_looking_at_a_file_while_it_is_opened_for_writing_harms_nobody(tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.touch()
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            path.write_bytes(b"again and again")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(3000):
            assert files.snapshot(path, 1000) is not None
    finally:
        stop.set()
        writer.join()


def test_signatures_differ_when_the_file_does(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert files.signature(path) is None
    path.write_bytes(b"one")
    first = files.signature(path)
    files.write_atomic(path, b"two")
    assert first is not None
    assert files.signature(path) != first
    assert files.signatures([path, tmp_path / "nothing"]) == [files.signature(path), None]


def test_what_is_missing_reads_as_none(tmp_path: Path) -> None:
    assert files.read_or_none(tmp_path / "nothing") is None
    (tmp_path / "file").write_bytes(b"data")
    assert files.read_or_none(tmp_path / "file") == b"data"
    assert files.read_or_none(tmp_path / "file" / "below") is None


def test_directories_are_made_and_files_removed_whatever_is_there_already(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    files.make_directories([deep, deep, tmp_path / "c"])
    (deep / "file").touch()
    files.remove([deep / "file", deep / "file"])
    assert list(deep.iterdir()) == []
