from __future__ import annotations

import pytest

from codeagent.core.errors import explain as explain_error
from codeagent.core.errors import first
from codeagent.core.failure import UNPAID, explain, is_critical


@pytest.mark.parametrize(
    "stderr",
    [
        "Error: You have an unpaid invoice.",
        "please PAY YOUR INVOICE",
        "You've hit your usage limit",
        "Spend Limit reached",
        "your monthly cycle ends 12/1",
    ],
)
def test_what_has_to_be_paid_is_said_so(stderr: str) -> None:
    assert explain("CLI вернул код 1", stderr) == UNPAID
    assert is_critical(explain("CLI вернул код 1", stderr))


@pytest.mark.parametrize("stderr", ["", "npm ERR! 401 authentication failed", "payment required"])
def test_anything_else_on_standard_error_changes_nothing(stderr: str) -> None:
    assert explain("CLI вернул код 1", stderr) == "CLI вернул код 1"


@pytest.mark.parametrize(
    ("reason", "critical"),
    [
        ("Authentication failed", True),
        ("Invalid API key", True),
        ("Доступ запрещен", True),
        ("402 Payment Required", True),
        ("CLI вернул код 1", False),
        ("Таймаут выполнения (600 секунд)", False),
        ("", False),
    ],
)
def test_only_what_every_task_would_meet_is_critical(reason: str, critical: bool) -> None:
    assert is_critical(reason) is critical


def test_a_group_of_errors_says_what_each_of_them_says_once() -> None:
    disk = OSError(28, "No space left on device", "/var/x")
    group = BaseExceptionGroup(
        "unhandled errors in a TaskGroup",
        [ExceptionGroup("inner", [disk, ValueError("odd")]), ValueError("odd")],
    )
    assert explain_error(group) == f"{disk}; odd"
    assert first(group) is disk


def test_one_error_is_itself() -> None:
    error = RuntimeError("no room")
    assert (explain_error(error), first(error)) == ("no room", error)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyError("name"), "KeyError: 'name'"),
        (ValueError(), "ValueError"),
        (OSError(" "), "OSError"),
    ],
)
def test_an_error_without_words_is_named(error: Exception, words: str) -> None:
    assert explain_error(error) == words
