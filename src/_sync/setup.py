# Generated from src/_async/setup.py. Do not edit.
"""Runs a command of the project's in a workspace, its output kept."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .._runtime import sync_runtime as rt

TAIL = 2000
"""Bytes of the end of the output that are kept for the error message."""

DRAIN = 1.0
"""Seconds that output may take to arrive once the command has ended: what it
left behind can hold the pipe open for ever."""

PATIENCE = 5.0
"""Seconds that a command which is asked to end gets for it."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended; ``code`` is None if it took too long, ``tail`` the end of its output."""

    code: int | None
    tail: str


def run_logged(
    argv: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    log: Path,
    seconds: float,
) -> Ended:
    """Run ``argv`` to its end, for ``seconds`` at most, and append its output to ``log``.

    What it leaves running ends with it.  Raises `OSError` and `ValueError` if
    it cannot be started.
    """
    tail = bytearray()
    code: int | None = None
    with (
        rt.open_append(log) as file,
        rt.open_process(argv, cwd=cwd, env=environment) as process,
    ):
        scope = rt.CancelScope(seconds)
        try:
            with scope:
                _follow(process, file, tail)
        except rt.Cancelled:
            rt.shielded(_end, process)
            raise
        if scope.ended_early:
            _end(process)
        else:
            code = process.wait()
    return Ended(code, tail.decode("utf-8", "replace"))


def _follow(process: rt.Process, file: rt.AppendFile, tail: bytearray) -> None:
    with rt.TaskGroup() as group:
        reading = [
            group.start_soon(_keep, stream, file, tail)
            for stream in (process.stdout, process.stderr)
        ]
        process.wait()
        with rt.CancelScope(DRAIN):
            for task in reading:
                task.wait()
        group.cancel()


def _keep(stream: rt.ByteStream, file: rt.AppendFile, tail: bytearray) -> None:
    while data := stream.read():
        file.write(data)
        tail += data
        del tail[:-TAIL]


def _end(process: rt.Process) -> None:
    process.signal(signal.SIGTERM)
    with rt.CancelScope(PATIENCE):
        process.wait()
