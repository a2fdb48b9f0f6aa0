"""What decoders of line-based streams have in common."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Final

from .agent_events import AgentEvent, AgentEventKind, Counters
from .lines import MAX_LINE, Cut, LineSplitter

_MAX_TYPES: Final = 100
_MAX_TYPE_LENGTH: Final = 80

_ESCAPE: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_CONTROL: Final = {code: None for code in (*range(32), *range(127, 160)) if chr(code) != "\t"}


class LineDecoder(ABC):
    """Splits lines, and counts events."""

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._lines = LineSplitter(limit)
        self._counters = Counters()

    @property
    def counters(self) -> Counters:
        return self._counters

    def feed(self, data: bytes) -> list[AgentEvent]:
        return self._decode_all(self._lines.feed(data))

    def close(self) -> list[AgentEvent]:
        return self._decode_all(self._lines.close())

    @abstractmethod
    def _decode(self, line: str) -> Iterable[AgentEvent]:
        """The events of one line."""

    def _decode_cut(self, beginning: str) -> Iterable[AgentEvent]:
        """The events of a line of which only the beginning was kept."""
        return self._decode(beginning)

    def _decode_all(self, lines: Iterable[bytes]) -> list[AgentEvent]:
        events: list[AgentEvent] = []
        for line in lines:
            text = line.decode("utf-8", "replace")
            events += self._decode_cut(text) if isinstance(line, Cut) else self._decode(text)
        for event in events:
            self._count(event)
        self._counters.overlong = self._lines.overlong
        return events

    def _count(self, event: AgentEvent) -> None:
        counters = self._counters
        counters.events += 1
        if event.kind is AgentEventKind.INVALID:
            counters.invalid += 1
        elif event.kind is AgentEventKind.UNKNOWN:
            counters.unknown += 1
            name = event.type[:_MAX_TYPE_LENGTH]
            types = counters.unknown_types
            if name in types or len(types) < _MAX_TYPES:
                types[name] = types.get(name, 0) + 1


def printable(line: str) -> str:
    """A line of terminal output as it would be left standing.

    Escape sequences and control characters go; of a line that overwrote itself
    with carriage returns, the last state stays.
    """
    line = _ESCAPE.sub("", line).rstrip("\r")
    line = line[line.rfind("\r") + 1 :]
    return line.translate(_CONTROL).strip().removeprefix("\ufeff")
