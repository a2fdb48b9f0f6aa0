"""The instructions of a task: which ones, in which order, with which words."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from . import prompts

DEFAULT_TIMEOUT: Final = 600.0
"""Seconds that an instruction has if its entry names no other limit."""

_DEFAULT_TYPE: Final = "default"
FREE_ID: Final = "free"
"""Of the entry that `free_instruction` is made of."""


class InstructionError(ValueError):
    """An entry under ``instructions`` cannot be used; the message says where and why.

    ``path`` leads to it through the configuration, key by key.
    """

    def __init__(self, message: str, path: tuple[str | int, ...]) -> None:
        super().__init__(message)
        self.path = path


class Flow(StrEnum):
    """What an instruction is run for; it decides which placeholders are replaced."""

    TASK = "task"
    FREE = "free"
    REVISION = "revision"
    EMPTY_TODO = "empty_todo"
    EMPTY_TODO_TASK = "empty_todo_task"
    EMPTY_TODO_COMMIT = "empty_todo_commit"


@dataclass(frozen=True, slots=True)
class Instruction:
    """One entry of a sequence, with its placeholders still in place.

    ``position`` is the 1-based place in the sequence, 0 outside of one, and
    ``instruction_id`` the number in the configuration.  ``report`` is the path
    that is waited for, ``phrase`` what must stand in that file, ``timeout`` the
    limit in seconds.
    """

    instruction_id: int | str
    position: int
    name: str
    template: str
    report: str | None = None
    phrase: str | None = None
    timeout: float = DEFAULT_TIMEOUT
    check_report: bool = False


@dataclass(frozen=True, slots=True)
class Rendered:
    """What is sent to the agent and what is expected of it."""

    prompt: str
    report: str | None
    phrase: str | None


@dataclass(frozen=True, slots=True)
class _Placeholders:
    template: frozenset[str]
    report: frozenset[str] = frozenset()
    phrase: frozenset[str] = frozenset()


_PLACEHOLDERS: Final = {
    Flow.TASK: _Placeholders(
        frozenset(
            {
                "task_name",
                "task_description",
                "plan_item_text",
                "task_id",
                "date",
                "plan_item_number",
            }
        ),
        frozenset({"task_id", "date", "plan_item_number"}),
    ),
    Flow.FREE: _Placeholders(
        frozenset({"free_instruction_text", "timestamp", "task_id"}),
        frozenset({"task_id", "timestamp"}),
    ),
    Flow.REVISION: _Placeholders(frozenset({"task_id"}), frozenset({"task_id", "date"})),
    Flow.EMPTY_TODO: _Placeholders(frozenset({"date", "session_id"}), frozenset({"session_id"})),
    Flow.EMPTY_TODO_TASK: _Placeholders(
        frozenset({"task_num", "session_id", "task_text"}),
        frozenset({"task_num", "session_id"}),
        frozenset({"task_num"}),
    ),
    Flow.EMPTY_TODO_COMMIT: _Placeholders(frozenset({"date", "session_id", "task_count"})),
}
_FREE_TEXT: Final = "{free_instruction_text}"
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")


def sequence(
    raw: Mapping[str, object], task_type: str | None, *, default_timeout: float = DEFAULT_TIMEOUT
) -> tuple[Instruction, ...]:
    """The instructions for tasks of one type, in the order in which they run.

    ``raw`` is the ``instructions`` section.  The list of the type counts, else
    the list ``default``, else a single built-in instruction.  Of a list, the
    mappings whose ``instruction_id`` is an integer take part, ordered by it.

    Raises:
        InstructionError: a list or an entry that takes part is malformed.
    """
    name, entries = _DEFAULT_TYPE, _entries(raw, _DEFAULT_TYPE)
    if task_type is not None and (own := _entries(raw, task_type)):
        name, entries = task_type, own
    numbered = [
        (number, index, entry)
        for index, entry in entries
        if isinstance(number := entry.get("instruction_id"), int) and not isinstance(number, bool)
    ]
    if not numbered:
        return (_single(default_timeout),)
    numbered.sort(key=lambda item: item[0])
    return tuple(
        _instruction(_Entry(name, index, entry), number, position, default_timeout)
        for position, (number, index, entry) in enumerate(numbered, 1)
    )


def builtin_sequence() -> tuple[Instruction, ...]:
    """The sequence without any configuration: do the task, then check the work."""
    return (
        Instruction(
            1, 1, "Do the task", prompts.WORK, prompts.WORK_REPORT, prompts.WORK_PHRASE, 1800.0
        ),
        Instruction(
            2,
            2,
            "Check the work",
            prompts.CHECK,
            prompts.CHECK_REPORT,
            prompts.CHECK_PHRASE,
            1800.0,
        ),
    )


def own_reports(task_id: str, raw: Mapping[str, object]) -> tuple[str, ...]:
    """Where reports of a task lie that nobody has asked for, as patterns of `glob`.

    They belong to the built-in instructions, so they are no part of the work.
    """
    names = [prompts.FREE_REPORT] if not _has_free(raw) else []
    if not raw:
        names += [prompts.WORK_REPORT, prompts.CHECK_REPORT]
    values = {"task_id": task_id, "timestamp": "*"}
    return tuple(name.format(**values) for name in names)


def _has_free(raw: Mapping[str, object]) -> bool:
    entries = _entries(raw, _DEFAULT_TYPE)
    return any(entry.get("instruction_id") == FREE_ID for _, entry in entries)


def free_instruction(
    raw: Mapping[str, object], *, default_timeout: float = DEFAULT_TIMEOUT
) -> Instruction:
    """The form of an instruction that is made up while a task runs.

    It is the entry ``free`` of the list ``default``, else the first entry of that
    list if it has a place for the text, else a built-in one.  It always has a report
    and a phrase.

    Raises:
        InstructionError: the entry is malformed.
    """
    entries = _entries(raw, _DEFAULT_TYPE)
    named = [item for item in entries if item[1].get("instruction_id") == FREE_ID]
    fitting = [item for item in entries[:1] if _FREE_TEXT in str(item[1].get("template"))]
    builtin = (0, {"name": "Free instruction", "template": prompts.FREE})
    index, entry = [*named, *fitting, builtin][0]
    with_defaults = {
        **entry,
        "wait_for_file": entry.get("wait_for_file") or prompts.FREE_REPORT,
        "control_phrase": entry.get("control_phrase") or prompts.FREE_PHRASE,
    }
    return _instruction(_Entry(_DEFAULT_TYPE, index, with_defaults), FREE_ID, 0, default_timeout)


def render(instruction: Instruction, values: Mapping[str, str], flow: Flow = Flow.TASK) -> Rendered:
    """Replace the placeholders that the flow allows in each field.

    Everything else in braces stays as it is, and so does what the values
    themselves bring along.
    """
    allowed = _PLACEHOLDERS[flow]
    return Rendered(
        prompt=_fill(instruction.template, allowed.template, values),
        report=instruction.report and _fill(instruction.report, allowed.report, values),
        phrase=instruction.phrase and _fill(instruction.phrase, allowed.phrase, values),
    )


def task_values(*, task_id: str, text: str, position: int, now: datetime) -> dict[str, str]:
    """The values for an instruction of a task; ``now`` is local time."""
    return {
        "task_name": text,
        "task_description": text,
        "plan_item_text": text,
        "task_id": task_id,
        "date": f"{now:%Y%m%d}",
        "plan_item_number": str(position),
    }


def free_values(*, task_id: str, text: str, now: datetime) -> dict[str, str]:
    """The values for a free instruction; ``now`` is local time."""
    return {
        "free_instruction_text": text,
        "task_id": task_id,
        "timestamp": f"{now:%Y%m%d_%H%M%S}",
    }


def required_successes(total: int) -> int:
    """How many of ``total`` instructions must succeed for the task to count as done."""
    return min(3, total)


def _single(timeout: float) -> Instruction:
    return Instruction(
        1, 1, "Do the task", prompts.SINGLE, prompts.SINGLE_REPORT, prompts.SINGLE_PHRASE, timeout
    )


def _fill(text: str, allowed: frozenset[str], values: Mapping[str, str]) -> str:
    def replace(match: re.Match[str]) -> str:
        key = match[1]
        return values.get(key, match[0]) if key in allowed else match[0]

    return _PLACEHOLDER.sub(replace, text)


def _entries(raw: Mapping[str, object], name: str) -> list[tuple[int, Mapping[str, Any]]]:
    entries = raw.get(name)
    if entries is None:
        return []
    if not isinstance(entries, list | tuple):
        raise InstructionError(
            f"instructions.{name}: expected a list of instructions, got {_kind(entries)}; "
            "begin each instruction with '- instruction_id: <number>'",
            ("instructions", name),
        )
    return [(index, entry) for index, entry in enumerate(entries) if isinstance(entry, Mapping)]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One mapping of a list, read key by key."""

    task_type: str
    index: int
    fields: Mapping[str, Any]

    def text(self, key: str) -> str | None:
        value = self.fields.get(key)
        if value is None or isinstance(value, str):
            return value or None
        raise self.error(key, f"expected text, got {_kind(value)}; put it in quotes")

    def seconds(self, key: str, default: float) -> float:
        value = self.fields.get(key)
        if value is None:
            return default
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                seconds = float(value)
            except OverflowError:
                seconds = math.inf
            if math.isfinite(seconds) and seconds > 0:
                return seconds
        raise self.error(key, f"expected a number of seconds above 0, got {_kind(value)}")

    def flag(self, key: str) -> bool:
        value = self.fields.get(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        raise self.error(key, f"expected true or false, got {_kind(value)}")

    def error(self, key: str, problem: str) -> InstructionError:
        return InstructionError(
            f"instructions.{self.task_type}[{self.index}].{key}: {problem}",
            ("instructions", self.task_type, self.index, key),
        )


def _instruction(
    entry: _Entry, instruction_id: int | str, position: int, default_timeout: float
) -> Instruction:
    template = entry.text("template")
    if template is None or not template.strip():
        raise entry.error("template", "is missing or empty; write here what the agent is to do")
    return Instruction(
        instruction_id=instruction_id,
        position=position,
        name=entry.text("name") or f"Instruction {instruction_id}",
        template=template,
        report=entry.text("wait_for_file"),
        phrase=entry.text("control_phrase"),
        timeout=entry.seconds("timeout", default_timeout),
        check_report=entry.flag("check_report"),
    )


def _kind(value: object) -> str:
    """A short description of a wrong value that cannot give away much of it."""
    match value:
        case bool() | float():
            return repr(value)
        case int():
            return repr(value) if abs(value) < 10**12 else "a number with too many digits"
        case str():
            return f"the text {value[:40]!r}"
        case Mapping():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case _:
            return type(value).__name__
