"""How each coding agent is started and how its output is read.

An adapter only describes; starting and watching the process is the same for
all agents.  To add an agent, add it to `builtin` and its stream to `streams`,
or write no code at all: a command under ``agents`` in the configuration is an
adapter already.
"""

from __future__ import annotations

from .builtin import (
    BUILT_IN,
    BuiltInAgent,
    ClaudeAgent,
    CodexAgent,
    CursorAgent,
    GeminiAgent,
    OpencodeAgent,
)
from .choice import Machine, NoAgent, choose
from .command import CommandAgent
from .launch import Adapter, Launch
from .predecessor import PredecessorCursorAgent, PredecessorGeminiAgent

__all__ = [
    "BUILT_IN",
    "Adapter",
    "BuiltInAgent",
    "ClaudeAgent",
    "CodexAgent",
    "CommandAgent",
    "CursorAgent",
    "GeminiAgent",
    "Launch",
    "Machine",
    "NoAgent",
    "OpencodeAgent",
    "PredecessorCursorAgent",
    "PredecessorGeminiAgent",
    "choose",
]
