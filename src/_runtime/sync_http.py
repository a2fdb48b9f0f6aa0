"""The HTTP client of the synchronous path. Twin: ``async_http``.

HTTP/1.1 over pooled connections: HTTP/2's state is not safe across threads.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Iterator, Mapping
from types import TracebackType

import httpcore
import httpx

from ..core.http import PoolState
from .network import NetworkOptions, plain_request, tls_context
from .sync_locks import Semaphore
from .sync_network import ScopedBackend
from .sync_pool import ConnectionPool
from .sync_tasks import timeout as deadline

IDLE = 50.0
"""Seconds after which an unused connection is given up, before the server does."""


class HTTPSession(httpx.Client):
    """To be used as a block; keeps its connections.

    Neither proxies nor credentials are taken from the environment.
    """

    def __init__(self, options: NetworkOptions) -> None:
        self._network = ScopedTransport(options)
        timeout = httpx.Timeout(options.timeout)
        super().__init__(transport=self._network, timeout=timeout, trust_env=False)

    @contextlib.contextmanager
    def direct(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        patience: httpx.Timeout,
    ) -> Iterator[httpx.Response]:
        """An answer straight from the connection: no cookies, no redirects, no credentials.

        It costs less than `stream` does.
        """
        request = plain_request(method, url, headers, body, patience)
        response = self._network.handle_request(request)
        response.request = request
        try:
            yield response
        finally:
            response.close()

    def pool(self) -> PoolState:
        """The connections now."""
        return self._network.state()


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
        self._requests = self._waiting = self._waited = self._streams = 0
        self._backend = ScopedBackend()
        self._pool = ConnectionPool(
            ssl_context=_for_threads(tls_context(options.ca_file)),
            proxy=_proxy(options.proxy) if options.proxy else None,
            max_connections=options.max_connections,
            max_keepalive_connections=options.max_connections,
            keepalive_expiry=IDLE,
            network_backend=self._backend,
        )

    def state(self) -> PoolState:
        """The connections now."""
        open_now = list(self._pool.connections)
        with self._lock:
            return PoolState(
                connections=len(open_now),
                idle=sum(connection.is_idle() for connection in open_now),
                streams=self._streams,
                waiting=self._waiting,
                requests=self._requests,
                waited=self._waited,
                handshakes=self._backend.connected,
                reused=max(0, self._requests - self._waiting - self._backend.connected),
            )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request``; the place is given back when the response is closed."""
        places = contextlib.ExitStack()
        try:
            self._enter(request, places)
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

    def _enter(self, request: httpx.Request, places: contextlib.ExitStack) -> None:
        """Wait for a place; it is given back with ``places``."""
        with self._lock:
            self._requests += 1
            self._waiting += 1
        try:
            with deadline(request.extensions.get("timeout", {}).get("pool")):
                gates = (self._host(request), self._all)
                if any(gate.locked() for gate in gates):
                    with self._lock:
                        self._waited += 1
                for gate in gates:
                    places.enter_context(gate)
        except TimeoutError:
            message = f"{origin_of(request)}: no connection became free in time"
            raise httpx.PoolTimeout(message, request=request) from None
        finally:
            with self._lock:
                self._waiting -= 1
        with self._lock:
            self._streams += 1
        places.callback(self._left)

    def _left(self) -> None:
        with self._lock:
            self._streams -= 1

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


def _for_threads(context: ssl.SSLContext) -> ssl.SSLContext:
    """``context`` with HTTP/1.1 as its protocol, for good.

    httpcore names the protocols anew for every connection. OpenSSL frees the old names then,
    and another thread that begins a connection in that moment copies what was freed: its
    first message is garbled, and the server answers with ``decode_error``.
    """
    context.set_alpn_protocols(["http/1.1"])
    context.set_alpn_protocols = lambda _protocols: None  # type: ignore[method-assign,assignment]
    return context


def _proxy(url: str) -> httpcore.Proxy:
    proxy = httpx.Proxy(url)  # takes the credentials out of the address
    return httpcore.Proxy(str(proxy.url), auth=proxy.raw_auth)


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


def origin_of(request: httpx.Request) -> str:
    """The scheme, host and port that a request goes to."""
    return f"{request.url.scheme}://{request.url.netloc.decode('ascii')}"


@contextlib.contextmanager
def _mapped(request: httpx.Request) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        for theirs, ours in _ERRORS:
            if isinstance(error, theirs):
                raise ours(f"{origin_of(request)}: {error}", request=request) from error
        raise
