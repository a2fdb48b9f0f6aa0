"""How kinds of failures are told apart."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.agent_run import Ending, Limits
from codeagent.core.failure import UNPAID, Failure, FailureKind, Streak, classify
from codeagent.core.screening import REFUSAL

K = FailureKind
NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC).timestamp()
LIMITS = Limits(work=600, silence=0, report=60, exit=1, kill=1)
EXIT = "the agent ended with exit code 1"


def failed(stderr: str = "", **more: object) -> Failure:
    arguments: dict[str, object] = {
        "reason": EXIT,
        "exit_code": 1,
        "stderr": stderr,
        "now": NOW,
        "zone": UTC,
        **more,
    }
    ending = arguments.pop("ending", Ending.FAILED)
    return classify(ending, **arguments)  # type: ignore[arg-type]


MESSAGES = [
    (K.TIMED_OUT, "error_max_turns"),
    (K.BILLING, "error_max_budget_usd"),
    (K.RATE_LIMIT, "status 429: This request would exceed your account's limit"),
    (K.CONTEXT_OVERFLOW, "Error: context length exceeded for model gpt-4"),
    (K.CONTEXT_OVERFLOW, '{"error":{"code":"context_length_exceeded"}}'),
    (K.CONTEXT_OVERFLOW, "Maximum context window of 200000 tokens has been exceeded"),
    (K.CONTEXT_OVERFLOW, "API Error: prompt is too long: 250000 tokens > 200000 maximum"),
    (K.CONTEXT_OVERFLOW, "context size has been exceeded; consider /compact"),
    (K.CONTEXT_OVERFLOW, "Hit the token limit for this conversation"),
    (
        K.CONTEXT_OVERFLOW,
        "The input token count (1203344) exceeds the maximum number of tokens allowed (1048576).",
    ),
    (
        K.CONTEXT_OVERFLOW,
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens.",
    ),
    (K.CONFIGURATION, "Missing environment variable: `MIFY_API_KEY`."),
    (K.CONFIGURATION, "⚠ Workspace Trust Required"),
    (K.CONFIGURATION, "error: unknown option '--trust'"),
    (K.CONFIGURATION, "error: unexpected argument '--full-auto' found"),
    (
        K.CONFIGURATION,
        "--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons",
    ),
    (K.CONFIGURATION, "An api key is required to use this provider"),
    (K.AUTHENTICATION, "API Error: 401 Unauthorized"),
    (K.AUTHENTICATION, "API Error: 403 Forbidden"),
    (K.AUTHENTICATION, "HTTP 403 Forbidden"),
    (K.AUTHENTICATION, "Not logged in · Please run /login"),
    (K.AUTHENTICATION, "Session expired, please login again"),
    (
        K.AUTHENTICATION,
        "Error: Authentication required. Please run 'agent login' first, or set CURSOR_API_KEY environment variable.",
    ),
    (K.AUTHENTICATION, "Invalid API key · Please run /login"),
    (K.AUTHENTICATION, "refresh token has expired"),
    (K.AUTHENTICATION, "Invalid API key provided"),
    (K.AUTHENTICATION, "access token has been revoked"),
    (K.AUTHENTICATION, "Your organization has been disabled"),
    (K.AUTHENTICATION, "OAuth token has expired. Please obtain a new token"),
    (K.BILLING, "API Error: 402 Payment Required"),
    (K.BILLING, '{"error":{"code":"insufficient_balance"}}'),
    (K.BILLING, "Credit balance is too low"),
    (K.BILLING, "You have an unpaid invoice"),
    (K.BILLING, "Please pay your invoice to go on"),
    (K.BILLING, "spend limit reached"),
    (K.BILLING, "provider credits exhausted"),
    (K.QUOTA, "You've hit your org's monthly usage limit"),
    (K.QUOTA, "Account exceeded the daily usage limit"),
    (K.QUOTA, "you've hit your limit; upgrade to continue"),
    (K.QUOTA, "you’ve hit your limit"),
    (
        K.QUOTA,
        "Error: You've hit your usage limit\n  fallbackModel: \n  spendLimitHit: false\n chatMessage: *You've hit your free requests limit. Your usage limits will reset when your monthly cycle ends on 11/17/2025.*\n  spendLimits: [50,100,200]",
    ),
    (K.QUOTA, "quota exceeded for project foo"),
    (K.QUOTA, "Claude AI usage limit reached|1762952400"),
    (K.QUOTA, "You've hit your session limit · resets 8:30pm (Asia/Tokyo)"),
    (
        K.QUOTA,
        "You've hit your usage limit. Upgrade to Pro (https://openai.com/chatgpt/pricing) or try again in 2 days 17 hours 14 minutes.",
    ),
    (
        K.QUOTA,
        '{"type":"usage_limit_reached","message":"The usage limit has been reached","plan_type":"plus","resets_at":1777936568},"status_code":429}',
    ),
    (K.QUOTA, "TerminalQuotaError: You have exhausted your daily quota on this model."),
    (
        K.QUOTA,
        "You have exhausted your capacity on this model. Your quota will reset after 1h49m8s.",
    ),
    (K.QUOTA, "Usage limit reached for gemini-3-flash-preview. Access resets at 10:57 PM GMT-3."),
    (K.QUOTA, "429 You exceeded your current quota, please check your plan and billing details."),
    (
        K.RATE_LIMIT,
        "Quota exceeded for quota metric 'Generate Content API requests per minute' and limit ...",
    ),
    (K.RATE_LIMIT, "API Error: 429 Too Many Requests"),
    (K.RATE_LIMIT, "rate limit exceeded for tier 3"),
    (
        K.RATE_LIMIT,
        '{"type":"error","error":{"type":"rate_limit_error","message":"This request would exceed your account\'s rate limit. Please try again later."}}',
    ),
    (K.RATE_LIMIT, "Error: HTTP 429"),
    (K.RATE_LIMIT, '{"error":{"code":429}}'),
    (K.OVERLOADED, "Server overloaded: HTTP 529"),
    (K.OVERLOADED, "overloaded_error: please retry"),
    (K.OVERLOADED, "no capacity available; try again later"),
    (K.OVERLOADED, "T: [resource_exhausted] Error"),
    (K.OVERLOADED, "Resource has been exhausted (e.g. check quota)."),
    (K.SERVER_ERROR, "the server had an error processing your request"),
    (K.SERVER_ERROR, "provider returned error: malformed response"),
    (K.SERVER_ERROR, "API Error: 500 Internal Server Error"),
    (K.SERVER_ERROR, "got HTTP 503 from provider"),
    (K.SERVER_ERROR, "service unavailable, retry later"),
    (K.SERVER_ERROR, "Bad Gateway: upstream rejected"),
    (
        K.SERVER_ERROR,
        "We're having trouble connecting to the model provider. This might be temporary - please try again in a moment.",
    ),
    (K.NETWORK, "stream disconnected before completion"),
    (K.NETWORK, "API Error: Connection closed mid-response. The response above may be incomplete."),
    (K.NETWORK, "error sending request for url (https://api.example.com/v1)"),
    (K.NETWORK, "dial tcp 1.2.3.4:443: connect: connection refused"),
    (K.NETWORK, "ConnectionRefused: unable to connect"),
    (K.NETWORK, "getaddrinfo ENOTFOUND api2.cursor.sh"),
    (K.NETWORK, "Invalid API key: getaddrinfo EAI_AGAIN api2.cursor.sh"),
    (K.NETWORK, "read tcp 1.2.3.4:443: i/o timeout"),
    (K.NETWORK, "ConnectError: [unavailable] read ECONNRESET"),
    (K.NETWORK, "TypeError: fetch failed"),
    (K.MODEL_UNAVAILABLE, "Error: model claude-3-opus-99 not found"),
    (K.MODEL_UNAVAILABLE, "Cannot use this model: gpt-9. Available models: auto, grok"),
    (K.MODEL_UNAVAILABLE, "unknown model 'foo-1.0'"),
    (K.MODEL_UNAVAILABLE, "the selected model is no longer supported"),
    (K.MODEL_UNAVAILABLE, "Your account does not have access to this model"),
    (K.MODEL_UNAVAILABLE, "Model 'gpt-5-high' is not available or invalid."),
    (
        K.AGENT_CRASHED,
        "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
    ),
    (K.AGENT_CRASHED, "panic: runtime error: invalid memory address"),
    (K.AGENT_CRASHED, "fatal error: SIGSEGV"),
    (K.DISK_FULL, "Error: ENOSPC: no space left on device, write"),
]


@pytest.mark.parametrize(("kind", "message"), MESSAGES)
def test_messages_of_agents_are_known(kind: FailureKind, message: str) -> None:
    assert failed(message).kind is kind
    assert failed(f"{'some noise' * 50}\n\n{message}\nbye\n").kind is kind
    assert failed(result_text=message).kind is kind
    assert failed(invalid_lines=[f"T: {message}"]).kind is kind


@pytest.mark.parametrize(
    "message",
    [
        "",
        "agent consumed 402913 tokens before crashing",
        "processed 4030 items in 1500ms",
        "line 500 of 503",
        "The issue asks us to document the quota policy",
        "Please compare credits across provider plans",
        "Added a quota field to the settings form",
        "version 1.5.9, 429 files, 401 lines, 529 MB",
        "error at main.py:500:12",
        "error code 5000",
        "status 200 OK in 503ms",
        "error: 402.5 seconds",
        "failed with 429% more load",
    ],
)
def test_anything_else_is_a_crash(message: str) -> None:
    assert failed(message).kind is K.AGENT_CRASHED


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(["", *(message for _, message in MESSAGES)]),
    st.lists(
        st.sampled_from([401, 402, 403, 404, 429, 500, 503, 529]).flatmap(
            lambda code: st.sampled_from(
                [f"{code}913 tokens", f"1{code} items", f"id=a{code}f", f"{code}ms", f"{code}.25 s",
                 f"x.py:{code}", f"#{code}", f"{code} files", f"v1.{code}.0", f"{code}%", f"9{code}9"]
            )
        ),
        max_size=6,
    ),
)  # fmt: skip
def test_numbers_that_look_like_status_codes_change_nothing(
    message: str, numbers: list[str]
) -> None:
    noise = "\n".join(numbers)
    assert failed(f"{noise}\n{message}").kind is failed(message).kind
    assert failed(f"{message}\n{noise}").kind is failed(message).kind


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
