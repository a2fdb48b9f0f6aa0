"""An answer of a server as it comes in, whole or as a stream of events."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from ..streams.sse import SSEDecoder
from .asking import Ask
from .extract import find_object
from .providers import Dialect
from .stream import CompletionStream
from .wire import APIError, Completion, parse_answer

LARGEST: Final = 32 * 1024 * 1024
"""Bytes of a body; what is larger is no answer."""

LARGE: Final = 128 * 1024
"""Bytes or characters; reading more takes longer than an event loop should wait."""


class ReplyReader:
    """Takes the body of one answer in chunks.

    ``on_text`` receives the text of a stream piece by piece; ``spoken`` tells that
    it has.  ``full`` means that nothing more is wanted.
    """

    __slots__ = (
        "_body",
        "_decoder",
        "_dialect",
        "_on_text",
        "_status",
        "_stream",
        "full",
        "spoken",
    )

    def __init__(self, dialect: Dialect, on_text: Callable[[str], None] | None = None) -> None:
        self._dialect = dialect
        self._on_text = on_text
        self._status = 0
        self._body = bytearray()
        self._decoder = SSEDecoder()
        self._stream: CompletionStream | None = None
        self.full = False
        self.spoken = False

    @property
    def large(self) -> bool:
        """Whether :meth:`result` will take long."""
        return len(self._body) > LARGE

    def begin(self, status: int, content_type: str) -> None:
        """The head has come; a second one begins anew."""
        self._status = status
        self._body.clear()
        if status == 200 and content_type.lower().startswith("text/event-stream"):
            self._stream = CompletionStream(self._dialect)

    def feed(self, chunk: bytes) -> None:
        """Take a chunk of the body."""
        if self._stream is not None:
            for event in self._decoder.feed(chunk):
                piece = self._stream.feed(event)
                if piece and self._on_text is not None:
                    self.spoken = True
                    self._on_text(piece)
            self.full = self._stream.done
            return
        self._body += chunk
        self.full = len(self._body) > LARGEST

    def result(self) -> Completion | APIError:
        """The whole, once the body has ended or nothing more is wanted."""
        if self._stream is not None:
            return self._stream.result()
        if self.full:
            return APIError(502, f"the answer is larger than {LARGEST} bytes")
        return parse_answer(self._dialect, self._status, bytes(self._body))


class TextReader(ReplyReader):
    """Takes an answer that is no completion; the text of the result is all of it."""

    __slots__ = ()

    def result(self) -> Completion | APIError:
        if self.full or not 200 <= self._status < 300:
            return super().result()
        return Completion(self._body.decode("utf-8", "replace"))


def condensed(ask: Ask, text: str) -> str:
    """Of a large answer to a question for JSON the object alone, which is read faster.

    An answer without one is cut, for it is no use.
    """
    if not ask.json or len(text) <= LARGE:
        return text
    found = find_object(text)
    return text[:LARGE] if found is None else json.dumps(found, ensure_ascii=False)
