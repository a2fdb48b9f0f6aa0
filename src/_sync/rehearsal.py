# Generated from src/_async/rehearsal.py. Do not edit.
"""Writes once more into a scratch directory, to see whether they come out the same."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from .._runtime import sync_runtime as rt
from .io import IOManager

Change = Callable[[bytes], bytes]


class Recorded:
    """A change of a file that remembers what it last made of what."""

    def __init__(self, change: Change) -> None:
        self._change = change
        self.before: bytes | None = None
        self.after = b""

    def __call__(self, data: bytes) -> bytes:
        """Make the change."""
        self.before, self.after = data, self._change(data)
        return self.after


class Rehearsal:
    """Each method is a write of files; it returns what the write returns if all is well.

    Otherwise it returns what came out instead.
    """

    def write(self, path: Path, data: bytes) -> object:
        """Replace a file that is not there."""
        return self._compared(path.name, None, data, _write(data))

    def append(self, path: Path, text: str) -> object:
        """Append to a file that is not there."""
        data = text.encode("utf-8", "replace")
        return self._compared(path.name, None, data, _append(text))

    def edit(self, path: Path, change: Recorded) -> object:
        """Edit a file that is as the real one was."""
        if change.before is None:
            return False
        found = self._compared(path.name, change.before, change.after, _edit(change))
        return change.before != change.after if found is None else found

    def _compared(
        self,
        name: str,
        before: bytes | None,
        after: bytes,
        work: Callable[[IOManager, Path], rt.Result[object]],
    ) -> object:
        directory = rt.run_blocking(tempfile.mkdtemp, prefix="codeagent-")
        try:
            file = Path(directory, name)
            if before is not None:
                rt.write_atomic(file, before)
            work(IOManager(), file)
            found = rt.read_bytes(file)
        finally:
            rt.run_blocking(shutil.rmtree, directory, ignore_errors=True)
        return None if found == after else found


def _write(data: bytes) -> Callable[[IOManager, Path], rt.Result[object]]:
    def work(io: IOManager, path: Path) -> object:
        io.write(path, data)
        return None

    return work


def _append(text: str) -> Callable[[IOManager, Path], rt.Result[object]]:
    def work(io: IOManager, path: Path) -> object:
        io.append(path, text)
        return None

    return work


def _edit(change: Recorded) -> Callable[[IOManager, Path], rt.Result[object]]:
    def work(io: IOManager, path: Path) -> object:
        return io.edit(path, lambda data: change.after)

    return work
