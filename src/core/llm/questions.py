"""The questions about tasks as such: is one useful, planned for, new, and why did it fail?

Every question has an answer, whatever happens: what is not answered, or cannot
be understood, has a default that never loses a task.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from .asking import Ask, quoted
from .extract import (
    find_object,
    first_number,
    named_number,
    number,
    text_of,
    truth,
    without_thoughts,
)
from .question import DATA, Question, json_ask, short

USELESS_BELOW: Final = 15.0
"""Tasks that are less useful, in percent, are skipped."""

DOUBTFUL_BELOW: Final = 20.0
"""Judgements below are checked by a second question."""

_UNKNOWN: Final = 75.0  # there is an answer, but it cannot be understood
_UNANSWERED: Final = 50.0
_DOCS: Final = 2000
_DOCS_FOR_CHECK: Final = 3000
_YES: Final = re.compile(r"\byes\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Usefulness:
    """How useful a task is, from 0 to 100 percent."""

    percent: float
    comment: str = ""

    @property
    def is_useless(self) -> bool:
        return self.percent < USELESS_BELOW

    @property
    def is_doubtful(self) -> bool:
        """Whether :func:`self_check` should look at it."""
        return self.percent < DOUBTFUL_BELOW


def usefulness(task: str, docs: str) -> Question[Usefulness]:
    """How useful is the task for the project that ``docs`` describes?"""
    prompt = f"""A project's TODO list holds the item below. Judge how useful doing it is.
0 means noise (a heading, an empty phrase, something that is no task), 100 means essential.
{DATA}

<item>
{quoted(task)}
</item>

<documentation>
{quoted(docs[:_DOCS])}
</documentation>

Answer with one JSON object: {{"usefulness_percent": <0 to 100>, "comment": "<one sentence>"}}"""
    return Question("usefulness", json_ask(prompt, parallel=True), _read_usefulness)


def self_check(task: str, docs: str, found: Usefulness) -> Question[Usefulness]:
    """Is the judgement ``found`` adequate?  The verdict is it, or its correction."""
    prompt = f"""An item of a project's TODO list was judged to be {found.percent:g} % useful.
Check this judgement: an item that is short or vague may still be useful.
{DATA}

<item>
{quoted(task)}
</item>

<judgement>
{quoted(found.comment)}
</judgement>

<documentation>
{quoted(docs[:_DOCS_FOR_CHECK])}
</documentation>

Answer with one JSON object: {{"is_adequate": <true or false>,
"corrected_usefulness_percent": <0 to 100>, "reason": "<one sentence>"}}"""

    def verdict(answer: str | None) -> Usefulness:
        data = find_object(answer or "", "is_adequate") or {}
        percent = number(data.get("corrected_usefulness_percent"))
        if truth(data.get("is_adequate")) is not False or percent is None:
            return found
        return Usefulness(_percent(percent), text_of(data.get("reason")) or found.comment)

    return Question("self_check", json_ask(prompt, parallel=True), verdict)


@dataclass(frozen=True, slots=True)
class PlanMatch:
    """Whether a plan is one for its task."""

    matches: bool
    reason: str = ""


_MISMATCHES: Final = ("не соответствует", "does not match", "false")


def plan_match(task: str, plan: str) -> Question[PlanMatch]:
    """Does the plan serve the task?"""
    prompt = f"""Does the plan below serve the task below?
A plan may be incomplete or go further; it does not match if it is about something else.
{DATA}

<task>
{quoted(task)}
</task>

<plan>
{quoted(plan, 16_000)}
</plan>

Answer with one JSON object: {{"matches": <true or false>, "reason": "<one sentence>"}}"""
    return Question("plan_match", Ask(prompt=prompt), _read_match)


def similar(first: str, second: str) -> Question[bool]:
    """Do two items of a list ask for the same?  By default not."""
    prompt = f"""Do these two items of a TODO list ask for the same work, so that doing one
makes the other needless? {DATA}

<first>
{quoted(first)}
</first>

<second>
{quoted(second)}
</second>

Answer with one word: YES or NO."""
    return Question(
        "similar",
        Ask(prompt=prompt),
        lambda text: _YES.search(without_thoughts(text or "")) is not None,
    )


def failure_comment(instruction: str, error: str) -> Question[str]:
    """A remark for people on why an agent failed; empty by default."""
    prompt = f"""A coding agent failed at a step. Say in one or two sentences what the likely cause
is and what would help. {DATA}

<step>{quoted(instruction, 500)}</step>

<error>
{quoted(error, 4000)}
</error>"""
    return Question(
        "failure_comment", Ask(prompt=prompt), lambda text: short(without_thoughts(text or ""))
    )


def _read_usefulness(answer: str | None) -> Usefulness:
    if not answer or not answer.strip():
        return Usefulness(_UNANSWERED)
    text = without_thoughts(answer)
    data = find_object(text, "usefulness_percent") or {}
    comment = text_of(data.get("comment")) or text_of(data.get("reason"))
    percent = number(data.get("usefulness_percent"))
    if percent is None:
        percent = named_number(text, "usefulness_percent")
    if percent is None:
        percent = first_number(text, 0, 100)
    return Usefulness(_UNKNOWN if percent is None else _percent(percent), comment)


def _read_match(answer: str | None) -> PlanMatch:
    text = without_thoughts(answer or "").strip()
    data = find_object(text, "matches") or {}
    matches = truth(data.get("matches"))
    if matches is not None:
        return PlanMatch(matches, text_of(data.get("reason")))
    if any(words in text.lower() for words in _MISMATCHES):
        return PlanMatch(False, short(text))
    return PlanMatch(True)


def _percent(value: float) -> float:
    return min(100.0, max(0.0, value))
