from __future__ import annotations

import pytest

from codeagent.core.agent_run import Ending, Limits
from codeagent.core.errors import explain as explain_error
from codeagent.core.errors import first
from codeagent.core.failure import (
    UNPAID,
    explain,
    in_predecessors_words,
    is_critical,
    with_last_words,
)


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
    assert explain("the agent ended with exit code 1", stderr) == UNPAID
    assert is_critical(explain("the agent ended with exit code 1", stderr))


@pytest.mark.parametrize("stderr", ["", "npm ERR! 401 authentication failed", "payment required"])
def test_anything_else_on_standard_error_changes_nothing(stderr: str) -> None:
    assert explain("the agent ended with exit code 1", stderr) == "the agent ended with exit code 1"


@pytest.mark.parametrize(
    ("reason", "critical"),
    [
        ("Authentication failed", True),
        ("Invalid API key", True),
        ("Доступ запрещен", True),
        ("402 Payment Required", True),
        ("the agent ended with exit code 1", False),
        ("the instruction's time is used up (600 s)", False),
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


LIMITS = Limits(work=600, silence=0, report=2.5, exit=1, kill=1)


@pytest.mark.parametrize(
    ("ending", "code", "words"),
    [
        (Ending.FAILED, 3, "CLI вернул код 3"),
        (Ending.FAILED, -9, "CLI вернул код 137"),
        (Ending.FAILED, None, "as it was"),
        (Ending.TIMED_OUT, None, "Таймаут выполнения (600 секунд)"),
        (Ending.NO_REPORT, 0, "Таймаут ожидания файла (2.5 секунд)"),
        (Ending.STALLED, None, "as it was"),
    ],
)
def test_the_predecessor_had_words_of_its_own(ending: Ending, code: int | None, words: str) -> None:
    assert in_predecessors_words(ending, "as it was", code, LIMITS) == words


def test_the_last_line_of_standard_error_says_more() -> None:
    assert with_last_words("it broke", "a\n b \n\n") == "it broke: b"
    assert with_last_words("it broke", " \n") == "it broke"
    assert with_last_words(UNPAID, "unpaid invoice") == UNPAID
    assert len(with_last_words("it broke", "x" * 10_000)) < 300
