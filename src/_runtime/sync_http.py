"""The HTTP client of the synchronous path. Twin: ``async_http``.

HTTP/1.1 over pooled connections: HTTP/2's state is not safe across threads.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from types import TracebackType

import httpcore
import httpx

from .network import NetworkOptions, tls_context
from .sync_locks import Semaphore
from .sync_network import ScopedBackend
from .sync_tasks import timeout as deadline

HTTPClient = httpx.Client

IDLE = 50.0
"""Seconds after which an unused connection is given up, before the server does."""


def open_client(options: NetworkOptions) -> HTTPClient:
    """A client to be used as a block; it keeps its connections."""
    transport = ScopedTransport(options)
    return httpx.Client(
        transport=transport, timeout=httpx.Timeout(options.timeout), follow_redirects=False
    )


class ScopedTransport(httpx.BaseTransport):
    """httpcore's pool on sockets that obey the caller's scope.

    Who gets a connection is decided here, first come first served, so that no
    caller ever waits inside the pool, where a cancellation would not reach it.
    """

    def __init__(self, options: NetworkOptions) -> None:
        self._per_host = options.max_per_host
        self._all = Semaphore(options.max_connections)
        self._lock = threading.Lock()
        self._hosts: dict[bytes, Semaphore] = {}
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls_context(options.verify),
            proxy=httpcore.Proxy(options.proxy) if options.proxy else None,
            max_connections=options.max_connections,
            max_keepalive_connections=options.max_connections,
            keepalive_expiry=IDLE,
            network_backend=ScopedBackend(),
        )

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._pool.connections)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request``; the place is given back when the response is closed."""
        wait = request.extensions.get("timeout", {}).get("pool")
        places = contextlib.ExitStack()
        try:
            with deadline(wait):
                for gate in (self._host(request), self._all):
                    places.enter_context(gate)
        except TimeoutError:
            places.close()
            raise httpx.PoolTimeout("no connection became free in time", request=request) from None
        except BaseException:
            places.close()
            raise
        try:
            response = self._send(request)
        except BaseException:
            places.close()
            raise
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response, places, request),
            extensions=response.extensions,
        )

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()

    def _host(self, request: httpx.Request) -> Semaphore:
        with self._lock:
            return self._hosts.setdefault(request.url.netloc, Semaphore(self._per_host))

    def _send(self, request: httpx.Request) -> httpcore.Response:
        assert isinstance(request.stream, httpx.SyncByteStream)  # noqa: S101 - a sync client's
        url = request.url
        with _mapped(request):
            return self._pool.handle_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(
                        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )


class _Body(httpx.SyncByteStream):
    """A response's body, which holds the request's place until it is closed."""

    def __init__(
        self, response: httpcore.Response, places: contextlib.ExitStack, request: httpx.Request
    ) -> None:
        self._response = response
        self._places = places
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        with _mapped(self._request):
            yield from self._response.iter_stream()

    def close(self) -> None:
        try:
            self._response.close()
        finally:
            self._places.close()

    def __enter__(self) -> _Body:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()


_ERRORS: tuple[tuple[type[Exception], type[httpx.RequestError]], ...] = (
    (httpcore.ConnectTimeout, httpx.ConnectTimeout),
    (httpcore.ReadTimeout, httpx.ReadTimeout),
    (httpcore.WriteTimeout, httpx.WriteTimeout),
    (httpcore.PoolTimeout, httpx.PoolTimeout),
    (httpcore.ConnectError, httpx.ConnectError),
    (httpcore.ReadError, httpx.ReadError),
    (httpcore.WriteError, httpx.WriteError),
    (httpcore.ProxyError, httpx.ProxyError),
    (httpcore.UnsupportedProtocol, httpx.UnsupportedProtocol),
    (httpcore.LocalProtocolError, httpx.LocalProtocolError),
    (httpcore.RemoteProtocolError, httpx.RemoteProtocolError),
)


@contextlib.contextmanager
def _mapped(request: httpx.Request) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        for theirs, ours in _ERRORS:
            if isinstance(error, theirs):
                origin = f"{request.url.scheme}://{request.url.netloc.decode('ascii')}"
                raise ours(f"{origin}: {error}", request=request) from error
        raise
