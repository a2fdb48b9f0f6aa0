"""A completion that comes in pieces."""

from __future__ import annotations

import json
from typing import Final

from ..lenient import mapping
from ..streams.sse import ServerSentEvent
from .extract import text_of
from .providers import Dialect
from .wire import (
    APIError,
    Completion,
    Usage,
    content_text,
    first,
    read_error,
    read_google,
    read_usage,
)

_END: Final = "[DONE]"
_LARGEST_TEXT: Final = 16 * 1024 * 1024


class CompletionStream:
    """Puts the events of one stream together.

    ``feed`` returns the text that an event adds.  Once ``done`` nothing more is
    expected, and what still comes is passed over.
    """

    __slots__ = ("_dialect", "_error", "_finish", "_length", "_model", "_pieces", "_usage", "done")

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._pieces: list[str] = []
        self._length = 0
        self._usage = Usage()
        self._model = ""
        self._finish = ""
        self._error: APIError | None = None
        self.done = False

    def feed(self, event: ServerSentEvent) -> str:
        """Take an event; an event that cannot be read makes the whole an error."""
        if self.done:
            return ""
        if event.data.strip() == _END:
            self.done = True
            return ""
        try:
            value = json.loads(event.data)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            return self._fail(APIError(502, "an event of the stream is no JSON object"))
        choice = first(value.get("choices"))
        if error := read_error(value, 502) or read_error(choice, 502):
            return self._fail(error)
        if self._dialect is Dialect.GOOGLE:
            piece = read_google(value)
            if isinstance(piece, APIError):
                return self._fail(piece)
            text, finish, model = piece.text, piece.finish, piece.model
        else:
            text = content_text(mapping(choice.get("delta")).get("content"))
            finish = text_of(choice.get("finish_reason"))
            model = text_of(value.get("model"))
        if value.get("usage") or value.get("usageMetadata"):
            self._usage = read_usage(value)  # each statement holds the total so far
        self._finish = finish or self._finish
        self._model = model or self._model
        self._length += len(text)
        if self._length > _LARGEST_TEXT:
            return self._fail(APIError(502, "the answer is too long"))
        self._pieces.append(text)
        return text

    def result(self) -> Completion | APIError:
        """The whole after the end of the stream; a stream that broke off is an error."""
        if self._error is not None:
            return self._error
        if not self.done and not self._finish:
            return APIError(502, "the stream broke off")
        return Completion("".join(self._pieces), self._usage, self._model, self._finish)

    def _fail(self, error: APIError) -> str:
        self._error = error
        self.done = True
        return ""
