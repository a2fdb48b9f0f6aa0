"""An HTTP proxy in the test's own loop: tunnels, and plain requests in absolute form."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from .servers import Certificates


class ProxyServer:
    """What it was asked, and where it listens."""

    def __init__(self, credentials: str | None, silent: bool) -> None:
        self.seen: list[str] = []
        self.port = 0
        self._credentials = credentials
        self._silent = silent
        self.tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        try:
            if self._silent:
                await reader.read()
                return
            await self._handle(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *fields = head.decode("latin-1").strip().split("\r\n")
        wanted = base64.b64encode((self._credentials or "").encode()).decode()
        if self._credentials and f"Proxy-Authorization: Basic {wanted}" not in fields:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        self.seen.append(first)
        method, target, _ = first.split(" ")
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            other, to_other = await asyncio.open_connection(host, int(port))
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            url = urlsplit(target)
            other, to_other = await asyncio.open_connection(url.hostname, url.port)
            kept = [f for f in fields if not f.startswith("Proxy-")]
            to_other.write("\r\n".join([f"{method} {url.path} HTTP/1.1", *kept, "", ""]).encode())
        try:
            await asyncio.gather(_copy(reader, to_other), _copy(other, writer))
        finally:
            to_other.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def proxy_server(
    certificates: Certificates | None, credentials: str | None, *, silent: bool = False
) -> AsyncIterator[ProxyServer]:
    """A proxy that asks for ``credentials``; ``silent`` accepts and never says a word."""
    proxy = ProxyServer(credentials, silent)
    context = None
    if certificates is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.cert, certificates.key)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, ssl=context)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in list(proxy.tasks):
            task.cancel()
        await asyncio.gather(*proxy.tasks, return_exceptions=True)
        await server.wait_closed()
