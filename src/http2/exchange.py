"""One request under way on a connection, and what has arrived of its answer."""

from __future__ import annotations

import asyncio
from collections import deque
from enum import Enum, auto
from typing import Protocol

import httpx

from .deadlines import Deadlines
from .events import Headers


class Fate(Enum):
    """What is known about a request that failed."""

    UNPROCESSED = auto()
    """The server did not act on it: it may be sent again, whatever its method."""
    UNKNOWN = auto()
    """The server may have acted on it: only an idempotent one may be sent again."""
    FINAL = auto()
    """It must not be sent again."""


class Refused(httpx.RemoteProtocolError):
    """The server did not take the request up (RFC 9113, section 8.7)."""

    may_be_processed = False


class Carrier(Protocol):
    """The connection, as far as an exchange needs it."""

    def consumed(self, exchange: Exchange, credit: int) -> None: ...

    def abandon(self, exchange: Exchange) -> None: ...


class Exchange:
    """The answer as it arrives: the connection delivers, one reader waits.

    ``status`` is 0 until the answer's head is there.
    """

    __slots__ = (
        "_carrier", "_chunks", "_credit", "_error", "_loop", "_room", "_waiter", "complete",
        "extensions", "fate", "headers", "status", "stream_id",
    )  # fmt: skip

    def __init__(self, carrier: Carrier, loop: asyncio.AbstractEventLoop, stream_id: int) -> None:
        self._carrier = carrier
        self._loop = loop
        self._chunks: deque[bytes] = deque()
        self._credit = 0
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self.complete = False
        self.extensions: dict[str, object] = {}
        self.fate = Fate.FINAL
        self.headers: Headers = []
        self.status = 0
        self.stream_id = stream_id

    # The connection's side

    def deliver_head(self, status: int, headers: Headers) -> None:
        self.status = status
        self.headers = headers
        self._wake()

    def deliver(self, data: bytes, credit: int) -> None:
        if data:
            self._chunks.append(data)
        self._credit += credit
        self._wake()

    def finish(self) -> None:
        self.complete = True
        self._wake()
        self.make_room()

    def fail(self, error: Exception, fate: Fate) -> None:
        """End the exchange.  What has arrived can still be read."""
        if self.complete or self._error is not None:
            return
        self._error = error
        self.fate = fate if self.status == 0 or fate is Fate.UNPROCESSED else Fate.FINAL
        self._wake()
        self.make_room()

    def make_room(self) -> None:
        """Let a waiting upload try again."""
        room = self._room
        if room is not None and not room.done():
            room.set_result(None)

    # The request's side

    @property
    def over(self) -> bool:
        """Whether nothing more will arrive."""
        return self.complete or self._error is not None

    @property
    def buffered(self) -> int:
        """How many bytes wait for the reader, framing included."""
        return self._credit

    async def wait_for_head(self, deadlines: Deadlines) -> None:
        """Wait until the status is known.  Raises an `httpx.TransportError`."""
        while self.status == 0:
            if self._error is not None:
                raise self._error
            await self._wait(deadlines)

    async def wait_for_room(self, deadlines: Deadlines) -> None:
        """Wait until more of the body can be sent, or the exchange is over."""
        self._room = self._loop.create_future()
        try:
            await deadlines.wait(self._room, "write")
        finally:
            self._room = None

    async def read(self, deadlines: Deadlines) -> bytes:
        """The next piece of the body, empty at its end.  Raises an `httpx.TransportError`."""
        while (data := self.take()) is None:
            await self._wait(deadlines)
        return data

    def take(self) -> bytes | None:
        """As `read`, but None where that would wait."""
        chunks = self._chunks
        if not chunks:
            if self.complete:
                return b""
            if self._error is not None:
                raise self._error
            return None
        data = chunks.popleft() if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        credit, self._credit = self._credit, 0
        if not self.complete:
            self._carrier.consumed(self, credit)
        return data

    def close(self) -> None:
        """The request is no longer interested.  Safe to call at any time."""
        self._chunks.clear()
        if not self.over:
            self._error = httpx.StreamClosed()
            self._carrier.abandon(self)

    async def _wait(self, deadlines: Deadlines) -> None:
        self._waiter = self._loop.create_future()
        try:
            await deadlines.wait(self._waiter, "read")
        finally:
            self._waiter = None

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
