"""Server-sent events: bytes in, events out.

The format and its interpretation are those of the WHATWG HTML standard, section
9.2, "Server-sent events".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MAX_EVENT: Final = 16 * 1024 * 1024
"""The largest event that is kept, in bytes of its lines."""

_END: Final = re.compile(rb"\r\n|\r|\n")
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event; ``id`` is the last one that the stream has set."""

    data: str
    type: str = "message"
    id: str = ""


class SSEDecoder:
    r"""Takes a stream in chunks and gives out its events.

    Lines end with ``\r\n``, ``\n`` or ``\r``, wherever the chunks are cut.  An
    event that is larger than ``limit`` bytes is dropped as a whole and counted in
    ``overlong``.  What stands after the last blank line is no event and is never
    given out.  ``retry`` is the reconnection time in milliseconds, if one was
    set, and ``last_event_id`` what a reconnection would send.
    """

    __slots__ = (
        "_after_cr", "_buffer_id", "_data", "_dropping", "_limit", "_pieces", "_size", "_started",
        "_type", "last_event_id", "overlong", "retry",
    )  # fmt: skip

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []  # the line that has not ended
        self._data: list[str] = []
        self._type = ""
        self._buffer_id = ""
        self._size = 0  # bytes held of the event that has not ended
        self._started = False
        self._after_cr = False
        self._dropping = False
        self.last_event_id = ""
        self.retry: int | None = None
        self.overlong = 0

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """Take a chunk and return the events that it completes."""
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        events: list[ServerSentEvent] = []
        start = 0
        for end in _END.finditer(data):
            self._hold(data[start : end.start()])
            start = end.end()
            event = self._line(self._take_line())
            if event is not None:
                events.append(event)
        self._after_cr = self._after_cr or data.endswith(b"\r")
        self._hold(data[start:])
        return events

    def _hold(self, piece: bytes) -> None:
        if not piece:
            return
        self._size += len(piece)
        if self._size > self._limit:
            self._dropping = True
            self._data.clear()
            # Whether the line is blank, and so ends the event, must still be known.
            self._pieces = [b":"]
        else:
            self._pieces.append(piece)

    def _take_line(self) -> bytes:
        line = b"".join(self._pieces)
        self._pieces = []
        if not self._started:
            self._started = True
            line = line.removeprefix(_BOM)
        return line

    def _line(self, line: bytes) -> ServerSentEvent | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(b":")
        if not field or self._dropping:
            return None
        text = value.removeprefix(b" ").decode("utf-8", "replace")
        match field:
            case b"data":
                self._data.append(text)
            case b"event":
                self._type = text
            case b"id":
                if "\0" not in text:
                    self._buffer_id = text
            case b"retry":
                if text.isascii() and text.isdigit() and len(text) < 19:
                    self.retry = int(text)
            case _:
                pass
        return None

    def _dispatch(self) -> ServerSentEvent | None:
        dropped, data, type_ = self._dropping, self._data, self._type
        self._data, self._type, self._size, self._dropping = [], "", 0, False
        self.last_event_id = self._buffer_id
        if dropped:
            self.overlong += 1
            return None
        if not data:
            return None
        return ServerSentEvent("\n".join(data), type_ or "message", self.last_event_id)
