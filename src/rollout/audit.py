"""The audit trail: every transition at once and durably, operations as they come.

Several processes may write to one trail; a lock file puts their lines in order.
The trail is rotated by size: the old file gets a number, ``audit.jsonl.1`` being
the oldest, and the chain goes on in the new one.  Files moved away by others are
noticed.
"""

from __future__ import annotations

import os
import random
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .chain import REPAIR, START, Verification, digest, link, records, verify
from .files import locked, sync_directory
from .observation import Observation
from .stages import Stage

_PATIENCE = 2.0  # seconds
_TAIL = 1 << 16
_BATCH = 512
_GATHERING = 0.05  # seconds: one write for what comes together


class Audit:
    """Writes and reads a trail.

    ``clock`` gives seconds since the epoch.  Operations at off are sampled with
    ``share``; they are written by a thread, and if more than ``waiting`` wait for
    it, the excess is counted instead.  `close` writes what waits.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float],
        share: float = 0.01,
        largest: int = 64 * 2**20,
        waiting: int = 10_000,
        fields: Mapping[str, Any] | None = None,
        seed: int | None = None,
    ) -> None:
        self.path = path
        self._clock = clock
        self._share = share
        self._largest = largest
        self._waiting = waiting
        self._fields = {"pid": os.getpid(), **(fields or {})}
        self._chance = random.Random(seed)  # noqa: S311 - a sample, no secret
        self._queue: deque[dict[str, Any]] = deque()
        self._lost = 0
        self._trouble = ""
        self._changed = threading.Condition()
        self._writing = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._end: tuple[int, int, str] | None = None  # inode, size and last digest we know

    def transition(self, kind: str, record: Mapping[str, Any]) -> None:
        """Write a change and what it rests on; it is on the disk on return. Raises OSError."""
        self._write([self._complete(kind, record)], durably=True)

    def operation(self, seen: Observation) -> None:
        """Leave the record of an operation to the thread."""
        if seen.decision.stage is Stage.OFF and self._chance.random() >= self._share:
            return
        self.note("operation", seen.to_json())

    def note(self, kind: str, record: Mapping[str, Any]) -> None:
        """Leave any record to the thread."""
        complete = self._complete(kind, record)
        with self._changed:
            if self._closed:
                return
            if len(self._queue) >= self._waiting:
                self._lost += 1
                return
            self._queue.append(complete)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="rollout.audit", daemon=True)
                self._thread.start()
            if len(self._queue) == 1:
                self._changed.notify()

    @property
    def trouble(self) -> str:
        """Why operations could not be written the last time, if so."""
        return self._trouble

    def close(self) -> None:
        """Write what waits, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _complete(self, kind: str, record: Mapping[str, Any]) -> dict[str, Any]:
        return {"at": round(self._clock(), 6), "kind": kind, **self._fields, **record}

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._closed)
                self._changed.wait_for(lambda: self._closed, _GATHERING)
                if not self._queue and not self._lost:
                    return
                batch = [self._queue.popleft() for _ in range(min(_BATCH, len(self._queue)))]
                lost, self._lost = self._lost, 0
            if lost:
                batch.append(self._complete("lost", {"records": lost}))
            try:
                self._write(batch, durably=False)
                self._trouble = ""
            except OSError as error:  # a full disk must not end the thread
                self._trouble = str(error)
                with self._changed:
                    self._lost += lost + sum(r["kind"] != "lost" for r in batch)
                    if self._closed and not self._queue:
                        return

    def _write(self, batch: list[dict[str, Any]], *, durably: bool) -> None:
        lock = self.path.with_name(f".{self.path.name}.lock")
        with self._writing, locked(lock, _PATIENCE):
            self._rotate()
            descriptor = os.open(
                self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
            )
            try:
                inode, size, previous, torn = self._state_of(descriptor)
                lines = []
                if torn:
                    batch = [self._complete(REPAIR, {"torn_bytes": torn}), *batch]
                for record in batch:
                    line = link(record, previous)
                    previous = digest(line)
                    lines.append(line + b"\n")
                data = (b"\n" if torn else b"") + b"".join(lines)
                self._end = None
                _write_all(descriptor, data)
                if durably:
                    os.fsync(descriptor)
                self._end = (inode, size + len(data), previous)
            finally:
                os.close(descriptor)
            if durably and size == 0:
                sync_directory(self.path.parent)

    def _state_of(self, descriptor: int) -> tuple[int, int, str, int]:
        """Inode, size, the digest to link to, and the length of a torn last line."""
        found = os.fstat(descriptor)
        known = self._end
        if known is not None and known[:2] == (found.st_ino, found.st_size):
            return *known, 0
        if found.st_size == 0:
            return found.st_ino, 0, self._last_of_older(), 0
        last, whole = _last_line(descriptor, found.st_size)
        return found.st_ino, found.st_size, digest(last), 0 if whole else len(last)

    def _last_of_older(self) -> str:
        older = rotated(self.path)
        if older:
            descriptor = os.open(older[-1], os.O_RDONLY | os.O_CLOEXEC)
            try:
                found = os.fstat(descriptor)
                if self._end is None or self._end[0] == found.st_ino:
                    return digest(_last_line(descriptor, found.st_size)[0])
            finally:
                os.close(descriptor)
        return START if self._end is None else self._end[2]  # moved away by somebody else

    def _rotate(self) -> None:
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            return
        if size >= self._largest:
            older = rotated(self.path)
            number = 1 + (int(older[-1].name.rpartition(".")[2]) if older else 0)
            self.path.rename(self.path.with_name(f"{self.path.name}.{number}"))

    def files(self) -> list[Path]:
        """The files of the trail, oldest first."""
        return [*rotated(self.path), *([self.path] if self.path.exists() else [])]

    def verify(self) -> Verification:
        """Follow the chain from the beginning; raises OSError."""
        return verify(self.files())

    def read(
        self, *, kind: str | None = None, capability: str | None = None, since: float = 0.0
    ) -> Iterator[dict[str, Any]]:
        """The records wanted, oldest first, without the lines that cannot be read."""
        for record in records(self.files(), kind):
            at = record.get("at")
            if kind is not None and record.get("kind") != kind:
                continue
            if capability is not None and record.get("capability") != capability:
                continue
            if not isinstance(at, int | float) or at < since:
                continue
            yield record


def rotated(path: Path) -> list[Path]:
    """The files that were rotated away, oldest first."""
    pattern = re.compile(re.escape(path.name) + r"\.([1-9][0-9]*)")
    found = {
        int(match[1]): entry
        for entry in path.parent.glob(f"{path.name}.*")
        if (match := pattern.fullmatch(entry.name))
    }
    return [found[number] for number in sorted(found)]


def _last_line(descriptor: int, size: int) -> tuple[bytes, bool]:
    """The last line without its end, and whether it had one."""
    start, tail = size, b""
    while start > 0 and tail[:-1].count(b"\n") < 1:
        length = min(_TAIL, start)
        start -= length
        tail = os.pread(descriptor, length, start) + tail
    whole = tail.endswith(b"\n")
    return tail.removesuffix(b"\n").rpartition(b"\n")[2], whole


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
