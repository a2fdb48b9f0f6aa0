"""Files, processes, file watching and signals on threads. Twin: ``async_io``."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, ParamSpec, TypeVar

from ..core.report import Signature
from . import children, files
from .inotify import Subscription, WatchTable, WatchUnavailable
from .sync_scope import Cancelled, Scope, current_scope, entered

R = TypeVar("R")
P = ParamSpec("P")

POLL = 0.25
"""Seconds between two looks at a file where the system cannot watch files."""


def run_blocking(fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a short blocking function beside the others.

    A cancelled caller hears of it when the function has ended, for it cannot
    be stopped and what it does must not surprise those who come after.
    """
    result = fn(*args, **kwargs)
    current_scope().check()
    return result


def read_bytes(path: Path) -> bytes:
    """The content of ``path``."""
    return run_blocking(files.read_bytes, path)


def write_atomic(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data`` as a whole; see `files.write_atomic`."""
    run_blocking(files.write_atomic, path, data)


def append(path: Path, data: bytes) -> None:
    """Append ``data`` to ``path`` in one write."""
    run_blocking(files.append, path, data)


class AppendFile:
    """A file that grows while something runs, such as an agent's raw output."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, data: bytes) -> None:
        """Append ``data``; it has left this process when the call returns."""
        self._file.write(data)

    def __enter__(self) -> AppendFile:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()


def open_append(path: Path) -> AppendFile:
    """Open ``path`` for appending, unbuffered."""
    return AppendFile(path.open("ab", buffering=0))


class ByteStream:
    """One output of a child: chunks as they come, read one at a time."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe

    def read(self) -> bytes:
        """The bytes that have come since the last read; b"" at the end of the stream."""
        descriptor = self._pipe.fileno()
        while True:
            try:
                data = os.read(descriptor, children.CHUNK)
            except BlockingIOError:
                current_scope().wait_readable(descriptor)
            else:
                current_scope().check()
                return data

    def __iter__(self) -> Iterator[bytes]:
        while data := self.read():
            yield data

    def close(self) -> None:
        """Read no more; the writer gets a broken pipe."""
        self._pipe.close()


class Process:
    """A child process and all that it starts, ended together at the latest
    when the block is left."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        assert popen.stdout is not None  # noqa: S101 - `spawn` asked for both
        assert popen.stderr is not None  # noqa: S101
        self._popen = popen
        self._watched: int | None = None
        self._exited = threading.Event()
        self.pid = popen.pid
        self.started = children.identity(popen.pid)
        self.stdout = ByteStream(popen.stdout)
        self.stderr = ByteStream(popen.stderr)

    def __enter__(self) -> Process:
        try:
            self._watched = os.pidfd_open(self.pid)
        except (AttributeError, OSError):
            self._watched, writer = os.pipe()
            threading.Thread(target=self._wait_without_pidfd, args=(writer,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        children.signal_group(self.pid, signal.SIGKILL)
        with entered(Scope(None)):
            self.wait()
        self.stdout.close()
        self.stderr.close()
        if self._watched is not None:
            os.close(self._watched)
            self._watched = None
        self._popen.wait()

    def wait(self) -> int:
        """Its exit code; negative for the signal that ended it."""
        assert self._watched is not None  # noqa: S101 - the block is entered
        if (code := children.exit_status(self.pid)) is None:
            current_scope().wait_readable(self._watched)
            code = children.exit_status(self.pid)
        current_scope().check()
        return -signal.SIGKILL if code is None else code

    def signal(self, signum: int) -> None:
        """Send ``signum`` to the whole process group."""
        children.signal_group(self.pid, signum)

    def _wait_without_pidfd(self, writer: int) -> None:
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        os.close(writer)


def open_process(
    argv: Sequence[str],
    *,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
) -> Process:
    """Start a child; use the result as a block. See `children.spawn`."""
    current_scope().check()
    return Process(children.spawn(argv, cwd=cwd, env=env, stdin=stdin))


class FileWatcher:
    """Watches files for all who wait, on one descriptor."""

    def __init__(self) -> None:
        self._table: WatchTable | None = None
        self._scope = Scope(None)
        self._thread: threading.Thread | None = None

    def __enter__(self) -> FileWatcher:
        with contextlib.suppress(WatchUnavailable):
            self._table = WatchTable()
            self._thread = threading.Thread(
                target=self._pump, args=(self._table,), name="file-watcher", daemon=True
            )
            self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._scope.cancel()
        if self._thread is not None:
            self._thread.join()
        if self._table is not None:
            self._table.close()

    def _pump(self, table: WatchTable) -> None:
        with entered(self._scope), contextlib.suppress(Cancelled):
            while True:
                self._scope.wait_readable(table.descriptor)
                table.dispatch()

    @property
    def watching(self) -> bool:
        """Whether the system tells of changes; otherwise they are looked for."""
        return self._table is not None

    def watch(self, paths: Iterable[Path]) -> Watch:
        """Wait for changes of ``paths``; their directories may be missing yet."""
        return Watch(self._table, paths)


class Watch:
    """The changes of some files, from the moment the block is entered."""

    def __init__(self, table: WatchTable | None, paths: Iterable[Path]) -> None:
        self._table = table
        self._condition = threading.Condition()
        self._woken = False
        self._subscription = Subscription(paths, self._wake)
        self._seen: list[Signature | None] = []

    def __enter__(self) -> Watch:
        if self._table is not None:
            try:
                self._table.subscribe(self._subscription)
            except WatchUnavailable:
                self._table = None
        if self._table is None:
            self._seen = files.signatures(sorted(self._subscription.paths))
        return self

    def __exit__(self, *exc: object) -> None:
        if self._table is not None:
            self._table.unsubscribe(self._subscription)

    def changed(self) -> frozenset[Path]:
        """Wait until some of the files were written, replaced or deleted."""
        if self._table is None:
            return self._polled()
        with self._condition:
            current_scope().wait(self._condition, lambda: self._woken)
        return self.take()

    def take(self) -> frozenset[Path]:
        """The changes since the last call, perhaps none; does not wait."""
        with self._condition:
            self._woken = False
        changed: set[Path] = set()
        while self._subscription.changed:
            with contextlib.suppress(KeyError):
                changed.add(self._subscription.changed.pop())
        return frozenset(changed)

    def _wake(self) -> None:
        with self._condition:
            self._woken = True
            self._condition.notify_all()

    def _polled(self) -> frozenset[Path]:
        paths = sorted(self._subscription.paths)
        pause = threading.Condition()
        while True:
            now = files.signatures(paths)
            changed = {p for p, a, b in zip(paths, self._seen, now, strict=True) if a != b}
            self._seen = now
            if changed:
                return frozenset(changed)
            with pause:
                current_scope().wait(pause, lambda: False, time.monotonic() + POLL)


class Signals:
    """The signals that arrive while the block runs, instead of their usual effect."""

    def __init__(self, *signums: int) -> None:
        self._signums = signums
        self._before: dict[int, object] = {}
        self._reader, self._writer = -1, -1

    def __enter__(self) -> Signals:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        for signum in self._signums:
            with contextlib.suppress(ValueError):  # not in the main thread
                self._before[signum] = signal.signal(signum, self._note)
        return self

    def __exit__(self, *exc: object) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)  # type: ignore[arg-type]
        os.close(self._reader)
        os.close(self._writer)

    def _note(self, signum: int, frame: object) -> None:
        with contextlib.suppress(OSError):  # no locks here: they may be held already
            os.write(self._writer, bytes([signum]))

    def wait(self) -> int:
        """The next signal. Never returns outside the main thread."""
        current_scope().wait_readable(self._reader)
        return os.read(self._reader, 1)[0]
