"""What the failure of an agent meant to the predecessor."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..agent_run import Ending, Limits

UNPAID = "Неоплаченный счет в Cursor. Требуется оплата: https://cursor.com/dashboard"

_LAST_WORDS = 200

_BILLING = (
    "unpaid invoice",
    "pay your invoice",
    "usage limit",
    "spend limit",
    "monthly cycle ends",
)
_CRITICAL = (
    "неоплаченный счет",
    "unpaid",
    "billing",
    "payment required",
    "subscription",
    "account suspended",
    "аккаунт заблокирован",
    "доступ запрещен",
    "authentication failed",
    "invalid api key",
    "api key expired",
)


def explain(reason: str, stderr: str) -> str:
    """The reason, or what standard error says it really was.

    Only the billing messages of Cursor are looked for in ``stderr``; anything
    else there may be the output of a tool that the agent has run.
    """
    if any(words in stderr.lower() for words in _BILLING):
        return UNPAID
    return reason


def with_last_words(reason: str, stderr: str) -> str:
    """One line for people: the reason, and the last line of standard error if there is one."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    if not lines or reason == UNPAID:
        return reason
    return f"{reason}: {lines[-1][:_LAST_WORDS]}"


def in_predecessors_words(
    ending: Ending, reason: str, exit_code: int | None, limits: Limits
) -> str:
    """The reason as the predecessor would have put it, where it had words for it."""
    match ending:
        case Ending.FAILED if exit_code:
            return f"CLI вернул код {exit_code if exit_code > 0 else 128 - exit_code}"
        case Ending.TIMED_OUT:
            return f"Таймаут выполнения ({limits.work:g} секунд)"
        case Ending.NO_REPORT:
            return f"Таймаут ожидания файла ({limits.report:g} секунд)"
    return reason


def is_critical(reason: str) -> bool:
    """Whether every other task would fail in the same way until a person steps in.

    ``reason`` is the error that the run reported, never what the agent wrote
    about its work.  The words are the predecessor's.
    """
    folded = reason.lower()
    return any(words in folded for words in _CRITICAL)


_TELLING = 100
_EQUAL_ERRORS = 3


@dataclass(frozen=True, slots=True)
class Streak:
    """Errors in a row that read alike: the first 100 characters decide.

    ``delay`` is how many seconds the next instruction waits, ``pause`` for each
    of them; after three equal errors it ``is_full``.  A success begins a new one.
    """

    words: str = ""
    count: int = 0
    pause: float = 30.0

    def after(self, reason: str) -> Streak:
        """The streak with one more error."""
        words = reason[:_TELLING]
        return replace(self, words=words, count=self.count + 1 if words == self.words else 1)

    @property
    def delay(self) -> float:
        return self.pause * self.count

    @property
    def is_full(self) -> bool:
        return self.count >= _EQUAL_ERRORS
