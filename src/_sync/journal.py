# Generated from src/_async/journal.py. Do not edit.
"""Writes what happens into the tasks' logs, off everybody's way."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from .._runtime import sync_runtime as rt
from ..core.events import Event
from ..core.handover import Memory
from ..observe import tasklog
from .io import IOManager

RAW_KEPT = 100
"""Tasks whose agents' raw output stays."""

PAUSE = 0.1
"""Seconds between two writes: what happens meanwhile is written together."""


class Journal:
    """One log a task, ``logs/task_<id>_<time>.log``; the newest are kept.

    `note` only takes an event; `run` writes what was taken.
    """

    def __init__(
        self,
        io: IOManager,
        directory: Path,
        *,
        redactor: Callable[[str], str],
        clock: Callable[[], float],
        memory: Memory | None = None,
    ) -> None:
        self._io = io
        self._directory = directory
        self._redactor = redactor
        self._clock = clock
        self._state = rt.StateLock()
        self._taken: list[Event] = []
        self._more = rt.Event()
        self._files = (memory or Memory()).logs

    def note(self, event: Event) -> None:
        """Take an event that belongs to a task."""
        if event.task_id is None:
            return
        with self._state:
            self._taken.append(event)
        self._more.set()

    def run(self) -> None:
        """Write events as they come."""
        while True:
            self._more.wait()
            self._more.clear()
            rt.shielded(self.flush)
            rt.sleep(PAUSE)

    def flush(self) -> None:
        """Write everything that was taken so far."""
        with self._state:
            events, self._taken = self._taken, []
        texts: dict[str, list[str]] = {}
        for event in events:
            if event.task_id is not None and (text := tasklog.lines_for(event, self._redactor)):
                texts.setdefault(event.task_id, []).append(text)
        for task_id, parts in texts.items():
            self._io.append(self._file(task_id), "".join(parts))

    def _file(self, task_id: str) -> Path:
        path = self._files.get(task_id)
        if path is None:
            path = self._directory / tasklog.file_name(task_id, self._clock())
            self._files[task_id] = path
            rt.run_blocking(_make_room, self._directory)
        return path


def _make_room(directory: Path) -> None:
    names = [path.name for path in directory.glob("task_*.log")]
    for name in tasklog.to_remove(names):
        (directory / name).unlink(missing_ok=True)
    raw = sorted((directory / "agents").glob("task_*"), key=lambda path: path.stat().st_mtime)
    for outdated in raw[:-RAW_KEPT]:
        shutil.rmtree(outdated, ignore_errors=True)
