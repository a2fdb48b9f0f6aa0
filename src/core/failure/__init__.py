"""What went wrong: kinds of failures, how they are told apart, the predecessor's words."""

from __future__ import annotations

from .classify import GEMINI_EXIT_CODES, classify
from .kinds import UNUSABLE, Failure, FailureKind, Step
from .predecessor import (
    UNPAID,
    Streak,
    explain,
    in_predecessors_words,
    is_critical,
    with_last_words,
)

__all__ = [
    "GEMINI_EXIT_CODES",
    "UNPAID",
    "UNUSABLE",
    "Failure",
    "FailureKind",
    "Step",
    "Streak",
    "classify",
    "explain",
    "in_predecessors_words",
    "is_critical",
    "with_last_words",
]
