"""What agents say when they fail, and what it means."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from codeagent.core.failure import FailureKind

from .failing import failed

K = FailureKind

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
@example("API Error: 500 Internal Server Error", ["401 files"])
def test_numbers_that_look_like_status_codes_change_nothing(
    message: str, numbers: list[str]
) -> None:
    noise = "\n".join(numbers)
    assert failed(f"{noise}\n{message}").kind is failed(message).kind
    assert failed(f"{message}\n{noise}").kind is failed(message).kind
