"""What an agent has told in the course of one run."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

from .streams import AgentEvent, AgentEventKind

PLAIN_LINES: Final = 50
"""How many of the last lines are kept that are no events."""


class AgentRecord:
    """Takes every event of a run and keeps what is worth knowing afterwards.

    ``text`` is the last thing it said, ``plain`` the last lines among its events
    that were none.  ``result_text`` is what it announced as its result, or the
    error that it reported last if there was no result; None if there was neither.
    ``is_error`` says that it is an error, ``code`` is the status or name that the
    agent gave it, and ``reset_at`` when a used-up allowance is renewed (seconds
    since the epoch).
    """

    def __init__(self) -> None:
        self.text = ""
        self.session: str | None = None
        self.model: str | None = None
        self.usage: Mapping[str, int] = {}
        self.reset_at: float | None = None
        self._plain: deque[str] = deque(maxlen=PLAIN_LINES)
        self._result: AgentEvent | None = None
        self._error: AgentEvent | None = None

    def note(self, event: AgentEvent) -> None:
        """Take the next event."""
        self.session = event.session or self.session
        self.model = event.model or self.model
        match event.kind:
            case AgentEventKind.TEXT:
                self.text = event.text
            case AgentEventKind.RESULT:
                self._result = event
                self.usage = event.usage
                self.text = event.text or self.text
            case AgentEventKind.ERROR if event.is_error:
                self._error = event
            case AgentEventKind.LIMIT:
                self.reset_at = event.reset_at if event.is_error else None
            case AgentEventKind.INVALID if not event.text.startswith(("{", "[")):
                self._plain.append(event.text)
            case _:
                pass

    @property
    def plain(self) -> tuple[str, ...]:
        return tuple(self._plain)

    @property
    def error(self) -> str:
        """The error that it reported last, "" if it reported none."""
        return self._error.text if self._error else ""

    @property
    def result_text(self) -> str | None:
        return self._last.text if self._last else None

    @property
    def is_error(self) -> bool:
        return self._last is not None and self._last.is_error

    @property
    def code(self) -> str | None:
        return self._last.code if self._last else None

    @property
    def _last(self) -> AgentEvent | None:
        return self._result or self._error
