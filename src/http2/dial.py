"""Open a connection: TCP, a proxy's tunnel, TLS, and whichever HTTP the server chose."""

from __future__ import annotations

import asyncio
import socket
import ssl

import httpx

from .connection import Connection, Owner
from .h1_connection import H1Connection
from .h2_connection import H2Connection
from .limits import Limits
from .origin import Origin
from .proxy import Proxy, Tunnel

_LONGEST = 60.0
_KEEPALIVE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))


class _Landing(asyncio.Protocol):
    """Keeps what arrives until it is known which protocol is spoken."""

    def __init__(self) -> None:
        self._data: list[bytes] = []
        self._ended = False
        self._lost: tuple[Exception | None] | None = None

    def data_received(self, data: bytes) -> None:
        self._data.append(data)

    def eof_received(self) -> None:
        self._ended = True

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = (exc,)

    def hand_over(self, transport: asyncio.Transport, connection: Connection) -> None:
        transport.set_protocol(connection)
        connection.connection_made(transport)
        for data in self._data:
            connection.data_received(data)
        if self._ended:
            connection.eof_received()
        if self._lost is not None:
            connection.connection_lost(*self._lost)


class Dialer:
    """Makes connections for a pool."""

    def __init__(self, context: ssl.SSLContext, proxy: Proxy | None, limits: Limits) -> None:
        self._context = context
        self._proxy = proxy
        self._limits = limits

    async def __call__(self, owner: Owner, origin: Origin, expected: int | None) -> Connection:
        """A connection to ``origin``.

        Raises `httpx.ConnectError`, `httpx.ConnectTimeout` or `httpx.ProxyError`,
        with a message that names the origin.
        """
        loop = asyncio.get_running_loop()
        landing = _Landing()
        try:
            async with asyncio.timeout(_LONGEST):
                transport = await self._transport(loop, origin, landing)
        except TimeoutError as error:
            raise httpx.ConnectTimeout(f"{origin}: no connection in time") from error
        except ssl.SSLCertVerificationError as error:
            reason = error.verify_message or error.reason or str(error)
            raise httpx.ConnectError(
                f"{origin}: the server's certificate was refused: {reason}; if it is issued by an "
                "authority of your own, give that authority's certificate as verify="
            ) from error
        except ssl.SSLError as error:
            raise httpx.ConnectError(
                f"{origin}: the TLS handshake failed: {error.reason or error}"
            ) from error
        except socket.gaierror as error:
            raise httpx.ConnectError(f"{origin}: the name has no address: {error}") from error
        except OSError as error:
            via = f" by the proxy {self._proxy}" if self._proxy else ""
            raise httpx.ConnectError(f"{origin}: cannot connect{via}: {error}") from error
        tls = transport.get_extra_info("ssl_object")
        connection: Connection
        if origin.secure and tls is not None and tls.selected_alpn_protocol() == "h2":
            connection = H2Connection(origin, owner, self._limits, loop, expected)
        else:
            prepare = self._proxy.forward if self._proxy and not origin.secure else None
            connection = H1Connection(origin, owner, self._limits, loop, prepare)
        landing.hand_over(transport, connection)
        return connection

    async def _transport(
        self, loop: asyncio.AbstractEventLoop, origin: Origin, landing: _Landing
    ) -> asyncio.Transport:
        proxy = self._proxy
        if proxy is None:
            context = self._context if origin.secure else None
            name = origin.server_name if origin.secure else None
            transport, _ = await loop.create_connection(
                lambda: landing, origin.host, origin.port, ssl=context, server_hostname=name
            )
            _keep_alive(transport)
            return transport
        context = proxy.context() if proxy.secure else None
        if not origin.secure:
            transport, _ = await loop.create_connection(
                lambda: landing, proxy.host, proxy.port, ssl=context
            )
            _keep_alive(transport)
            return transport
        tunnel = Tunnel(proxy, origin, loop)
        transport, _ = await loop.create_connection(
            lambda: tunnel, proxy.host, proxy.port, ssl=context
        )
        try:
            await tunnel.opened
            _keep_alive(transport)
            secured = await loop.start_tls(
                transport, landing, self._context, server_hostname=origin.server_name
            )
        except BaseException:
            transport.abort()
            raise
        if secured is None:
            raise ConnectionResetError("the proxy closed the tunnel")
        return secured


def _keep_alive(transport: asyncio.BaseTransport) -> None:
    """Let the kernel notice peers that are gone, where it can be told to."""
    sock = transport.get_extra_info("socket")
    if sock is None:
        return
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE:
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    except OSError:
        return
