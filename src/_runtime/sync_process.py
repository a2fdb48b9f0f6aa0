"""Child processes on threads. Twin: ``async_process``."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import IO

from . import children
from .sync_scope import Cancelled, Scope, current_scope, entered


class ByteStream:
    """One output of a child: chunks as they come, read by one task at a time.

    What nobody reads stays in the pipe, which holds the child up when it is full.
    """

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._lock = threading.RLock()
        self._reading: Scope | None = None

    def read(self) -> bytes:
        """The bytes that have come since the last read; b"" at the end of the stream."""
        if self._reading is not None:
            raise RuntimeError("another task reads this output")
        outer = current_scope()
        outer.check()
        self._reading = scope = Scope(outer)  # `close` ends it
        try:
            while (data := self._read_now()) is None:
                scope.wait_readable(self._pipe.fileno())
            return data
        except (Cancelled, ValueError):  # the latter: the pipe was closed meanwhile
            outer.check()
            return b""
        finally:
            self._reading = None
            scope.close()

    def _read_now(self) -> bytes | None:
        with self._lock:  # once closed, the descriptor's number may be another file's
            if self._pipe.closed:
                return b""
            try:
                return os.read(self._pipe.fileno(), children.CHUNK)
            except BlockingIOError:
                return None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if data := self.read():
            return data
        raise StopIteration

    def close(self) -> None:
        """Read no more; the writer gets a broken pipe, a reader the end of the stream."""
        with self._lock:
            self._pipe.close()
        if (scope := self._reading) is not None:
            scope.cancel()


class Process:
    """A child process and all that it starts, ended together at the latest
    when the block is left.

    ``started`` tells it from a later process with the same ``pid``; see
    `identity`.
    """

    def __init__(self, popen: subprocess.Popen[bytes], started: str) -> None:
        assert popen.stdout is not None  # noqa: S101 - `spawn` asked for both
        assert popen.stderr is not None  # noqa: S101
        self._popen = popen
        self._lock = threading.RLock()
        self._exit_code: int | None = None
        self._watched = -1
        self._reaped = False
        self.pid = popen.pid
        self.started = started
        self.stdout = ByteStream(popen.stdout)
        self.stderr = ByteStream(popen.stderr)

    def __enter__(self) -> Process:
        try:
            self._watch_exit()
        except BaseException:
            children.discard(self._popen)
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.signal(signal.SIGKILL)
        with entered(Scope(None)):
            self.wait()
        self.stdout.close()
        self.stderr.close()
        with self._lock:
            self._reaped = True
            self._popen.wait()
            os.close(self._watched)

    def wait(self) -> int:
        """Its exit code; negative for the signal that ended it."""
        scope = current_scope()
        while True:
            scope.check()
            with self._lock:
                if self._exit_code is None:
                    self._exit_code = children.exit_status(self.pid)
                if self._exit_code is not None:
                    return self._exit_code
                watched = os.dup(self._watched)  # the block may be left before this wait
            try:
                scope.wait_readable(watched)
            finally:
                os.close(watched)

    def signal(self, signum: int) -> None:
        """Send ``signum`` to the whole process group."""
        with self._lock:
            if not self._reaped:  # afterwards the number may be somebody else's
                children.signal_group(self.pid, signum)

    def _watch_exit(self) -> None:
        try:
            self._watched = os.pidfd_open(self.pid)
        except (AttributeError, OSError):  # not Linux, or out of descriptors
            self._watched, writer = os.pipe()
            threading.Thread(target=self._wait_beside, args=(writer,), daemon=True).start()

    def _wait_beside(self, writer: int) -> None:
        children.wait_unreaped(self.pid)
        os.close(writer)


def open_process(
    argv: Sequence[str],
    *,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    spawned: Callable[[int, str], object] | None = None,
) -> Process:
    """Start a child; use the result as a block. See `children.spawn`.

    ``spawned`` is told of its id and `identity` as soon as it is there, on
    whichever thread that is.
    """
    current_scope().check()
    return Process(*children.begin(argv, cwd=cwd, env=env, stdin=stdin, spawned=spawned))
