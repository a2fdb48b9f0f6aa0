"""Output of agents that write plain text."""

from __future__ import annotations

from .agent_events import AgentEvent, AgentEventKind
from .decoder import LineDecoder, printable


class TextStream(LineDecoder):
    """Every line that is not blank is an event of the kind TEXT."""

    def _decode(self, line: str) -> list[AgentEvent]:
        text = printable(line)
        return [AgentEvent(AgentEventKind.TEXT, text=text)] if text else []
