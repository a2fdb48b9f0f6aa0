"""What a coding agent says while it works, in one form for every agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol


class AgentEventKind(StrEnum):
    """What an event tells."""

    INIT = "init"
    PROMPT = "prompt"  # the agent repeats what it was asked
    TEXT = "text"
    THINKING = "thinking"
    TOOL_STARTED = "tool_started"
    TOOL_FINISHED = "tool_finished"
    RESULT = "result"
    ERROR = "error"  # something went wrong; the run may go on
    LIMIT = "limit"  # what is left of an allowance
    RETRY = "retry"
    CONNECTION = "connection"
    NOTICE = "notice"  # known, and neither work nor failure
    UNKNOWN = "unknown"
    INVALID = "invalid"


_NO_PROGRESS: Final = frozenset(
    {
        AgentEventKind.PROMPT,
        AgentEventKind.LIMIT,
        AgentEventKind.RETRY,
        AgentEventKind.CONNECTION,
        AgentEventKind.INVALID,
    }
)


@dataclass(frozen=True, slots=True)
class AgentEvent:
    """One event of an agent; a field that does not apply keeps its default.

    ``type`` is the name that the agent itself uses.  ``text`` is what was said,
    the command or file of a tool, or the unreadable line.  ``call_id`` pairs the
    start of a tool with its end.  ``timeout`` (the limit a tool was given) and
    ``duration`` are in seconds.  ``usage`` counts tokens, with names in snake
    case.  ``is_error`` is set for a failed tool, a failed result and a reported
    error, of which ``code`` is the status or the name that the agent gave it.
    ``reset_at`` is when an allowance is renewed (seconds since the epoch).
    """

    kind: AgentEventKind
    type: str = ""
    text: str = ""
    session: str | None = None
    model: str | None = None
    call_id: str | None = None
    tool: str | None = None
    timeout: float | None = None
    duration: float | None = None
    exit_code: int | None = None
    is_error: bool = False
    code: str | None = None
    reset_at: float | None = None
    usage: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_progress(self) -> bool:
        """Whether the agent does something, rather than only being alive.

        An event of an unknown type counts: a newer agent is not to be ended
        because it has more to tell.
        """
        return self.kind not in _NO_PROGRESS


@dataclass(slots=True)
class Counters:
    """What a decoder has seen; growing numbers of ``unknown`` mean a changed protocol."""

    events: int = 0
    unknown: int = 0
    invalid: int = 0
    overlong: int = 0
    unknown_types: dict[str, int] = field(default_factory=dict)


class Decoder(Protocol):
    """Turns an agent's standard output into events; never raises on any input."""

    @property
    def counters(self) -> Counters: ...

    def feed(self, data: bytes) -> list[AgentEvent]:
        """Take a chunk and return the events that it completes."""

    def close(self) -> list[AgentEvent]:
        """Take the end of the stream and return what was still held."""
