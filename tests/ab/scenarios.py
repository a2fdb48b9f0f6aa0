"""What the workers of the tests run."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from codeagent.ab.measure import Sample

Work = Callable[[], None]


def plain(*, loops: int = 100) -> Work:
    """A loop that only computes."""
    return lambda: [None for _ in range(loops)].clear()


def chatty() -> Work:
    """Prints, and reads standard input."""
    return lambda: print("noise", sys.stdin.read())


def failing() -> Work:
    """Fails when it runs."""

    def work() -> None:
        raise RuntimeError("no luck")

    return work


def ending() -> Work:
    """Ends the whole process."""

    def work() -> None:
        print("last words", file=sys.stderr, flush=True)
        os._exit(3)

    return work


def stuck() -> Work:
    """Waits for ever."""
    return lambda: asyncio.run(asyncio.Event().wait()) and None


@contextmanager
def opened(place: str) -> Iterator[Work]:
    """Writes down that it was opened and closed."""
    Path(place).write_text("opened", "utf-8")
    yield lambda: None
    Path(place).write_text("closed", "utf-8")


@asynccontextmanager
async def warm() -> AsyncIterator[Callable[[], Awaitable[Sample]]]:
    """An operation that tells whether it runs on the loop that it was opened on."""
    home = asyncio.get_running_loop()

    async def work() -> Sample:
        await asyncio.sleep(0)
        return Sample(2.0 if asyncio.get_running_loop() is home else 1.0, 0.5)

    yield work
    assert asyncio.get_running_loop() is home
