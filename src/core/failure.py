"""What the failure of an agent means."""

from __future__ import annotations

UNPAID = "Неоплаченный счет в Cursor. Требуется оплата: https://cursor.com/dashboard"

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
    """One line for people: the reason, or what standard error says it really was.

    Only the billing messages of Cursor are looked for in ``stderr``; anything
    else there may be the output of a tool that the agent has run.
    """
    if any(words in stderr.lower() for words in _BILLING):
        return UNPAID
    return reason


def is_critical(reason: str) -> bool:
    """Whether every other task would fail in the same way until a person steps in.

    ``reason`` is the error that the run reported, never what the agent wrote
    about its work.  The words are the predecessor's.
    """
    folded = reason.lower()
    return any(words in folded for words in _CRITICAL)
