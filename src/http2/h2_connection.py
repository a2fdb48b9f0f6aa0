"""An HTTP/2 connection on an asyncio transport."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
from h2.errors import ErrorCodes
from h2.exceptions import H2Error

from .connection import PIECE, Connection, Owner, Unusable, repeat
from .deadlines import Deadlines
from .events import Broken, Data, End, GoAway, Head, Pong, Reset, Settings, Window, code_name
from .exchange import Exchange, Fate, Refused
from .fields import RequestHead, http2_fields
from .frames import FrameMachine
from .limits import Limits
from .origin import Origin
from .watch import Watch

BEFORE_SETTINGS = 10
"""How many requests are sent before the peer has said how many it takes."""

_PING = b"isalive?"


class H2Connection(Connection):
    """Multiplexes requests.  All that is written in one turn of the loop goes out together."""

    version = b"HTTP/2"

    def __init__(
        self,
        origin: Origin,
        owner: Owner,
        limits: Limits,
        loop: asyncio.AbstractEventLoop,
        expected_streams: int | None = None,
    ) -> None:
        super().__init__(origin, owner, limits, loop)
        self.machine = FrameMachine(
            stream_window=limits.stream_window, connection_window=limits.connection_window
        )
        self._exchanges: dict[int, Exchange] = {}
        self._unsent: list[Exchange] = []
        self._writing = False
        self._goaway: GoAway | None = None
        self._limit = min(limits.max_streams_per_connection, expected_streams or BEFORE_SETTINGS)
        self._watch = Watch(self, limits, loop)

    @property
    def limit(self) -> int:
        return self._limit

    def begin(self, head: RequestHead, body: bytes, *, more: bool) -> tuple[Exchange, int]:
        if self.draining or self.closed or self.streams >= self._limit:
            raise Unusable
        if self.machine.exhausted:
            self.retire()
            raise Unusable
        fields = http2_fields(head)
        end = not body and not more
        try:
            stream_id = self.machine.open(fields, end=end, bodiless=head.method == b"HEAD")
        except H2Error as error:
            raise httpx.LocalProtocolError(f"{self.origin}: {error}") from error
        exchange = Exchange(self, self.loop, stream_id)
        self._exchanges[stream_id] = exchange
        self._unsent.append(exchange)
        self.streams += 1
        sent = 0
        if body and not self._paused:
            piece = body if len(body) <= PIECE else body[:PIECE]
            all_of_it = len(piece) == len(body) and not more
            sent = self.machine.send(stream_id, piece, end=all_of_it)
        self._watch.expect_answer()
        self._write_soon()
        return exchange, sent

    def abandon(self, exchange: Exchange) -> None:
        if self._exchanges.pop(exchange.stream_id, None) is not None:
            self.machine.reset(exchange.stream_id)
            self.owner.counters.resets_sent += 1
            self._write_soon()
            self._one_less()

    def consumed(self, exchange: Exchange, credit: int) -> None:
        self.machine.consumed(exchange.stream_id, credit)
        self._write_soon()

    async def send(
        self, exchange: Exchange, data: bytes, deadlines: Deadlines, *, end: bool
    ) -> None:
        view, done = memoryview(data), 0
        while not exchange.over:
            if not self._paused:
                piece = view[done : done + PIECE]
                last = done + len(piece) == len(view)
                sent = self.machine.send(exchange.stream_id, piece, end=end and last)
                done += sent
                self._write()
                if sent == len(piece):
                    if last:
                        return
                    continue
            await exchange.wait_for_room(deadlines)

    def make_room(self) -> None:
        for exchange in list(self._exchanges.values()):
            exchange.make_room()

    def farewell(self) -> None:
        if not self.transport.is_closing():
            self.machine.close()
            self._write()

    def fail_all(self, error: httpx.TransportError, fate: Fate) -> None:
        for exchange in self._unsent:
            exchange.fail(repeat(error), Fate.UNPROCESSED)
        self._unsent.clear()
        exchanges = list(self._exchanges.values())
        self._exchanges.clear()
        self.streams = 0
        for exchange in exchanges:
            exchange.fail(repeat(error), fate)

    def last_words(self) -> str:
        goaway = self._goaway
        if goaway is None or goaway.code == ErrorCodes.NO_ERROR:
            return ""
        debug = goaway.debug[:200].decode("utf-8", "replace")
        return f" (GOAWAY {code_name(goaway.code)}{': ' + debug if debug else ''})"

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._write()

    def data_received(self, data: bytes) -> None:
        self.heard = self.loop.time()
        for event in self.machine.receive(data):
            _HANDLERS[type(event)](self, event)
        self._write_soon()

    def eof_received(self) -> None:
        self.draining = True

    def _write_soon(self) -> None:
        if not self._writing:
            self._writing = True
            self.loop.call_soon(self._write)

    def _write(self) -> None:
        self._writing = False
        data = self.machine.output()
        if data and not self.transport.is_closing():
            self._unsent.clear()
            self.transport.write(data)

    # What the peer says

    def _on_head(self, event: Head) -> None:
        exchange = self._exchanges.get(event.stream_id)
        if exchange is not None:
            exchange.deliver_head(event.status, event.headers)

    def _on_data(self, event: Data) -> None:
        exchange = self._exchanges.get(event.stream_id)
        if exchange is not None:
            exchange.deliver(event.data, event.credit)

    def _on_end(self, event: End) -> None:
        exchange = self._exchanges.pop(event.stream_id, None)
        if exchange is not None:
            # Nothing is left to reset unless the request is still being sent.
            self.machine.reset(event.stream_id, ErrorCodes.NO_ERROR)
            exchange.finish()
            self._one_less()

    def _on_reset(self, event: Reset) -> None:
        exchange = self._exchanges.pop(event.stream_id, None)
        if exchange is None:
            return
        self.owner.counters.resets_received += 1
        if event.by_peer:
            text = f"the server reset the stream with {code_name(event.code)}"
        else:
            text = f"the answer is malformed: {event.reason}"
        refused = event.by_peer and event.code == ErrorCodes.REFUSED_STREAM
        error = (Refused if refused else httpx.RemoteProtocolError)(f"{self.origin}: {text}")
        exchange.fail(error, Fate.UNPROCESSED if refused else Fate.FINAL)
        self._one_less()

    def _on_goaway(self, event: GoAway) -> None:
        self.owner.counters.goaways += 1
        self._goaway = event
        for stream_id in [one for one in self._exchanges if one > event.last_stream_id]:
            exchange = self._exchanges.pop(stream_id)
            self.machine.drop(stream_id)
            self.streams -= 1
            exchange.fail(
                Refused(
                    f"{self.origin}: the server is closing the connection and did not take up "
                    f"the request (GOAWAY {code_name(event.code)})"
                ),
                Fate.UNPROCESSED,
            )
        self.retire()

    def _on_settings(self, event: Settings) -> None:
        limit = min(event.max_streams, self.limits.max_streams_per_connection)
        self._limit = self.announced = limit
        self.owner.changed(self)

    def _on_window(self, event: Window) -> None:
        if event.stream_id == 0:
            self.make_room()
        else:
            exchange = self._exchanges.get(event.stream_id)
            if exchange is not None:
                exchange.make_room()

    def _on_pong(self, _event: Pong) -> None:
        self._watch.answered()

    def _on_broken(self, event: Broken) -> None:
        self._write()
        self.break_off(
            httpx.RemoteProtocolError(
                f"{self.origin}: the server broke the HTTP/2 protocol: {event.reason}"
            ),
            Fate.FINAL,
        )

    def _one_less(self) -> None:
        self.streams -= 1
        if self.draining and self.streams == 0:
            self.close()
        else:
            if self.streams == 0:
                self.became_idle()
            self.owner.changed(self)

    def ping(self) -> None:
        self.owner.counters.pings += 1
        self.machine.ping(_PING)
        self._write_soon()

    def declare_dead(self) -> None:
        self.owner.counters.dead_peers += 1
        silence = self.loop.time() - self.heard
        text = f"no sign of life for {silence:.1f} seconds, not even an answer to a PING"
        self.break_off(httpx.ReadError(f"{self.origin}: {text}"), Fate.UNKNOWN)

    def _stop_timers(self) -> None:
        super()._stop_timers()
        self._watch.stop()


_HANDLERS: dict[type, Callable[[H2Connection, Any], None]] = {
    Head: H2Connection._on_head,
    Data: H2Connection._on_data,
    End: H2Connection._on_end,
    Reset: H2Connection._on_reset,
    GoAway: H2Connection._on_goaway,
    Settings: H2Connection._on_settings,
    Window: H2Connection._on_window,
    Pong: H2Connection._on_pong,
    Broken: H2Connection._on_broken,
}
