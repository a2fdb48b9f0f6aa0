"""hyper-h2's state machine, adapted to a client that survives what its peer does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import FrameTooLargeError, ProtocolError, StreamClosedError, StreamIDTooLowError
from hyperframe.frame import DataFrame, Frame, GoAwayFrame

from .field_encoder import FieldEncoder

_CONFIGURATION = H2Configuration(
    client_side=True,
    header_encoding=None,
    validate_inbound_headers=False,
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
)


def _ignore(_headers: object) -> None:
    """Stands in for hyper-h2's own check of content-length."""


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
    frame behind them.
    """

    MAX_CLOSED_STREAMS = 1_024

    def __init__(self, on_frame: Callable[[Sequence[Any]], None], streams: dict[int, Answer]):
        super().__init__(_CONFIGURATION)
        self.encoder = FieldEncoder()  # type: ignore[assignment]
        self._on_frame = on_frame
        self._known = streams

    @property
    def open_outbound_streams(self) -> int:
        return len(self.streams)

    def expect_any_length(self, stream_id: int) -> None:
        """Leave the check of content-length to the caller.

        hyper-h2 takes a wrong one for a connection error, and a 304's for wrong.
        """
        setattr(self.streams[stream_id], "_initialize_content_length", _ignore)  # noqa: B010

    def check_next_length(self) -> None:
        """Refuse a frame that is too long before all of it is there, not after."""
        buffer: Any = self.incoming_buffer
        rest = buffer._data if hasattr(buffer, "_data") else buffer.data
        if len(rest) >= 3 and int.from_bytes(rest[:3], "big") > self.max_inbound_frame_size:
            raise FrameTooLargeError("a frame is longer than allowed, or this is not HTTP/2")

    def forget(self, stream_id: int) -> None:
        stream = self.streams.pop(stream_id, None)
        if stream is not None:
            self._closed_streams[stream_id] = stream.closed_by

    def _receive_frame(self, frame: Frame) -> list[Any]:
        if isinstance(frame, DataFrame) and frame.stream_id not in self._known:
            self._discard(frame)
            return []
        try:
            # hyper-h2's own method does this, and spells every frame out for its log.
            answer, events = self._frame_dispatch_table[type(frame)](frame)
        except (StreamClosedError, StreamIDTooLowError) as error:
            if not 0 < error.stream_id <= self.highest_outbound_stream_id:
                raise
            return []  # it was under way when the stream was reset
        if answer:
            self._prepare_for_sending(answer)
        self._on_frame(events)
        return []

    def _discard(self, frame: DataFrame) -> None:
        """Take data of a stream that is over: it was under way when the stream was reset."""
        if not 0 < frame.stream_id <= self.highest_outbound_stream_id:
            raise ProtocolError(f"data on stream {frame.stream_id}, which was never opened")
        self._inbound_flow_control_window_manager.window_consumed(frame.flow_controlled_length)
        self._on_frame((frame,))

    def _receive_goaway_frame(self, frame: GoAwayFrame) -> tuple[list[Frame], list[Any]]:
        self._on_frame((frame,))
        return [], []
