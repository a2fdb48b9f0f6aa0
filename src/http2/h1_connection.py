"""An HTTP/1.1 connection on an asyncio transport."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import h11
import httpx

from .connection import PIECE, Connection, Owner, Unusable
from .deadlines import Deadlines
from .exchange import Exchange, Fate
from .fields import RequestHead
from .limits import Limits
from .origin import Origin

_MAX_HEAD = 65_536


class H1Connection(Connection):
    """One request after another.  A request that is given up takes its connection with it."""

    version = b"HTTP/1.1"

    def __init__(
        self,
        origin: Origin,
        owner: Owner,
        limits: Limits,
        loop: asyncio.AbstractEventLoop,
        prepare: Callable[[RequestHead], RequestHead] | None = None,
    ) -> None:
        super().__init__(origin, owner, limits, loop)
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)
        self._prepare = prepare
        self._exchange: Exchange | None = None
        self._reading = True
        self.announced = 1

    @property
    def limit(self) -> int:
        return 1

    def begin(self, head: RequestHead, body: bytes, *, more: bool) -> tuple[Exchange, int]:
        if self.draining or self.closed or self._exchange is not None:
            raise Unusable
        if self.transport.is_closing():
            self.draining = True
            raise Unusable
        if self._prepare is not None:
            head = self._prepare(head)
        parts: list[bytes] = []
        try:
            self._put(
                parts, h11.Request(method=head.method, target=head.target, headers=head.headers)
            )
            sent = len(body) if len(body) <= PIECE else 0
            if body and sent:
                self._put(parts, h11.Data(data=body))
            if sent == len(body) and not more:
                self._put(parts, h11.EndOfMessage())
        except h11.LocalProtocolError as error:
            self.retire()
            raise httpx.LocalProtocolError(f"{self.origin}: {error}") from error
        self._exchange = exchange = Exchange(self, self.loop, 0)
        self.streams = 1
        self.transport.write(b"".join(parts))
        return exchange, sent

    def _put(self, parts: list[bytes], event: h11.Event) -> None:
        data = self._h11.send(event)
        if data:
            parts.append(data)

    async def send(
        self, exchange: Exchange, data: bytes, deadlines: Deadlines, *, end: bool
    ) -> None:
        view, done = memoryview(data), 0
        while not exchange.over:
            if self._paused:
                await exchange.wait_for_room(deadlines)
                continue
            piece = bytes(view[done : done + PIECE])
            done += len(piece)
            last = done == len(view)
            parts: list[bytes] = []
            try:
                if piece:
                    self._put(parts, h11.Data(data=piece))
                if last and end:
                    self._put(parts, h11.EndOfMessage())
            except h11.LocalProtocolError as error:
                raise httpx.LocalProtocolError(f"{self.origin}: {error}") from error
            self.transport.write(b"".join(parts))
            if last:
                return

    def make_room(self) -> None:
        if self._exchange is not None:
            self._exchange.make_room()

    def abandon(self, exchange: Exchange) -> None:
        if exchange is self._exchange:
            self._exchange = None
            self.streams = 0
            self.owner.counters.resets_sent += 1
            self.closed = True
            self._stop_timers()
            self.transport.abort()
            self.owner.lost(self)

    def consumed(self, exchange: Exchange, credit: int) -> None:
        if not self._reading and not self.transport.is_closing():
            self._reading = True
            self.transport.resume_reading()

    def fail_all(self, error: httpx.TransportError, fate: Fate) -> None:
        exchange, self._exchange = self._exchange, None
        self.streams = 0
        if exchange is not None:
            exchange.fail(error, fate)

    # asyncio's side

    def data_received(self, data: bytes) -> None:
        self.heard = self.loop.time()
        if self._exchange is None:
            self.retire()
            return
        self._h11.receive_data(data)
        self._pump(self._exchange)

    def eof_received(self) -> None:
        self.draining = True
        if self._exchange is not None and self._exchange.status:
            self._h11.receive_data(b"")
            self._pump(self._exchange)

    def _pump(self, exchange: Exchange) -> None:
        try:
            while self._exchange is exchange:
                event = self._h11.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    break
                if isinstance(event, h11.ConnectionClosed):
                    break
                self._take(exchange, event)
        except h11.RemoteProtocolError as error:
            self.break_off(
                httpx.RemoteProtocolError(f"{self.origin}: the server broke HTTP/1.1: {error}"),
                Fate.FINAL,
            )
            return
        if exchange.buffered >= self.limits.stream_window and self._reading and not exchange.over:
            self._reading = False
            self.transport.pause_reading()

    def _take(self, exchange: Exchange, event: object) -> None:
        if isinstance(event, h11.Data):
            exchange.deliver(bytes(event.data), len(event.data))
        elif isinstance(event, h11.Response):
            exchange.extensions["reason_phrase"] = bytes(event.reason)
            exchange.deliver_head(event.status_code, list(event.headers.raw_items()))
        elif isinstance(event, h11.EndOfMessage):
            self._exchange = None
            self.streams = 0
            exchange.finish()
            self._next()
        elif isinstance(event, h11.InformationalResponse) and event.status_code == 101:
            raise h11.RemoteProtocolError("it switched to another protocol unasked")

    def _next(self) -> None:
        h11_ = self._h11
        if not self._reading and not self.transport.is_closing():
            self._reading = True
            self.transport.resume_reading()
        done = h11_.our_state is h11.DONE and h11_.their_state is h11.DONE
        if not done or self.draining or h11_.trailing_data[0]:
            self.retire()
            return
        h11_.start_next_cycle()
        self.became_idle()
        self.owner.changed(self)
