"""What decoders of line-based streams have in common."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from .agent_events import AgentEvent, AgentEventKind, Counters
from .lines import MAX_LINE, LineSplitter

_MAX_TYPES: Final = 100
_MAX_TYPE_LENGTH: Final = 80

_ESCAPE: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_CONTROL: Final = {code: None for code in (*range(32), *range(127, 160)) if chr(code) != "\t"}


class LineDecoder(ABC):
    """Splits lines, counts events and keeps the account of open tool calls."""

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._lines = LineSplitter(limit)
        self._counters = Counters()
        self._open: dict[str, float | None] = {}

    @property
    def counters(self) -> Counters:
        return self._counters

    @property
    def open_calls(self) -> Mapping[str, float | None]:
        return MappingProxyType(self._open)

    def feed(self, data: bytes) -> list[AgentEvent]:
        return self._decode_all(self._lines.feed(data))

    def close(self) -> list[AgentEvent]:
        return self._decode_all(self._lines.close())

    @abstractmethod
    def _decode(self, line: str) -> AgentEvent | None:
        """The event of one line, or None if it says nothing."""

    def _decode_all(self, lines: Iterable[bytes]) -> list[AgentEvent]:
        events = []
        for line in lines:
            event = self._decode(line.decode("utf-8", "replace"))
            if event is not None:
                self._count(event)
                events.append(event)
        self._counters.overlong = self._lines.overlong
        return events

    def _count(self, event: AgentEvent) -> None:
        counters = self._counters
        counters.events += 1
        match event.kind:
            case AgentEventKind.UNKNOWN:
                counters.unknown += 1
                name = event.type[:_MAX_TYPE_LENGTH]
                types = counters.unknown_types
                if name in types or len(types) < _MAX_TYPES:
                    types[name] = types.get(name, 0) + 1
            case AgentEventKind.INVALID:
                counters.invalid += 1
            case AgentEventKind.TOOL_STARTED:
                self._open[event.call_id or ""] = event.timeout
            case AgentEventKind.TOOL_FINISHED:
                self._open.pop(event.call_id or "", None)
            case AgentEventKind.RESULT:
                self._open.clear()
            case _:
                pass


def printable(line: str) -> str:
    """A line of terminal output as it would be left standing.

    Escape sequences and control characters go; of a line that overwrote itself
    with carriage returns, the last state stays.
    """
    line = _ESCAPE.sub("", line).rstrip("\r")
    line = line[line.rfind("\r") + 1 :]
    return line.translate(_CONTROL).strip().removeprefix("\ufeff")
