"""Decoders of agents' output: bytes in, events out."""

from __future__ import annotations

from .agent_events import AgentEvent, AgentEventKind, Counters, Decoder
from .claude import ClaudeStream
from .codex import CodexStream
from .cursor import CursorStream
from .gemini import GeminiStream
from .lines import LineSplitter
from .opencode import OpencodeStream
from .text import TextStream

__all__ = [
    "AgentEvent",
    "AgentEventKind",
    "ClaudeStream",
    "CodexStream",
    "Counters",
    "CursorStream",
    "Decoder",
    "GeminiStream",
    "LineSplitter",
    "OpencodeStream",
    "TextStream",
]
