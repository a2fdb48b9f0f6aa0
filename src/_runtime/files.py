"""Whole-file operations, each one plain function.

A thread hop costs more than most of these do, so an operation is never split
over several hops: both runtimes run each of them in one piece.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import signal
import stat
from collections.abc import Callable
from functools import partial
from io import FileIO
from pathlib import Path
from typing import IO, NamedTuple, TypeVar

from ..core.report import Signature

R = TypeVar("R")

SHORT = 1 << 16
"""Bytes that are copied from memory in less time than it takes to have a thread do it."""


class Snapshot(NamedTuple):
    """A file's bytes between two looks at it.

    The bytes are whole only if both signatures agree and ``being_written``
    is false.
    """

    before: Signature
    data: bytes
    after: Signature
    being_written: bool


def signature(path: str | os.PathLike[str]) -> Signature | None:
    """The signature of ``path``, or None where there is no such file."""
    try:
        return _signature(os.stat(path))  # noqa: PTH116 - one call, no object
    except (FileNotFoundError, NotADirectoryError):
        return None


def signatures(paths: list[Path]) -> list[Signature | None]:
    """The signatures of several files."""
    return [signature(path) for path in paths]


def read_bytes(path: Path) -> bytes:
    """The content of ``path``."""
    return path.read_bytes()


def read_or_none(path: Path) -> bytes | None:
    """The content of ``path``, or None where there is no such file."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def snapshot(path: Path, limit: int, *, wait: bool = True) -> Snapshot | None:
    """Up to ``limit`` bytes of ``path``, or all if that is negative, with its
    signature before and after.

    Without ``wait``, what is long or would have to be waited for raises `BlockingIOError`.
    """
    opener, read = (_open_regular, _read) if wait else (_open_unmarked, _read_from_memory)
    try:
        with open(path, "rb", opener=opener) as file:
            before = _signature(os.fstat(file.fileno()))
            data = read(file, before.size, limit)
            return Snapshot(before, data, _signature(path.stat()), _being_written(file.fileno()))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def _read(file: IO[bytes], size: int, limit: int) -> bytes:
    """Up to ``limit`` bytes of a file that just had ``size``, without a buffer of the former."""
    if not size < limit:
        return file.read(limit)
    data = file.read(size + 1)
    return data if len(data) <= size else data + file.read(limit - len(data))


def _read_from_memory(file: IO[bytes], size: int, limit: int) -> bytes:
    """As `_read`, if the system has all of it at hand: preadv2(2), RWF_NOWAIT (Linux)."""
    wanted = size + 1 if size < limit or limit < 0 else limit
    if wanted > SHORT or not hasattr(os, "RWF_NOWAIT"):
        raise BlockingIOError
    buffer = bytearray(wanted)
    try:
        length = os.preadv(file.fileno(), [buffer], 0, os.RWF_NOWAIT)
    except OSError as error:  # also of a file system that cannot tell
        raise BlockingIOError(*error.args) from error
    if length < min(size, wanted):  # the rest has to be fetched, or was cut off meanwhile
        raise BlockingIOError
    return bytes(buffer[:length])


class Look(NamedTuple):
    """A file's signature, None where there is none, and what was read of it, if anything."""

    signature: Signature | None
    snapshot: Snapshot | None


def look(
    paths: list[Path], limit: int, wanted: Callable[[Path, Signature], bool], *, wait: bool = True
) -> list[Look]:
    """Look at several files, and read up to ``limit`` bytes of those that are ``wanted``.

    What cannot be read for now, for somebody is still at it, has no snapshot.  Without
    ``wait``, what is long or would have to be waited for raises `BlockingIOError`.
    """
    return [_look(path, limit, wanted, wait) for path in paths]


def _look(path: Path, limit: int, wanted: Callable[[Path, Signature], bool], wait: bool) -> Look:
    now, seen = signature(path), None
    if now is not None and wanted(path, now):
        try:
            seen = snapshot(path, limit, wait=wait)
        except OSError as error:
            if not wait and isinstance(error, BlockingIOError):
                raise
    return Look(now, None if seen is None or seen.being_written else seen)


def _open_regular(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a pipe would block
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise FileNotFoundError(errno.ENOENT, "not a file", path)


def _open_unmarked(path: str, flags: int) -> int:
    """Without a note of when it was read, which may have to wait for the file system's journal."""
    try:
        return _open_regular(path, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError as error:  # open(2): only of one's own files
        raise BlockingIOError(*error.args) from error


def write_atomic(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data`` so that a reader sees the old or the new whole.

    The bytes are on disk before the name changes hands, and the change of the
    name is on disk before the function returns.  The file keeps its
    permissions, and its owner where that is allowed; a symbolic link keeps
    pointing at the file that is replaced.  A directory that somebody has taken
    away is made again.
    """
    target = Path(os.path.realpath(path))
    _in_its_directory(target, lambda: _replace(target, data, lambda: True))


def _in_its_directory(path: Path, write: Callable[[], R]) -> R:
    """What ``write`` returns, once more if the directory of ``path`` went away.

    Agents do that: ``git clean`` and ``git stash -u`` take everything that is
    not under version control.
    """
    try:
        return write()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return write()


def edit(path: Path, change: Callable[[bytes], bytes], patience: int = 50) -> bool:
    """Replace ``path`` by what ``change`` makes of it; whether anything changed.

    If somebody else writes the file meanwhile, ``change`` is asked again with
    the newer content, ``patience`` times at most.  Raises `OSError`, and
    whatever ``change`` raises.
    """
    target = Path(os.path.realpath(path))
    for _ in range(patience):
        before = signature(target)
        data = target.read_bytes()
        changed = change(data)
        if changed == data:
            return False
        try:
            if _replace(target, changed, partial(_unchanged, target, before)):
                return True
        except FileNotFoundError:  # cleaned away, the temporary file too
            continue
    raise OSError(f"{path} is written so often that it could not be changed; try again later")


def _unchanged(target: Path, before: Signature | None) -> bool:
    return signature(target) == before


def _replace(target: Path, data: bytes, still_wanted: Callable[[], bool]) -> bool:
    temporary = target.with_name(f".{target.name[:40]}.{secrets.token_hex(6)}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
    handle = os.open(temporary, flags, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            with contextlib.suppress(FileNotFoundError, AttributeError):
                _take_after(handle, target.stat())
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if not still_wanted():
            temporary.unlink()
            return False
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_directory(target.parent)
    return True


def _take_after(handle: int, status: os.stat_result) -> None:
    with contextlib.suppress(PermissionError):  # before the mode, for it clears bits of that
        os.fchown(handle, status.st_uid, status.st_gid)
    os.fchmod(handle, status.st_mode & 0o7777)


def append(path: Path, data: bytes) -> None:
    """Append ``data`` to ``path`` in one write; a missing directory is made."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    descriptor = open_in_its_directory(path, flags)
    try:
        write_all(descriptor, data)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of ``data``."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def open_append(path: Path) -> FileIO:
    """Open ``path`` for appending, unbuffered; a missing directory is made."""
    return FileIO(path, "ab", opener=open_in_its_directory)


def open_in_its_directory(path: str | Path, flags: int) -> int:
    """An ``opener`` for `open` that makes the directory if it is missing."""
    return _in_its_directory(Path(path), lambda: os.open(path, flags, 0o666))


def make_directories(paths: list[Path]) -> None:
    """Create directories and their parents where they are missing."""
    for path in paths:
        path.mkdir(parents=True, exist_ok=True)


def remove(paths: list[Path]) -> None:
    """Delete files; those that are already gone do not matter."""
    for path in paths:
        path.unlink(missing_ok=True)


def _signature(status: os.stat_result) -> Signature:
    return Signature(status.st_mtime_ns, status.st_size, status.st_ino)


def _sync_directory(directory: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _being_written(descriptor: int) -> bool:
    """Whether some process has the file open for writing (Linux, own files).

    A read lease is granted only while nobody has: fcntl(2), F_SETLEASE.  Whoever
    opens the file in that moment has a signal sent to this process, by default
    one that ends it; SIGURG is one that nobody notices.
    """
    try:
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except (ImportError, AttributeError):
        return False
    except BlockingIOError:
        return True
    except OSError:  # not the owner, or a file system without leases
        return False
    return False
