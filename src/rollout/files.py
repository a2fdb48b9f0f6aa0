"""Small files that other processes replace: noticing a change, reading, writing durably."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_SETTLED = 1.0  # seconds; coarser than the time stamps of any file system in use
LARGEST = 16 * 2**20


class Signature(NamedTuple):
    """What changes when a file does, even if its time stamp was set back."""

    changed_ns: int
    modified_ns: int
    size: int
    inode: int
    device: int

    @classmethod
    def of(cls, found: os.stat_result) -> Signature:
        """From the answer of ``stat``."""
        return cls(found.st_ctime_ns, found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev)

    def settled(self) -> bool:
        """Whether a later change is sure to give another signature.

        Two writes within one tick of the file system's clock have the same
        stamps, so a file that has just been written must be read once more.
        """
        return abs(time.time() - self.changed_ns / 1e9) > _SETTLED


def signature(path: Path) -> Signature | None:
    """Of the file that ``path`` leads to, or None if there is none; raises OSError."""
    try:
        return Signature.of(path.stat())
    except FileNotFoundError:
        return None


def read(path: Path) -> tuple[Signature, bytes]:
    """The content, and the signature it had; raises OSError.

    Anything but a regular file of at most 16 MiB is refused, so that a pipe in
    the file's place blocks nobody.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(f"{path} is not a regular file")
        if found.st_size > LARGEST:
            raise OSError(f"{path} has {found.st_size} bytes, more than {LARGEST}")
        return Signature.of(found), file.read(LARGEST)


def write_durably(path: Path, data: bytes) -> None:
    """Replace the content in one step that survives a crash; raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make the names in it survive a crash, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def locked(path: Path, patience: float) -> Iterator[bool]:
    """Hold the lock file ``path`` against other processes; tells whether it is held.

    After ``patience`` seconds the block runs without it: what has to be written
    in an emergency must not wait for a process that hangs.  Where there are no
    advisory locks the answer is always False.
    """
    try:
        import fcntl
    except ImportError:
        yield False
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        until = time.monotonic() + patience
        held = False
        while not held:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                held = True
            except OSError:
                if time.monotonic() >= until:
                    break
                time.sleep(0.005)
        yield held
    finally:
        os.close(descriptor)
