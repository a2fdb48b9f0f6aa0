"""How kinds of failures are told apart."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.agent_run import Ending, Limits
from codeagent.core.failure import UNPAID, Failure, FailureKind, Streak, classify
from codeagent.core.screening import REFUSAL

from .failing import EXIT, NOW, failed

K = FailureKind
LIMITS = Limits(work=600, silence=0, report=60, exit=1, kill=1)


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(Ending),
    st.none() | st.integers(-64, 255),
    st.none() | st.text(max_size=200),
    st.text(max_size=300),
    st.lists(st.text(max_size=50), max_size=3),
    st.booleans(),
    st.booleans(),
)
def test_any_output_is_taken(
    ending: Ending,
    exit_code: int | None,
    result: str | None,
    stderr: str,
    invalid: list[str],
    tools_ran: bool,
    predecessor: bool,
) -> None:
    failure = classify(
        ending,
        reason="it broke",
        now=NOW,
        exit_code=exit_code,
        result_text=result,
        stderr=stderr,
        invalid_lines=invalid,
        tools_ran=tools_ran,
        predecessor=predecessor,
        limits=LIMITS,
    )
    assert failure.tools_ran is tools_ran
    assert failure.reason
    assert failure.reset_at is None or failure.reset_at > NOW


def test_the_agents_own_prose_is_never_looked_at() -> None:
    prose = "I made the client retry on HTTP 429 and wrote 'invalid API key' into the docs"
    events = [
        {"type": "assistant", "message": {"content": [{"text": prose}]}},
        {"type": "tool_call", "subtype": "completed", "tool_call": {"x": prose}},
        {"type": "result", "is_error": False, "result": prose},
        {"type": "user", "message": prose},
    ]
    mirrored = "\n".join(f"stderr: {json.dumps(event)}" for event in events)
    assert failed(mirrored).kind is K.AGENT_CRASHED
    cut = json.dumps({"type": "assistant", "message": prose * 2000})[-65_536:]
    assert failed(cut).kind is K.AGENT_CRASHED
    assert failed(f"{cut}\nError: ENOTFOUND").kind is K.NETWORK
    assert failed(json.dumps(events[0])[:-3]).kind is K.AGENT_CRASHED


def test_errors_that_are_mirrored_count() -> None:
    error = {"type": "error", "message": "rate limit exceeded"}
    assert failed(json.dumps(error)).kind is K.RATE_LIMIT
    result = {"type": "result", "is_error": True, "result": "prompt is too long"}
    assert failed(f"stdout: {json.dumps(result)}").kind is K.CONTEXT_OVERFLOW
    plain = {"error": {"code": 429}}
    assert failed(json.dumps(plain)).kind is K.RATE_LIMIT


def test_what_is_said_last_counts_more_than_what_went_before() -> None:
    stderr = "API Error: 429, retrying\n" + "working\n" * 30 + "getaddrinfo ENOTFOUND api2\n"
    assert failed(stderr).kind is K.NETWORK
    assert failed("API Error: 429 Too Many Requests\n" + "   at frame\n" * 40).kind is K.RATE_LIMIT
    assert failed("API Error: 429\n" + "ok\n" * 40, ending=Ending.TIMED_OUT).kind is K.TIMED_OUT


def test_the_announced_error_counts_more_than_standard_error() -> None:
    failure = failed("401 Unauthorized", result_text="Prompt is too long", exit_code=-15)
    assert failure.kind is K.CONTEXT_OVERFLOW
    assert failed(result_text="I give up", exit_code=-15).kind is K.UNKNOWN


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (41, K.AUTHENTICATION),
        (42, K.REFUSED),
        (44, K.CONFIGURATION),
        (52, K.CONFIGURATION),
        (53, K.TIMED_OUT),
        (54, K.AGENT_CRASHED),
        (55, K.CONFIGURATION),
        (130, K.CANCELLED),
        (1, K.AGENT_CRASHED),
    ],
)
def test_the_exit_codes_of_gemini_have_a_meaning(code: int, kind: FailureKind) -> None:
    assert failed(exit_code=code, agent="Gemini CLI").kind is kind
    assert code in (130, 1) or failed(exit_code=code, agent="Cursor").kind is K.AGENT_CRASHED


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (-9, K.KILLED),
        (137, K.KILLED),
        (143, K.KILLED),
        (-15, K.KILLED),
        (-11, K.AGENT_CRASHED),
        (134, K.AGENT_CRASHED),
        (127, K.AGENT_MISSING),
        (126, K.AGENT_MISSING),
        (130, K.CANCELLED),
        (255, K.AGENT_CRASHED),
        (0, K.UNKNOWN),
        (None, K.UNKNOWN),
    ],
)
def test_an_exit_without_a_word_is_told_by_its_code(code: int | None, kind: FailureKind) -> None:
    assert failed(exit_code=code).kind is kind


def test_a_program_that_worked_is_not_missing() -> None:
    assert failed(exit_code=127, tools_ran=True).kind is K.AGENT_CRASHED


def test_a_signal_says_more_than_old_messages() -> None:
    assert failed("API Error: 429", exit_code=-9).kind is K.KILLED
    assert failed("ENOSPC: no space left on device", exit_code=-6).kind is K.DISK_FULL


@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        (Ending.TIMED_OUT, K.TIMED_OUT),
        (Ending.STALLED, K.STALLED),
        (Ending.NO_RESULT, K.NO_RESULT),
        (Ending.NO_REPORT, K.NO_REPORT),
        (Ending.NOT_STARTED, K.AGENT_MISSING),
    ],
)
def test_an_ending_without_a_word_is_its_own_kind(ending: Ending, kind: FailureKind) -> None:
    assert failed(ending=ending, exit_code=None).kind is kind
    assert failed("panic: at the end", ending=ending, exit_code=-9).kind is kind


def test_a_hang_in_front_of_a_limit_is_the_limit() -> None:
    for ending in (Ending.STALLED, Ending.TIMED_OUT, Ending.NO_RESULT):
        failure = failed("Monthly usage limit reached", ending=ending, exit_code=-15)
        assert failure.kind is K.QUOTA
    trust = "⚠ Workspace Trust Required"
    assert failed(trust, ending=Ending.NO_REPORT, exit_code=0).kind is K.CONFIGURATION


def test_noise_of_an_agent_that_worked_does_not_explain_a_missing_report() -> None:
    noise = "mcp server: 401 Unauthorized"
    failure = failed(noise, ending=Ending.NO_REPORT, exit_code=0, tools_ran=True)
    assert (failure.kind, failure.unusable) == (K.NO_REPORT, False)


def test_an_agent_that_worked_is_set_up() -> None:
    assert failed("error: unknown option '--x'").kind is K.CONFIGURATION
    assert failed("error: unknown option '--x'", tools_ran=True).kind is K.AGENT_CRASHED
    assert failed("401 Unauthorized", tools_ran=True).unusable is False
    assert failed("401 Unauthorized").unusable is True
    assert failed(result_text="Invalid API key", tools_ran=True).unusable is True


def test_what_only_this_task_meets_does_not_make_the_agent_unusable() -> None:
    for message in ("API Error: 429", "prompt is too long", "ENOTFOUND", "weekly limit"):
        assert not failed(message).unusable
    assert failed(ending=Ending.NOT_STARTED, exit_code=None).unusable


def test_a_refused_instruction_is_refused() -> None:
    assert failed(reason=f"{REFUSAL}: /etc/", exit_code=None).kind is K.REFUSED


def test_a_full_disk_is_noticed_at_the_start_too() -> None:
    failure = failed(reason="x could not be started: [Errno 28] No space left", exit_code=None)
    assert failure.kind is K.UNKNOWN
    failure = failed(reason="[Errno 28] No space left on device: 'log'", exit_code=None)
    assert failure.kind is K.DISK_FULL


def test_the_reset_time_comes_along() -> None:
    assert failed("You've hit your limit · resets 3pm (UTC)").reset_at == NOW + 3600
    assert failed("429 Too Many Requests, retry-after: 30").reset_at == NOW + 30
    assert failed("ENOTFOUND, try again in 5 minutes").reset_at is None
    structured = failed("something", resets_at=NOW + 77)
    assert (structured.kind, structured.reset_at) == (K.QUOTA, NOW + 77)
    assert failed("something", resets_at=NOW - 77).kind is K.AGENT_CRASHED


def test_exhausted_resources_alone_mean_no_capacity_or_a_chat_that_is_too_long() -> None:
    bare = "T: [resource_exhausted] Error"
    failure = failed(invalid_lines=[bare])
    assert (failure.kind, failure.chat_lost) == (K.OVERLOADED, False)
    failure = failed(invalid_lines=[bare], tokens=0)
    assert (failure.kind, failure.chat_lost) == (K.OVERLOADED, True)
    assert not failed(invalid_lines=[bare], tokens=0, tools_ran=True).chat_lost
    words = f"{bare}: You've hit your usage limit"
    assert failed(invalid_lines=[words], tokens=0).kind is K.QUOTA


@pytest.mark.parametrize(
    "message",
    [
        "No conversation found with session ID: abc-123",
        "Error: session abc not found",
        "thread 019 does not exist",
        "failed to resume the chat",
    ],
)
def test_a_chat_that_is_gone_cannot_be_gone_on_with(message: str) -> None:
    failure = failed(message)
    assert (failure.kind, failure.chat_lost) == (K.AGENT_CRASHED, True)
    assert not failed("something else").chat_lost
    assert failed("prompt is too long").chat_lost


def test_the_reason_quotes_the_line_that_decided() -> None:
    stderr = "noise\nAPI Error: 429 Too Many Requests\n    at frame\n"
    assert failed(stderr).reason == f"{EXIT}: API Error: 429 Too Many Requests"
    assert failed("a\n b \n").reason == f"{EXIT}: b"
    assert failed().reason == EXIT
    assert len(failed("x" * 10_000, reason="y\n" * 5000).reason) <= 500
    assert failed(shortcomings="no phrase").reason == f"{EXIT}: no phrase"
    assert failed(result_text="limit hit", reason="limit hit").reason == "limit hit"


def test_the_predecessors_words_and_classes_stay() -> None:
    unpaid = failed("You've hit your usage limit", predecessor=True, limits=LIMITS)
    assert unpaid == Failure(K.BILLING, UNPAID, None, unusable=True)
    plain = failed("a\nb\n", predecessor=True, limits=LIMITS)
    assert plain == Failure(K.AGENT_CRASHED, "CLI вернул код 1: b")
    late = failed(predecessor=True, limits=LIMITS, ending=Ending.TIMED_OUT, exit_code=-15)
    assert late == Failure(K.TIMED_OUT, "Таймаут выполнения (600 секунд)")
    missing = failed(reason="no agent", predecessor=True, ending=Ending.NOT_STARTED)
    assert missing.unusable
    assert not failed("401 Unauthorized", predecessor=True, limits=LIMITS).unusable


def test_equal_errors_in_a_row_put_the_next_instruction_off_ever_longer() -> None:
    streak, long = Streak(), "x" * 100
    assert (streak.delay, streak.is_full) == (0, False)
    streak = streak.after(f"{long} one")
    assert (streak.delay, streak.is_full) == (30, False)
    streak = streak.after(f"{long} two")
    assert (streak.delay, streak.is_full) == (60, False)
    assert streak.after("another").delay == 30
    assert streak.after(f"{long} three").is_full
