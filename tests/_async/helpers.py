"""What several of the tests need."""

from __future__ import annotations

from collections.abc import Callable

from codeagent._runtime import async_runtime as rt

from ..runtime_support import waiting


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that nobody announces."""
    while not condition():
        await rt.sleep(0.001)


async def until_waiting(primitive: object, count: int) -> None:
    """Wait until ``count`` wait for a lock, a semaphore, an event or a channel."""
    await until(lambda: waiting(primitive) == count)


async def forever() -> None:
    """Wait for nothing."""
    await rt.Event().wait()


async def read_all(process: rt.Process) -> bytes:
    """All that the child writes to its standard output."""
    return b"".join([chunk async for chunk in process.stdout])


async def read_line(process: rt.Process) -> bytes:
    """The first line that the child writes to its standard output."""
    line = b""
    while not line.endswith(b"\n"):
        data = await process.stdout.read()
        assert data, f"the output ended after {line!r}"
        line += data
    return line
