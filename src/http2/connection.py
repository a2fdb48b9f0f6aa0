"""What connections of both versions of HTTP have in common."""

from __future__ import annotations

import asyncio
from typing import ClassVar, Protocol, cast

import httpx

from .deadlines import Deadlines
from .exchange import Exchange, Fate
from .fields import RequestHead
from .limits import Limits
from .origin import Origin
from .snapshot import Counters

PIECE = 65_536
_CLOSING_TIME = 2.0


class Unusable(Exception):
    """The connection takes no more requests.  Nothing was sent."""


class Owner(Protocol):
    """The pool, as far as a connection needs it."""

    counters: Counters

    def changed(self, connection: Connection) -> None:
        """It can take more requests, or fewer."""

    def retired(self, connection: Connection) -> None:
        """It finishes what it has under way and takes no new requests."""

    def lost(self, connection: Connection) -> None:
        """It is closed."""


class Connection(asyncio.Protocol):
    """A connection to an origin, with room for ``free`` further requests.

    ``reserved`` counts requests that have been promised room and have not
    begun yet.
    """

    version: ClassVar[bytes]
    transport: asyncio.Transport

    def __init__(
        self,
        origin: Origin,
        owner: Owner,
        limits: Limits,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.origin = origin
        self.owner = owner
        self.limits = limits
        self.loop = loop
        self.streams = 0
        self.reserved = 0
        self.served = 0
        self.announced: int | None = None
        """How many requests it carries at a time, once that is known."""
        self.draining = False
        self.closed = False
        self.created = self.heard = self.idle_since = loop.time()
        self.gone: asyncio.Future[None] = loop.create_future()
        self._paused = False
        self._idle_timer: asyncio.TimerHandle | None = None
        self._abort_timer: asyncio.TimerHandle | None = None

    @property
    def limit(self) -> int:
        """How many requests it carries at a time."""
        raise NotImplementedError

    @property
    def free(self) -> int:
        if self.draining or self.closed:
            return 0
        return self.limit - self.streams - self.reserved

    @property
    def idle(self) -> bool:
        return not (self.streams or self.reserved or self.draining or self.closed)

    @property
    def too_old(self) -> bool:
        """Whether it has reached its age limit."""
        age = self.limits.max_age
        return age is not None and self.loop.time() - self.created >= age

    def begin(self, head: RequestHead, body: bytes, *, more: bool) -> tuple[Exchange, int]:
        """Send a request's head, and as much of ``body`` as can be sent at once.

        Returns the exchange and how much was sent.  Where that is not all, or
        ``more`` is to come, `upload` sends the rest.  Raises `Unusable`.
        """
        raise NotImplementedError

    def abandon(self, exchange: Exchange) -> None:
        """The request has lost interest in its answer."""
        raise NotImplementedError

    def consumed(self, exchange: Exchange, credit: int) -> None:
        """The reader took what was buffered."""
        raise NotImplementedError

    async def send(
        self, exchange: Exchange, data: bytes, deadlines: Deadlines, *, end: bool
    ) -> None:
        """Send a piece of a request's body; stops quietly where the exchange is over."""
        raise NotImplementedError

    def retire(self) -> None:
        """Take no new requests; close as soon as none is under way."""
        if not self.draining and not self.closed:
            self.draining = True
            self.owner.retired(self)
        if self.streams == 0:
            self.close()

    def close(self) -> None:
        """Close in an orderly way.  `gone` is done when that has happened."""
        if not self.closed:
            self.closed = True
            self._stop_timers()
            self.farewell()
            self.transport.close()
            self._abort_timer = self.loop.call_later(_CLOSING_TIME, self.transport.abort)
            self.owner.lost(self)

    def farewell(self) -> None:
        """Write what belongs before an orderly end."""

    def break_off(self, error: httpx.TransportError, fate: Fate) -> None:
        """Close at once; everything under way fails with ``error``."""
        self.closed = True
        self._stop_timers()
        self.fail_all(error, fate)
        self.transport.abort()
        self.owner.lost(self)

    def fail_all(self, error: httpx.TransportError, fate: Fate) -> None:
        """Let everything under way fail."""
        raise NotImplementedError

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.became_idle()

    def connection_lost(self, exc: Exception | None) -> None:
        was_closed, self.closed = self.closed, True
        self._stop_timers()
        if self._abort_timer is not None:
            self._abort_timer.cancel()
        if not self.gone.done():
            self.gone.set_result(None)
        if exc is not None:
            error: httpx.TransportError = httpx.ReadError(
                f"{self.origin}: the connection was lost: {exc}"
            )
        else:
            error = httpx.RemoteProtocolError(
                f"{self.origin}: the server closed the connection before it had answered"
                f"{self.last_words()}"
            )
        self.fail_all(error, Fate.UNKNOWN)
        if not was_closed:
            self.owner.lost(self)

    def last_words(self) -> str:
        """What the server said about the end, to be added to a message."""
        return ""

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self.make_room()

    def make_room(self) -> None:
        """Let all waiting uploads try again."""
        raise NotImplementedError

    # Idle time

    def became_idle(self) -> None:
        """Start the clock that closes an idle connection."""
        self.idle_since = self.loop.time()
        limit = self.limits.idle_timeout
        if limit is not None and self._idle_timer is None:
            self._idle_timer = self.loop.call_later(limit, self._check_idle, limit)

    def _check_idle(self, limit: float) -> None:
        self._idle_timer = None
        if self.closed:
            return
        left = limit if not self.idle else self.idle_since + limit - self.loop.time()
        if left <= 0.001:
            self.owner.counters.idle_closed += 1
            self.close()
        else:
            self._idle_timer = self.loop.call_later(left, self._check_idle, limit)

    def _stop_timers(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None


def repeat(error: httpx.TransportError) -> httpx.TransportError:
    """The same error again, with its cause: each request raises one of its own."""
    again = type(error)(str(error))
    again.__cause__ = error.__cause__
    return again
