# Generated from tests/_async/helpers.py. Do not edit.
"""What several of the tests need."""

from __future__ import annotations

from collections.abc import Callable

from codeagent._runtime import sync_runtime as rt

from ..runtime_support import waiting


def until(condition: Callable[[], object]) -> None:
    """Wait for something that nobody announces."""
    while not condition():
        rt.sleep(0.001)


def until_waiting(primitive: object, count: int) -> None:
    """Wait until ``count`` wait for a lock, a semaphore, an event or a channel."""
    until(lambda: waiting(primitive) == count)


def forever() -> None:
    """Wait for nothing."""
    rt.Event().wait()


def read_all(process: rt.Process) -> bytes:
    """All that the child writes to its standard output."""
    return b"".join([chunk for chunk in process.stdout])


def read_line(process: rt.Process) -> bytes:
    """The first line that the child writes to its standard output."""
    line = b""
    while not line.endswith(b"\n"):
        data = process.stdout.read()
        assert data, f"the output ended after {line!r}"
        line += data
    return line
