"""The questions about the course of a task: what comes next, and where it goes on.

As in :mod:`.questions`, no answer means the default, and no default loses a task.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from .asking import quoted
from .extract import find_object, number, text_of
from .question import DATA, Question, json_ask, short

POSTPONED_FOR: Final = 300.0
"""Seconds until a task is tried again that was postponed; doubled each time after."""

MOST_POSTPONEMENTS: Final = 3


class NextStep(StrEnum):
    """What follows on a report."""

    CONTINUE = "continue"
    EXECUTE_FREE_INSTRUCTION = "execute_free_instruction"
    STOP_AND_CHECK = "stop_and_check"


@dataclass(frozen=True, slots=True)
class ReportVerdict:
    """``free_instruction_text`` is what to do before going on, if the action says so."""

    action: NextStep = NextStep.CONTINUE
    reason: str = ""
    next_instruction_name: str = ""
    free_instruction_text: str = ""


_STEPS: Final = {
    "continue": NextStep.CONTINUE,
    "insert_instruction": NextStep.EXECUTE_FREE_INSTRUCTION,
    "execute_free_instruction": NextStep.EXECUTE_FREE_INSTRUCTION,
    "stop_and_check": NextStep.STOP_AND_CHECK,
}


def report_verdict(
    task: str, instruction: str, report: str, following: str
) -> Question[ReportVerdict]:
    """What follows on the report of ``instruction``, where ``following`` would be next?"""
    prompt = f"""A coding agent has worked on a step of a task and reports. Decide what follows:
"continue" if the step is done well enough for the next one,
"insert_instruction" if something must be done first; say what in free_instruction_text,
"stop_and_check" if a person has to look at it.
{DATA}

<task>
{quoted(task)}
</task>

<step>{quoted(instruction, 500)}</step>
<next_step>{quoted(following, 500)}</next_step>

<report>
{quoted(report, 16_000)}
</report>

Answer with one JSON object: {{"decision": "continue" or "insert_instruction" or "stop_and_check",
"reason": "<one sentence>", "next_instruction_name": "<name or empty>",
"free_instruction_text": "<text or empty>"}}"""
    return Question("report_verdict", json_ask(prompt), _read_report_verdict)


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to do what was asked about."""

    yes: bool
    reason: str = ""


def continuation(task: str, comment: str) -> Question[Decision]:
    """Is a task that was done in part to be gone on with now?  By default it is."""
    prompt = f"""A task was done in part. Go on with it now, or postpone it?
{DATA}

<task>
{quoted(task)}
</task>

<comment>
{quoted(comment)}
</comment>

Answer with one JSON object:
{{"decision": "continue_task" or "postpone_task", "reason": "<one sentence>"}}"""
    return Question(
        "continuation", json_ask(prompt), _decision("continue_task", "postpone_task", True)
    )


def redo(task: str, comment: str, completed: int, total: int) -> Question[Decision]:
    """Is a task marked as done with fewer steps than it has to be redone?  By default not."""
    prompt = f"""A task is marked as done, with {completed} of {total} steps completed.
Redo it, or leave it as it is?
{DATA}

<task>
{quoted(task)}
</task>

<comment>
{quoted(comment)}
</comment>

Answer with one JSON object:
{{"decision": "redo_task" or "skip_redo", "reason": "<one sentence>"}}"""
    return Question("redo", json_ask(prompt), _decision("redo_task", "skip_redo", False))


def postponed_until(times: int, now: float) -> float | None:
    """When a task is tried again that was postponed for the ``times``-th time in a run.

    None if that was often enough, and it is gone on with.  ``now`` is in seconds.
    """
    if times > MOST_POSTPONEMENTS:
        return None
    return now + POSTPONED_FOR * 2.0 ** (times - 1)


@dataclass(frozen=True, slots=True)
class Resumption:
    """The position (from 1) at which a task goes on."""

    position: int = 1
    reason: str = ""


def changed_instructions(task: str, last: int, before: int, now: int) -> Question[Resumption]:
    """Where does a task go on whose sequence had ``before`` instructions and has ``now``?

    ``last`` is the last completed position.  By default it starts again.
    """
    prompt = f"""A task was interrupted after step {last} of {before}. Its sequence of steps has
changed since and has {now} steps now. Where should it go on?
"restart" at the first step, "continue_from_last" at step {last + 1},
"continue_from_adjusted" at another one, given as adjusted_instruction.
{DATA}

<task>
{quoted(task)}
</task>

Answer with one JSON object: {{"decision": "restart" or "continue_from_last" or
"continue_from_adjusted", "reason": "<one sentence>", "adjusted_instruction": <1 to {now} or null>}}"""

    def verdict(answer: str | None) -> Resumption:
        data = find_object(answer or "", "decision") or {}
        position: float | None = None
        match text_of(data.get("decision")).lower():
            case "continue_from_last":
                position = last + 1
            case "continue_from_adjusted":
                position = number(data.get("adjusted_instruction"))
            case _:
                pass
        if position is None or position != int(position) or not 1 <= position <= now:
            position = 1
        return Resumption(int(position), short(data.get("reason")))

    return Question("changed_instructions", json_ask(prompt), verdict)


def _read_report_verdict(answer: str | None) -> ReportVerdict:
    data = find_object(answer or "", "decision") or {}
    action = _STEPS.get(text_of(data.get("decision")).lower(), NextStep.CONTINUE)
    verdict = ReportVerdict(
        action,
        text_of(data.get("reason")),
        text_of(data.get("next_instruction_name")),
        text_of(data.get("free_instruction_text")),
    )
    if action is NextStep.EXECUTE_FREE_INSTRUCTION and not verdict.free_instruction_text:
        return replace(verdict, action=NextStep.CONTINUE)
    return verdict


def _decision(yes: str, no: str, default: bool) -> Callable[[str | None], Decision]:
    def verdict(answer: str | None) -> Decision:
        data = find_object(answer or "", "decision") or {}
        decided = {yes: True, no: False}.get(text_of(data.get("decision")).lower())
        return Decision(default if decided is None else decided, short(data.get("reason")))

    return verdict
