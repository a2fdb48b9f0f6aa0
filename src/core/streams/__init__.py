"""Decoders of agents' output: bytes in, events out."""

from __future__ import annotations

from .agent_events import AgentEvent, AgentEventKind, Counters, Decoder
from .cursor import CursorStream
from .lines import LineSplitter
from .text import TextStream

__all__ = [
    "AgentEvent",
    "AgentEventKind",
    "Counters",
    "CursorStream",
    "Decoder",
    "LineSplitter",
    "TextStream",
]
