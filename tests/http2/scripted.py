"""An HTTP/2 server over TLS in the test's own loop that does as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from typing import cast

from h2.errors import ErrorCodes
from hyperframe.frame import GoAwayFrame

from .peer_server import PeerServer
from .servers import Certificates

Script = Callable[["Session", int], None]


class Session(asyncio.Protocol):
    """One connection: ``script(session, stream_id)`` runs at the end of each request."""

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self.peer = PeerServer(max_streams=server.max_streams, window=server.window)
        self.number = len(server.sessions)
        self.silent = False
        self._ended: set[int] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.server.sessions.append(self)
        if self.server.mute:
            self.peer.flush()
        self.flush()

    def data_received(self, data: bytes) -> None:
        if self.silent:
            return
        self.peer.receive(data)
        for stream_id in sorted(self.peer.ended - self._ended):
            self._ended.add(stream_id)
            self.server.requests.append((self.number, stream_id))
            self.server.script(self, stream_id)
        self.flush()

    def flush(self) -> None:
        self.transport.write(self.peer.flush())

    def answer(self, stream_id: int, body: bytes = b"fine") -> None:
        self.peer.answer(stream_id, body)
        self.flush()

    def refuse(self, stream_id: int) -> None:
        self.peer.h2.reset_stream(stream_id, ErrorCodes.REFUSED_STREAM)
        self.flush()

    def goaway(self, last: int, code: int = 0) -> None:
        """A graceful GOAWAY: hyper-h2 itself would close."""
        self.flush()
        self.transport.write(GoAwayFrame(0, last, code).serialize())

    def close(self) -> None:
        self.flush()
        self.transport.close()

    def abort(self) -> None:
        self.flush()
        self.transport.abort()


class ScriptedServer:
    """What came in, over which connections."""

    def __init__(self, script: Script, max_streams: int, window: int, mute: bool) -> None:
        self.script = script
        self.max_streams = max_streams
        self.window = window
        self.mute = mute
        self.sessions: list[Session] = []
        self.requests: list[tuple[int, int]] = []
        self.url = ""


@contextlib.asynccontextmanager
async def scripted(
    certificates: Certificates,
    script: Script,
    *,
    max_streams: int = 100,
    window: int = 65_535,
    mute: bool = False,
) -> AsyncIterator[ScriptedServer]:
    """Listen on loopback.  A ``mute`` server does not even send its settings."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.cert, certificates.key)
    context.set_alpn_protocols(["h2"])
    server = ScriptedServer(script, max_streams, window, mute)
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(
        lambda: Session(server), "127.0.0.1", 0, ssl=context, backlog=200
    )
    server.url = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        for session in server.sessions:
            session.transport.abort()
        await listening.wait_closed()
        await asyncio.sleep(0)
