"""The transport for `httpx.AsyncClient`."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from types import TracebackType
from typing import cast

import httpx

from .connection import Connection, Unusable
from .deadlines import Deadlines
from .dial import Dialer
from .exchange import Exchange, Fate
from .fields import RequestHead, head_of, is_idempotent
from .limits import Limits
from .origin import Origin, origin_of
from .pool import Pool
from .proxy import Proxy
from .snapshot import Counters, Snapshot

_BACK_OFF = 0.01
"""Seconds before a refused stream is tried a second time; doubled each time after."""


class _Body(httpx.AsyncByteStream):
    """An answer's body, as it arrives."""

    def __init__(self, exchange: Exchange, deadlines: Deadlines, counters: Counters) -> None:
        self._exchange = exchange
        self._deadlines = deadlines
        self._counters = counters

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            data = self._exchange.take()
            if data is None:
                data = await self._exchange.read(self._deadlines)
        except BaseException as error:
            if isinstance(error, httpx.TimeoutException):
                self._counters.timeouts += 1
            self._exchange.close()
            raise
        if not data:
            raise StopAsyncIteration
        return data

    async def aclose(self) -> None:
        self._exchange.close()


class HTTP2Transport(httpx.AsyncBaseTransport):
    """HTTP/2 for `httpx.AsyncClient`, and HTTP/1.1 where the server has no HTTP/2.

    ``verify`` is an `ssl.SSLContext`, True (the usual authorities), False, or
    the path of a file with authorities' certificates.  ``cert`` is the client's
    certificate: a path, or (certificate, key), or (certificate, key, password).
    A context that is given is told to offer ``h2`` and ``http/1.1``.
    ``proxy`` is an HTTP proxy's URL or an `httpx.Proxy`; proxies named in the
    environment are httpx's business and do not concern a transport.

    A transport belongs to the event loop that first uses it.  Its connections
    end with that loop, and the next loop starts with new ones.

    Requests raise the exceptions of httpx.  A request is repeated, on another
    connection, only where the server cannot have acted on it or where
    repetition does no harm.
    """

    def __init__(
        self,
        *,
        verify: ssl.SSLContext | bool | str = True,
        cert: str | tuple[str, str] | tuple[str, str, str] | None = None,
        limits: Limits | None = None,
        proxy: httpx.Proxy | httpx.URL | str | None = None,
        http2: bool = True,
    ) -> None:
        self.limits = limits or Limits()
        context = _context(verify, cert)
        context.set_alpn_protocols(["h2", "http/1.1"] if http2 else ["http/1.1"])
        self._dialer = Dialer(context, Proxy(proxy) if proxy else None, self.limits)
        self._counters = Counters()
        self._pool: Pool | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: AsyncGenerator[None, None]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        pool = self._pool
        loop = asyncio.get_running_loop()
        if pool is None or loop is not self._loop:
            pool = await self._begin(loop)
        extensions = request.extensions
        origin = origin_of(request.url, extensions.get("sni_hostname"))
        deadlines = Deadlines(origin, extensions, loop, self.limits.total_timeout)
        self._counters.requests += 1
        exchange, connection = await self._exchange(pool, origin, request, deadlines)
        exchange.extensions["http_version"] = connection.version
        if exchange.stream_id:
            exchange.extensions["stream_id"] = exchange.stream_id
        return httpx.Response(
            exchange.status,
            headers=exchange.headers,
            stream=_Body(exchange, deadlines, self._counters),
            extensions=exchange.extensions,
        )

    async def _exchange(
        self, pool: Pool, origin: Origin, request: httpx.Request, deadlines: Deadlines
    ) -> tuple[Exchange, Connection]:
        head = head_of(request)
        try:
            body, parts = request.content, None
        except httpx.RequestNotRead:
            body, parts = b"", _Parts(cast(AsyncIterable[bytes], request.stream))
        attempts = 0
        again = False
        while True:
            connection = await pool.acquire(origin, deadlines, again=again)
            again = True
            exchange: Exchange | None = None
            try:
                exchange, sent = self._start(pool, connection, head, body, parts)
                if parts is not None:
                    await parts.send(connection, exchange, deadlines)
                elif sent < len(body):
                    rest = body[sent:] if sent else body
                    await connection.send(exchange, rest, deadlines, end=True)
                await exchange.wait_for_head(deadlines)
                return exchange, connection
            except Unusable:
                continue
            except httpx.TransportError as error:
                attempts += 1
                if exchange is None:
                    raise
                exchange.close()
                if isinstance(error, httpx.TimeoutException):
                    self._counters.timeouts += 1
                    raise
                if not self._may_repeat(request, exchange, attempts):
                    raise
                if parts is not None and parts.begun:
                    raise type(error)(
                        f"{error}; the request cannot be repeated, since its body is a stream "
                        "that has been used up: give the body as bytes"
                    ) from error
                self._counters.retries += 1
                if attempts > 1:
                    await asyncio.sleep(_BACK_OFF * 2 ** (attempts - 2))
            except BaseException:
                if exchange is not None:
                    exchange.close()
                raise

    def _start(
        self,
        pool: Pool,
        connection: Connection,
        head: RequestHead,
        body: bytes,
        parts: _Parts | None,
    ) -> tuple[Exchange, int]:
        connection.reserved -= 1
        try:
            exchange, sent = connection.begin(head, body, more=parts is not None)
        except BaseException:
            pool.unused(connection)
            raise
        if connection.served:
            self._counters.reused += 1
        connection.served += 1
        return exchange, sent

    def _may_repeat(self, request: httpx.Request, exchange: Exchange, attempts: int) -> bool:
        if attempts > self.limits.max_retries:
            return False
        if exchange.fate is Fate.UNPROCESSED:
            return True
        return exchange.fate is Fate.UNKNOWN and is_idempotent(request)

    async def _begin(self, loop: asyncio.AbstractEventLoop) -> Pool:
        if self._loop is not None and self._loop is not loop and not self._loop.is_closed():
            raise RuntimeError(
                "this transport is in use by another event loop that still runs: make one for each"
            )
        self._loop = loop
        self._pool = pool = Pool(self.limits, self._dialer, self._counters)
        self._end = _close_at_the_end(pool)
        await anext(self._end)
        return pool

    def snapshot(self) -> Snapshot:
        """What the pool is doing, and what it has done."""
        if self._pool is None:
            return Snapshot(0, 0, 0, 0, 0, 0, self._counters)
        return self._pool.snapshot()

    async def aclose(self) -> None:
        """Close all connections.  The transport may be used again afterwards."""
        if self._pool is not None and self._loop is asyncio.get_running_loop():
            self._pool = None
            await self._end.aclose()

    async def __aenter__(self) -> HTTP2Transport:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.aclose()


async def _close_at_the_end(pool: Pool) -> AsyncGenerator[None, None]:
    """Close ``pool`` with the generator, which the event loop does at its own end."""
    try:
        yield
    finally:
        await pool.aclose()


class _Parts:
    """A body that is a stream; ``begun`` when part of it has been taken."""

    def __init__(self, stream: AsyncIterable[bytes]) -> None:
        self._stream = stream
        self.begun = False

    async def send(self, connection: Connection, exchange: Exchange, deadlines: Deadlines) -> None:
        async for part in self._stream:
            self.begun = True
            if part:
                await connection.send(exchange, part, deadlines, end=False)
            if exchange.over:
                return
        self.begun = True
        await connection.send(exchange, b"", deadlines, end=True)


def _context(
    verify: ssl.SSLContext | bool | str,
    cert: str | tuple[str, str] | tuple[str, str, str] | None,
) -> ssl.SSLContext:
    if isinstance(verify, ssl.SSLContext):
        context = verify
    elif isinstance(verify, str):
        context = ssl.create_default_context(cafile=verify)
    else:
        context = httpx.create_ssl_context(verify=verify)
    if isinstance(cert, str):
        context.load_cert_chain(cert)
    elif cert is not None:
        context.load_cert_chain(*cert)
    return context
