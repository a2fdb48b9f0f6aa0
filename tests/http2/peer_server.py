"""An HTTP/2 server in memory: hyper-h2 on the other side of a `FrameMachine`."""

from __future__ import annotations

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded, StreamReset
from h2.settings import SettingCodes, Settings

from codeagent.http2.events import Event
from codeagent.http2.frames import FrameMachine

POST = [
    (b":method", b"POST"),
    (b":scheme", b"https"),
    (b":authority", b"localhost"),
    (b":path", b"/"),
]
GET = [(b":method", b"GET"), *POST[1:]]


class PeerServer:
    """What the client sent it; and its answers, kept until `flush`."""

    def __init__(self, *, max_streams: int = 100, window: int = 65_535) -> None:
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self.h2.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: max_streams,
                SettingCodes.INITIAL_WINDOW_SIZE: window,
            },
        )
        self.h2.initiate_connection()
        self.heads: dict[int, list[tuple[bytes, bytes]]] = {}
        self.bodies: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self.resets: dict[int, int] = {}

    def receive(self, data: bytes) -> None:
        for event in self.h2.receive_data(data):
            if isinstance(event, RequestReceived):
                self.heads[event.stream_id or 0] = list(event.headers or ())
                self.bodies[event.stream_id or 0] = b""
            elif isinstance(event, DataReceived):
                stream_id, length = event.stream_id or 0, event.flow_controlled_length or 0
                self.bodies[stream_id] += event.data or b""
                self.h2.acknowledge_received_data(length, stream_id)
            elif isinstance(event, StreamEnded):
                self.ended.add(event.stream_id or 0)
            elif isinstance(event, StreamReset):
                self.resets[event.stream_id or 0] = int(event.error_code or 0)

    def answer(self, stream_id: int, body: bytes, *, status: bytes = b"200") -> None:
        """A whole answer, as far as the client's window allows."""
        length = b"%d" % len(body)
        self.h2.send_headers(stream_id, [(b":status", status), (b"content-length", length)])
        for start in range(0, len(body), 16_384):
            self.h2.send_data(stream_id, body[start : start + 16_384])
        self.h2.end_stream(stream_id)

    def flush(self) -> bytes:
        return self.h2.data_to_send()


def machine(stream_window: int = 1 << 20, connection_window: int = 1 << 24) -> FrameMachine:
    return FrameMachine(stream_window=stream_window, connection_window=connection_window)


def connected(
    server: PeerServer, client: FrameMachine | None = None
) -> tuple[FrameMachine, list[Event]]:
    """A client that has exchanged settings with ``server``."""
    client = client or machine()
    server.receive(client.output())
    events = client.receive(server.flush())
    server.receive(client.output())
    return client, events
