"""What error messages of coding agents look like.

The kinds are tried in order, from the narrow to the wide: a message about a
chat that is too long speaks of limits too, one about a missing key of access.
A status code counts only where it is said to be one (``HTTP 429``, ``error:
503``, ``"code": 401``), in one line, so that ``402913 tokens``, ``line 500`` or the
``401 files`` of the line below an error never do.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from .kinds import FailureKind


def _status(codes: str) -> str:
    return (
        r"(?<![\w.])(?:https?(?:/\d(?:\.\d)?)?|status(?:[ _-]?code)?|code|error|failed with)"
        rf"[\"']?[ \t:=(\[\"']{{1,6}}(?:{codes})(?![\w%]|[.,]\d)"
    )


# Up to n characters of the same sentence.
_NEAR: Final = r"[^\n.;]{0,%d}?"


def _near(length: int) -> str:
    return _NEAR % length


_PATTERNS: Final[tuple[tuple[FailureKind, tuple[str, ...]], ...]] = (
    (
        FailureKind.DISK_FULL,
        (r"\benospc\b", r"no space left on device", r"disk (?:is )?full", r"disk quota exceeded"),
    ),
    (
        FailureKind.CONTEXT_OVERFLOW,
        (
            (
                rf"context[ _-](?:length|window|size|limit){_near(60)}"
                r"(?:exceed|too (?:long|large)|overflow|reached|full)"
            ),
            rf"(?:exceed\w*|larger than|longer than){_near(60)}context[ _-]?(?:length|window|size)",
            rf"maximum context{_near(60)}(?:length|window|tokens)",
            r"prompt[ _]is[ _]too[ _]long|prompt_too_long",
            (
                rf"(?:input|conversation|chat|request)(?: is| length is)? too (?:long|large){_near(40)}"
                r"(?:token|context|model)"
            ),
            r"(?:exceed(?:s|ed)?|hit|reached|over) the (?:maximum |input )?token limit",
            rf"input token count{_near(60)}exceeds",
        ),
    ),
    (
        FailureKind.CONFIGURATION,
        (
            r"workspace trust required",
            rf"(?:untrusted|not (?:a |an )?trusted){_near(20)}(?:workspace|folder|directory)",
            r"(?:unknown|unrecogni[sz]ed|unexpected|invalid) (?:option|flag|argument)s?\b",
            rf"missing (?:required )?(?:environment variable|api[ _]key)|api[ _]key{_near(20)}required",
            r"no (?:llm )?(?:provider|model)s? (?:is |are )?configured",
            r"cannot be used with root",
            (
                rf"(?:config(?:uration)?|settings)(?: file)?{_near(60)}"
                r"(?:is invalid|malformed|could not be (?:read|parsed)|parse error|syntax error)"
            ),
            r"below the minimum supported version|requires a newer version",
        ),
    ),
    (
        FailureKind.AUTHENTICATION,
        (
            _status("401|403"),
            r"\bunauthori[sz]ed\b|\bunauthenticated\b|\b403 forbidden\b|\b401 unauthori[sz]ed",
            r"authentication[ _](?:required|failed|failure|error)|failed to authenticate",
            r"not (?:logged in|authenticated)\b",
            rf"please (?:run|use){_near(30)}login\b|log ?in (?:required|again)",
            (
                rf"(?:invalid|incorrect|expired|revoked) {_near(20)}"
                r"(?:api[ _-]?key|access token|auth token|oauth token|credentials)"
            ),
            (
                rf"(?:api[ _-]?key|access token|refresh token|oauth token|credentials?){_near(30)}"
                r"\b(?:invalid|incorrect|expired|revoked|not valid)\b"
            ),
            (
                r"(?:account|organi[sz]ation)(?: has been| is| was)? "
                r"(?:suspended|disabled|blocked|deactivated)"
            ),
            r"permission_error|permission_denied",
        ),
    ),
    (
        FailureKind.RATE_LIMIT,  # a quota, but one of a minute
        (r"(?:quota|limit)[^\n]{0,200}?per[ _-]?(?:minute|second)", r"perminuteper"),
    ),
    (
        FailureKind.QUOTA,
        (
            r"terminalquotaerror",
            r"exceeded your current quota",
            (
                rf"(?:hit|reached|exceeded|exhausted|used up) (?:your|the|its|my|all)\b{_near(50)}"
                r"\b(?:usage|requests?|messages?|session|hourly|daily|weekly|monthly|\d-hour|free) ?"
                r"(?:limit|cap|allowance|quota)"
            ),
            r"(?:hit|reached) your limit|free requests limit",
            r"usage[ _]limit(?:[ _]has been)?[ _](?:reached|exceeded|hit)",
            r"(?:hit|reached|exceeded) (?:your|the)? ?usage limit",
            r"limit reached ?\| ?\d{10}",
            rf"quota{_near(30)}(?:exceeded|exhausted|reached|used up|will reset|resets)",
            rf"(?:exceeded|exhausted|out of) (?:your|the|its)\b{_near(30)}(?:quota|capacity)",
            r"monthly cycle ends",
            r"(?:daily|weekly|monthly|5-hour|session) (?:usage )?limit",
        ),
    ),
    (
        FailureKind.BILLING,
        (
            _status("402"),
            r"402 payment required|payment required|error_max_budget_usd",
            r"unpaid invoice|pay your invoice|неоплаченный счет",
            r"insufficient[ _](?:balance|credits?|funds|quota)",
            r"(?:credit )?balance is too low",
            r"\b(?:out of|no(?: more)?|0) credits\b|credits? (?:exhausted|depleted)",
            r"spend(?:ing)? (?:limit|cap)|billing (?:hard )?(?:limit|issue|error)|billing_error",
            rf"subscription{_near(20)}(?:expired|inactive|cancel|required|past due)",
            r"payment (?:method|failed|is due)",
        ),
    ),
    (
        FailureKind.RATE_LIMIT,
        (
            _status("429"),
            r"too many requests|toomanyrequests",
            r"rate[ _-]?limit(?:s|ed|ing)?\b|rate_?limit(?:_error|error|_exceeded)",
            r"\bthrottl(?:ed|ing)\b|throttlingexception",
            r"requests per (?:minute|second)",
        ),
    ),
    (
        FailureKind.OVERLOADED,
        (
            _status("529"),
            r"overloaded(?:_error)?\b",
            r"resource[ _]exhausted|resource has been exhausted",
            r"no capacity|insufficient capacity|at capacity|capacity constraints",
            r"(?:high|heavy) (?:demand|load|traffic)",
            r"model is (?:currently )?busy",
        ),
    ),
    (
        FailureKind.SERVER_ERROR,
        (
            _status(r"5\d\d"),
            r"internal[ _]server[ _]error|bad gateway|service (?:is )?(?:temporarily )?unavailable",
            r"gateway time-?out|server had an error|provider returned error",
            r"trouble connecting to the model provider",
            r"\[internal\]|an internal error (?:has )?occurred|\bapi_error\b",
        ),
    ),
    (
        FailureKind.NETWORK,
        (
            r"\b(?:econn(?:reset|refused|aborted)|etimedout|enotfound|eai_again|enetunreach|ehostunreach)\b",
            r"getaddrinfo|name resolution|dns (?:lookup|error|failure)|could not resolve",
            r"socket hang up|fetch failed|network (?:error|is unreachable|failure|timeout)",
            r"connection ?(?:error|refused|reset|closed|aborted|lost|timed out)|connecterror",
            r"stream (?:disconnected|closed|ended) (?:before|unexpectedly|mid)",
            r"\[(?:unavailable|aborted|deadline_exceeded)\]",
            r"(?:tls|ssl) handshake|certificate (?:verify failed|has expired)|self.signed certificate",
            r"dial tcp|i/o timeout|unable to connect|error sending request|request timed out",
        ),
    ),
    (
        FailureKind.MODEL_UNAVAILABLE,
        (
            r"cannot use this model|model_not_found|modelnotfound",
            (
                rf"\bmodel\b{_near(60)}"
                r"(?:not found|not available|unavailable|does not exist|not supported|no longer supported"
                r"|not enabled|deprecated|retired|is invalid|may not exist)"
            ),
            r"(?:unknown|invalid|unsupported) model\b",
            rf"not have access to{_near(40)}model",
            r"not_found_error[^\n]{0,60}model",
        ),
    ),
    (
        FailureKind.TIMED_OUT,
        (r"error_max_turns|max(?:imum)? (?:number of )?(?:session )?turns|turn limit",),
    ),
    (
        FailureKind.KILLED,
        (r"out of memory: killed|oom-?kill|\bsigkill\b|memory cgroup out of memory",),
    ),
    (
        FailureKind.AGENT_CRASHED,
        (
            r"heap out of memory|segmentation fault|\bsigsegv\b|\bsigabrt\b|core dumped",
            r"^(?:thread '[^\n']*' )?panic(?:ked)?\b|unhandled (?:promise )?rejection|uncaught exception",
            r"^traceback \(most recent call last\)",
        ),
    ),
)

_UNREACHABLE: Final = (
    r"\b(?:enotfound|eai_again|econnrefused|enetunreach|ehostunreach)\b|getaddrinfo"
    r"|name resolution|network is unreachable|could not resolve"
)
_CHAT_LOST: Final = (
    rf"no (?:conversation|chat|session|thread|rollout) (?:was )?found"
    rf"|\b(?:session|chat|conversation|thread)\b(?: id)?{_near(60)}"
    r"(?:not found|does not exist|could not be found|no longer exists)"
    r"|(?:could not|cannot|failed to|unable to) resume"
)


@cache
def _compiled() -> tuple[tuple[FailureKind, re.Pattern[str]], ...]:
    return tuple((kind, _compile("|".join(patterns))) for kind, patterns in _PATTERNS)


@cache
def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.MULTILINE)


def find(text: str, *, configured: bool = False) -> tuple[FailureKind, str] | None:
    """The kind of failure that a message tells of, and the line that tells it.

    ``configured``: the agent has worked, so it is set up.
    """
    for kind, pattern in _compiled():
        if configured and kind is FailureKind.CONFIGURATION:
            continue
        if found := pattern.search(text):
            if kind is FailureKind.AUTHENTICATION and (
                unreachable := _compile(_UNREACHABLE).search(text)
            ):  # a name that cannot be looked up is told of as a key that is not valid
                return FailureKind.NETWORK, _line(text, unreachable.start())
            return kind, _line(text, found.start())
    return None


def is_bare_exhaustion(line: str) -> bool:
    """Whether ``resource_exhausted`` stands alone: no capacity, or a chat that is too long."""
    return _compile(r"resource[ _]exhausted").search(line) is not None


def is_chat_lost(text: str) -> bool:
    """Whether the chat that was to be gone on with is not there any more."""
    return _compile(_CHAT_LOST).search(text) is not None


def _line(text: str, position: int) -> str:
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    return text[start : end if end >= 0 else None].strip()
