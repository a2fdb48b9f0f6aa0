"""HTTP/2 framing for a client, without I/O: bytes in, events out, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    PingAckReceived,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.settings import SettingCodes
from h2.settings import Settings as PeerSettings
from hyperframe.frame import DataFrame, GoAwayFrame

from .events import Broken, Data, End, Event, GoAway, Head, Headers, Pong, Reset, Settings, Window
from .peer import Answer, Peer

_DEFAULT_WINDOW = 65_535
_MAX_HEADER_LIST = 65_536
_LAST_STREAM_ID = 2**31 - 1


class FrameMachine:
    """One client connection's frames.

    Never raises for what the peer sends: a violation of the protocol is
    announced as `Reset` where one stream is concerned and as `Broken` where
    the connection is.  The connection's receive window is opened again as
    data arrives, a stream's when `consumed` says so: a slow reader holds up its
    own stream and no other.
    """

    def __init__(
        self, *, stream_window: int, connection_window: int, max_frame: int = 16_384
    ) -> None:
        self.peer_max_streams: int | None = None
        self._streams: dict[int, Answer] = {}
        self._events: list[Event] = []
        self._stream_window = stream_window
        self._connection_window = connection_window
        self._connection_credit = 0
        self._stream_credit: dict[int, int] = {}
        self._next_id = 1
        self._peer = peer = Peer(self._translate, self._streams)
        peer.local_settings = PeerSettings(
            client=True,
            initial_values={
                SettingCodes.ENABLE_PUSH: 0,
                SettingCodes.INITIAL_WINDOW_SIZE: stream_window,
                SettingCodes.MAX_FRAME_SIZE: max_frame,
                SettingCodes.MAX_HEADER_LIST_SIZE: _MAX_HEADER_LIST,
            },
        )
        peer.max_inbound_frame_size = max_frame
        peer.initiate_connection()
        if connection_window > _DEFAULT_WINDOW:
            peer.increment_flow_control_window(connection_window - _DEFAULT_WINDOW)

    # What the client sends

    @property
    def exhausted(self) -> bool:
        """Whether the connection has no stream identifiers left."""
        return self._next_id > _LAST_STREAM_ID

    def open(self, headers: Sequence[tuple[bytes, bytes]], *, end: bool, bodiless: bool) -> int:
        """Send a request's head on a new stream, whose identifier is returned.

        ``bodiless`` says that the answer will have no body (HEAD).
        """
        stream_id = self._next_id
        self._peer.send_head(stream_id, headers, end=end)
        self._next_id += 2
        self._streams[stream_id] = stream = Answer(bodiless=bodiless)
        stream.sent = end
        return stream_id

    def send(self, stream_id: int, data: bytes | memoryview, *, end: bool) -> int:
        """Send as much of ``data`` as the peer's windows allow, and return how much that was.

        ``end`` ends the request's body, as soon as all of ``data`` is sent.
        """
        stream = self._streams.get(stream_id)
        if stream is None or stream.sent:
            return 0
        peer = self._peer
        size, done = len(data), 0
        while done < size:
            room = min(peer.local_flow_control_window(stream_id), peer.max_outbound_frame_size)
            if room <= 0:
                return done
            piece = bytes(data[done : done + room])
            done += len(piece)
            peer.send_piece(stream_id, piece, end=end and done == size)
        if end:
            if not size:
                peer.end_stream(stream_id)
            stream.sent = True
            if stream.ended:
                self._finish(stream_id)
        return done

    def reset(self, stream_id: int, code: ErrorCodes = ErrorCodes.CANCEL) -> None:
        """Give the stream up.  What still arrives on it is discarded."""
        if self._streams.pop(stream_id, None) is not None:
            self._stream_credit.pop(stream_id, None)
            if not self._peer.streams[stream_id].closed:
                self._peer.reset_stream(stream_id, code)
            self._peer.forget(stream_id)

    def drop(self, stream_id: int) -> None:
        """Forget a stream that the peer never took up, and tell it nothing."""
        if self._streams.pop(stream_id, None) is not None:
            self._stream_credit.pop(stream_id, None)
            self._peer.forget(stream_id)

    def consumed(self, stream_id: int, credit: int) -> None:
        """The reader took ``credit`` bytes: let the peer send as many again, in good time."""
        stream = self._streams.get(stream_id)
        if stream is None or stream.ended:
            return
        total = self._stream_credit.get(stream_id, 0) + credit
        if total >= self._stream_window // 2:
            self._peer.increment_flow_control_window(total, stream_id)
            total = 0
        self._stream_credit[stream_id] = total

    def ping(self, data: bytes) -> None:
        """Ask the peer for a sign of life.  ``data`` is eight bytes long."""
        self._peer.ping(data)

    def close(self) -> None:
        """Say farewell with a GOAWAY."""
        self._peer.close_connection()

    def output(self) -> bytes:
        """The bytes to write.  They are returned once."""
        return self._peer.data_to_send()

    # What the peer sends

    def receive(self, data: bytes) -> list[Event]:
        """What ``data`` announces, in its order.  Any split of the bytes is accepted."""
        self._events = events = list[Event]()
        try:
            self._peer.feed(data)
        except Exception as error:
            events.append(Broken(_explain(error)))
        return events

    def _translate(self, happened: Sequence[Any]) -> None:
        for one in happened:
            handler = _HANDLERS.get(type(one))
            if handler is not None:
                handler(self, one)

    def _on_response(self, event: ResponseReceived) -> None:
        stream_id = event.stream_id
        stream = self._streams.get(stream_id or 0)
        if stream is None or stream_id is None:
            return
        headers: Headers = list(event.headers or ())
        problem = _problem(headers)
        if problem:
            self._refuse(stream_id, problem)
            return
        status = int(headers[0][1])
        del headers[0]
        stream.headed = True
        if stream.expected is None and status not in (204, 304):
            for name, value in headers:
                if name == b"content-length":
                    stream.expected = int(value) if value.isdigit() else -1
        self._events.append(Head(stream_id, status, headers))

    def _on_data(self, event: DataReceived) -> None:
        stream_id, data = event.stream_id or 0, event.data or b""
        credit = event.flow_controlled_length or 0
        self._return_credit(credit)
        stream = self._streams.get(stream_id)
        if stream is None:
            return
        stream.received += len(data)
        if not stream.headed:
            self._refuse(stream_id, "it sent a body before the status")
        elif stream.expected is not None and stream.received > stream.expected:
            self._refuse(stream_id, "the body is longer than its content-length")
        elif credit:
            self._events.append(Data(stream_id, data, credit))

    def _on_end(self, event: StreamEnded) -> None:
        stream_id = event.stream_id or 0
        stream = self._streams.get(stream_id)
        if stream is None:
            return
        if not stream.headed:
            self._refuse(stream_id, "it ended the answer before the status")
        elif stream.expected is not None and stream.received != stream.expected:
            self._refuse(stream_id, "the body is shorter than its content-length")
        else:
            stream.ended = True
            if stream.sent:
                self._finish(stream_id)
            self._events.append(End(stream_id))

    def _on_reset(self, event: StreamReset) -> None:
        stream_id, code = event.stream_id or 0, int(event.error_code or 0)
        if self._streams.pop(stream_id, None) is not None:
            self._stream_credit.pop(stream_id, None)
            self._peer.forget(stream_id)
            by_peer = bool(event.remote_reset)
            reason = "" if by_peer else "it sent a frame that the stream's state forbids"
            self._events.append(Reset(stream_id, code, by_peer, reason))

    def _on_settings(self, _event: RemoteSettingsChanged) -> None:
        self.peer_max_streams = self._peer.remote_settings.max_concurrent_streams
        self._events.append(Settings(self.peer_max_streams))
        self._events.append(Window(0))

    def _on_window(self, event: WindowUpdated) -> None:
        self._events.append(Window(event.stream_id or 0))

    def _on_pong(self, event: PingAckReceived) -> None:
        self._events.append(Pong(bytes(event.ping_data or b"")))

    def _on_goaway(self, frame: GoAwayFrame) -> None:
        self._events.append(
            GoAway(frame.last_stream_id, frame.error_code, frame.additional_data or b"")
        )

    def _on_discarded(self, frame: DataFrame) -> None:
        self._return_credit(frame.flow_controlled_length)

    def _return_credit(self, credit: int) -> None:
        self._connection_credit += credit
        if self._connection_credit >= self._connection_window // 2:
            self._peer.increment_flow_control_window(self._connection_credit)
            self._connection_credit = 0

    def _refuse(self, stream_id: int, reason: str) -> None:
        """End a stream whose answer is malformed (RFC 9113, section 8.1.1)."""
        self.reset(stream_id, ErrorCodes.PROTOCOL_ERROR)
        self._events.append(Reset(stream_id, ErrorCodes.PROTOCOL_ERROR, False, reason))

    def _finish(self, stream_id: int) -> None:
        del self._streams[stream_id]
        self._stream_credit.pop(stream_id, None)
        self._peer.forget(stream_id)


_HANDLERS: dict[type, Callable[[FrameMachine, Any], None]] = {
    ResponseReceived: FrameMachine._on_response,
    DataReceived: FrameMachine._on_data,
    StreamEnded: FrameMachine._on_end,
    StreamReset: FrameMachine._on_reset,
    RemoteSettingsChanged: FrameMachine._on_settings,
    WindowUpdated: FrameMachine._on_window,
    PingAckReceived: FrameMachine._on_pong,
    GoAwayFrame: FrameMachine._on_goaway,
    DataFrame: FrameMachine._on_discarded,
}


def _problem(headers: Headers) -> str:
    """What is wrong with a response's fields, or nothing (RFC 9113, section 8.3.2)."""
    if not headers or headers[0][0] != b":status":
        return "the answer has no status"
    status = headers[0][1]
    if len(status) != 3 or not status.isdigit() or status < b"200":
        return f"the status is {status[:20]!r}"
    for name, value in headers[1:]:
        if name[:1] in (b":", b""):
            return f"a pseudo-field {name[:40]!r} is out of place"
        if b"\n" in value or b"\r" in value or b"\0" in value:
            return f"the field {name[:40]!r} has a line break in its value"
    return ""


def _explain(error: Exception) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
