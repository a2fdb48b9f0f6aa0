"""Kinds of tasks."""

from __future__ import annotations

_KEYWORDS = (
    ("test", ("тест", "test")),
    ("documentation", ("документация", "docs", "readme")),
    ("refactoring", ("рефакторинг", "refactor")),
    ("development", ("разработка", "реализация", "implement")),
)
_TASK_TYPES = frozenset({"code", "docs", "refactor", "test", "release", "devops"})


def instruction_type(text: str) -> str:
    """The section of ``instructions`` that applies to a task with this text.

    The first keyword contained in the text decides, as the predecessor had it:
    case is ignored and a part of a word counts.
    """
    lowered = text.lower()
    for kind, keywords in _KEYWORDS:
        if any(keyword in lowered for keyword in keywords):
            return kind
    return "default"


def task_type(name: str) -> str | None:
    """The task type called ``name`` in any case, ``None`` if there is no such type."""
    lowered = name.strip().lower()
    return lowered if lowered in _TASK_TYPES else None
