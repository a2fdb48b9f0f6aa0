"""Through an HTTP proxy: tunnels by CONNECT, and plain requests in absolute form."""

from __future__ import annotations

import asyncio
import base64
import ssl
from typing import cast

import h11
import httpx

from .fields import RequestHead
from .origin import Origin


class Proxy:
    """Where the proxy is and what it is told.  Its ``repr`` shows no credentials."""

    def __init__(self, proxy: httpx.Proxy | httpx.URL | str) -> None:
        given = proxy if isinstance(proxy, httpx.Proxy) else httpx.Proxy(proxy)
        if given.url.scheme not in ("http", "https"):
            raise ValueError(
                f"the proxy {given.url.scheme}://{given.url.host} speaks {given.url.scheme}: "
                "give one with http:// or https://"
            )
        self.secure = given.url.scheme == "https"
        self.host = given.url.raw_host.decode("ascii")
        self.port = given.url.port or (443 if self.secure else 80)
        self.ssl_context = given.ssl_context
        self._headers: list[tuple[bytes, bytes]] = list(given.headers.raw)
        if given.raw_auth is not None:
            user, password = given.raw_auth
            token = base64.b64encode(user + b":" + password)
            self._headers.append((b"Proxy-Authorization", b"Basic " + token))

    def __repr__(self) -> str:
        return f"<Proxy {self}>"

    def __str__(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.host}:{self.port}"

    def context(self) -> ssl.SSLContext:
        """How the connection to the proxy itself is secured."""
        context = self.ssl_context or httpx.create_ssl_context()
        context.set_alpn_protocols(["http/1.1"])
        return context

    def forward(self, head: RequestHead) -> RequestHead:
        """The head of a plain request as the proxy wants it (RFC 9112, section 3.2.2)."""
        target = head.scheme + b"://" + head.authority + head.target
        return head._replace(target=target, headers=[*self._headers, *head.headers])

    def connect_head(self, origin: Origin) -> bytes:
        """The request for a tunnel to ``origin`` (RFC 9110, section 9.3.6)."""
        host = f"[{origin.host}]" if ":" in origin.host else origin.host
        authority = f"{host}:{origin.port}".encode("ascii")
        lines = [b"CONNECT " + authority + b" HTTP/1.1", b"Host: " + authority]
        lines += [name + b": " + value for name, value in self._headers]
        return b"\r\n".join([*lines, b"", b""])


class Tunnel(asyncio.Protocol):
    """Asks the proxy for a tunnel; ``opened`` is done when there is one."""

    def __init__(self, proxy: Proxy, origin: Origin, loop: asyncio.AbstractEventLoop) -> None:
        self.opened: asyncio.Future[None] = loop.create_future()
        self._proxy = proxy
        self._origin = origin
        self._h11 = h11.Connection(h11.CLIENT)
        self._h11.send(h11.Request(method=b"CONNECT", target=b"x:1", headers=[(b"Host", b"x:1")]))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self._proxy.connect_head(self._origin))

    def data_received(self, data: bytes) -> None:
        if self.opened.done():
            return
        self._h11.receive_data(data)
        try:
            event = self._h11.next_event()
            while isinstance(event, h11.InformationalResponse):
                event = self._h11.next_event()
        except h11.RemoteProtocolError as error:
            self._refuse(f"it broke HTTP/1.1: {error}")
            return
        if not isinstance(event, h11.Response):
            return
        if 200 <= event.status_code < 300:
            self.opened.set_result(None)
        else:
            reason = bytes(event.reason).decode("latin-1")
            self._refuse(f"{event.status_code} {reason}".strip())

    def connection_lost(self, exc: Exception | None) -> None:
        self._refuse(str(exc) if exc else "it closed the connection")

    def _refuse(self, reason: str) -> None:
        if not self.opened.done():
            self.opened.set_exception(
                httpx.ProxyError(
                    f"the proxy {self._proxy} opened no tunnel to {self._origin}: {reason}"
                )
            )
