"""What the workers of the tests run."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import threading
import time
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
    return lambda: asyncio.run(_for_ever())


async def _for_ever() -> None:
    await asyncio.Event().wait()


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


class _Server:
    """Answers one byte on every connection, for as long as it is asked."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address: tuple[str, int] = self._listening.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            while connection.recv(1):
                connection.sendall(b"x")

    def close(self) -> None:
        self._listening.close()


@contextmanager
def exchange(*, pooled: bool) -> Iterator[Work]:
    """Ask a server twenty times, over one connection or a new one each time."""
    server = _Server()
    with contextlib.closing(server), socket.create_connection(server.address) as kept:

        def ask(connection: socket.socket) -> None:
            connection.sendall(b"?")
            assert connection.recv(1) == b"x"

        def work() -> None:
            for _ in range(20):
                if pooled:
                    ask(kept)
                else:
                    with socket.create_connection(server.address) as fresh:
                        ask(fresh)

        yield work


def copying(*, copies: int, size: int = 1 << 20) -> Work:
    """Copy a buffer ten times, and so many times more."""
    source, target = bytearray(size), bytearray(size)

    def work() -> None:
        for _ in range(10 + copies):
            target[:] = source

    return work


@asynccontextmanager
async def waiting(*, share: float) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Compute for a millisecond, and sleep for a share of the time that it took."""

    async def work() -> None:
        began = time.perf_counter()
        sum(range(20_000))
        if share:
            time.sleep((time.perf_counter() - began) * share)

    yield work
