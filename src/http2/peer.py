"""hyper-h2's state machine, adapted to a client that survives what its peer does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from h2.config import H2Configuration
from h2.connection import AllowedStreamIDs, ConnectionInputs, H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import (
    FrameTooLargeError,
    ProtocolError,
    StreamClosedError,
    StreamIDTooLowError,
    TooManyStreamsError,
)
from h2.stream import StreamInputs
from hyperframe.frame import DataFrame, Frame, GoAwayFrame

from .field_decoder import FieldDecoder
from .field_encoder import FieldEncoder

_CONFIGURATION = H2Configuration(
    client_side=True,
    header_encoding=None,
    validate_inbound_headers=False,
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
)

# Types and flags of frames (RFC 9113, section 6).
_DATA: Final = 0x0
_HEADERS: Final = 0x1
_PUSH_PROMISE: Final = 0x5
_CONTINUATION: Final = 0x9
_END_STREAM: Final = 0x1
_END_HEADERS: Final = 0x4
_PADDED: Final = 0x8
_PRIORITY: Final = 0x20
_HEAD: Final = 9

_ENDED: Final = frozenset({"END_STREAM"})
_GOES_ON: Final[frozenset[str]] = frozenset()


def _ignore(_headers: object) -> None:
    """Stands in for hyper-h2's own check of content-length."""


class _Plain(NamedTuple):
    """A DATA or HEADERS frame without padding and priority, which nearly all are."""

    stream_id: int
    data: bytes
    flags: frozenset[str]

    @property
    def flow_controlled_length(self) -> int:
        return len(self.data)


class Answer:
    """What has been seen of the answer on one stream."""

    __slots__ = ("ended", "expected", "headed", "received", "sent")

    def __init__(self, *, bodiless: bool) -> None:
        self.headed = False
        self.ended = False
        self.sent = False
        self.received = 0
        self.expected: int | None = 0 if bodiless else None


class Peer(H2Connection):
    """hyper-h2, except that it keeps what it would throw away.

    A GOAWAY leaves the streams up to its last-stream-id open (hyper-h2 closes
    the whole connection), and what valid frames announced survives an invalid
    frame behind them.  Plain HEADERS and DATA frames, of which nearly all traffic
    consists, are read and written here; hyper-h2 does it for the others, and
    keeps the states and windows of all.
    """

    MAX_CLOSED_STREAMS = 1_024

    def __init__(self, on_frame: Callable[[Sequence[Any]], None], streams: dict[int, Answer]):
        super().__init__(_CONFIGURATION)
        self.encoder = FieldEncoder()  # type: ignore[assignment]
        self.decoder = FieldDecoder()
        self._on_frame = on_frame
        self._known = streams
        self._rest = b""
        self._in_block = False

    @property
    def open_outbound_streams(self) -> int:
        return len(self.streams)

    # What is sent

    def send_head(
        self, stream_id: int, fields: Sequence[tuple[bytes, bytes]], *, end: bool
    ) -> None:
        """Open a stream with a request's head."""
        if len(self.streams) >= self.remote_settings.max_concurrent_streams:
            raise TooManyStreamsError("the peer takes no more streams")
        self.state_machine.process_input(ConnectionInputs.SEND_HEADERS)
        stream = self._begin_new_stream(stream_id, AllowedStreamIDs.ODD)
        stream.state_machine.process_input(StreamInputs.SEND_HEADERS)
        if end:
            stream.state_machine.process_input(StreamInputs.SEND_END_STREAM)
        # hyper-h2 takes a wrong content-length for a connection error, and a 304's for wrong.
        setattr(stream, "_initialize_content_length", _ignore)  # noqa: B010
        block = self.encoder.encode(fields)
        most = self.max_outbound_frame_size
        flags = _END_STREAM if end else 0
        if len(block) <= most:
            self._put(_HEADERS, flags | _END_HEADERS, stream_id, block)
            return
        self._put(_HEADERS, flags, stream_id, block[:most])
        for at in range(most, len(block), most):
            last = _END_HEADERS if at + most >= len(block) else 0
            self._put(_CONTINUATION, last, stream_id, block[at : at + most])

    def send_piece(self, stream_id: int, piece: bytes, *, end: bool) -> None:
        """Send data that both windows and the size of frames allow."""
        stream = self.streams[stream_id]
        self.state_machine.process_input(ConnectionInputs.SEND_DATA)
        stream.state_machine.process_input(StreamInputs.SEND_DATA)
        if end:
            stream.state_machine.process_input(StreamInputs.SEND_END_STREAM)
        self.outbound_flow_control_window -= len(piece)
        stream.outbound_flow_control_window -= len(piece)
        self._put(_DATA, _END_STREAM if end else 0, stream_id, piece)

    def _put(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        head = (len(payload) << 16 | kind << 8 | flags).to_bytes(5, "big")
        self._data_to_send += head + stream_id.to_bytes(4, "big") + payload

    def forget(self, stream_id: int) -> None:
        stream = self.streams.pop(stream_id, None)
        if stream is not None:
            self._closed_streams[stream_id] = stream.closed_by

    # What is received

    def feed(self, data: bytes) -> None:
        """Take bytes, however they are split; what they announce goes to ``on_frame``."""
        if self._rest:
            data = self._rest + data
        at, size = 0, len(data)
        while size - at >= 3:
            length = data[at] << 16 | data[at + 1] << 8 | data[at + 2]
            if length > self.max_inbound_frame_size:
                self._terminate_connection(ErrorCodes.FRAME_SIZE_ERROR)
                raise FrameTooLargeError("a frame is longer than allowed, or this is not HTTP/2")
            end = at + _HEAD + length
            if end > size:
                break
            self._take(data, at, end)
            at = end
        self._rest = data[at:]

    def _take(self, data: bytes, at: int, end: int) -> None:
        """One whole frame."""
        kind, flags = data[at + 3], data[at + 4]
        if not self._in_block and (
            (kind == _DATA and not flags & _PADDED)
            or (kind == _HEADERS and flags & (_END_HEADERS | _PADDED | _PRIORITY) == _END_HEADERS)
        ):
            stream_id = int.from_bytes(data[at + 5 : at + _HEAD], "big") & 0x7FFF_FFFF
            if stream_id in self._known:
                ended = _ENDED if flags & _END_STREAM else _GOES_ON
                frame: Any = _Plain(stream_id, data[at + _HEAD : end], ended)
                receive: Any = self._receive_data_frame
                if kind == _HEADERS:
                    receive = self._receive_headers_frame
                try:
                    self._dispatch(receive, frame)
                except ProtocolError as error:
                    self._terminate_connection(error.error_code)
                    raise
                return
        if kind in (_HEADERS, _PUSH_PROMISE, _CONTINUATION):
            self._in_block = not flags & _END_HEADERS
        self.receive_data(data[at:end])

    def _receive_frame(self, frame: Frame) -> list[Any]:
        if isinstance(frame, DataFrame) and frame.stream_id not in self._known:
            self._discard(frame)
        else:
            # hyper-h2's own method does this, and spells every frame out for its log.
            self._dispatch(self._frame_dispatch_table[type(frame)], frame)
        return []

    def _dispatch(self, receive: Callable[[Any], tuple[list[Any], list[Any]]], frame: Any) -> None:
        try:
            answer, events = receive(frame)
        except (StreamClosedError, StreamIDTooLowError) as error:
            if not 0 < error.stream_id <= self.highest_outbound_stream_id:
                raise
            return  # it was under way when the stream was reset
        if answer:
            self._prepare_for_sending(answer)
        self._on_frame(events)

    def _discard(self, frame: DataFrame) -> None:
        """Take data of a stream that is over: it was under way when the stream was reset."""
        if not 0 < frame.stream_id <= self.highest_outbound_stream_id:
            raise ProtocolError(f"data on stream {frame.stream_id}, which was never opened")
        self._inbound_flow_control_window_manager.window_consumed(frame.flow_controlled_length)
        self._on_frame((frame,))

    def _receive_goaway_frame(self, frame: GoAwayFrame) -> tuple[list[Frame], list[Any]]:
        self._on_frame((frame,))
        return [], []
