"""Whether a failed request is tried again, and when.

The delays are exponential with full jitter, as in "Exponential Backoff And Jitter"
(AWS Architecture Blog, 2015): ``random_between(0, min(cap, base * 2 ** attempt))``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

LONGEST_RETRY_AFTER: Final = 24 * 3600.0
"""Seconds; a server that asks for more is taken to have asked for this."""


class Fault(StrEnum):
    """How a request failed without an answer."""

    RESOLVE = "resolve"  # the name of the host was not found
    CONNECT = "connect"  # no connection: refused, unreachable, or not in time
    CERTIFICATE = "certificate"  # the server is not who it should be
    POOL = "pool"  # no connection came free in time
    REFUSED = "refused"  # by RFC 9113, 8.7: REFUSED_STREAM, or above the last one of a GOAWAY
    WRITE = "write"  # the request could not be sent in time
    READ = "read"  # no answer in time
    CLOSED = "closed"  # the connection was lost under way
    PROTOCOL = "protocol"  # what came is no HTTP


_NEVER_PROCESSED: Final = frozenset(
    {Fault.RESOLVE, Fault.CONNECT, Fault.CERTIFICATE, Fault.POOL, Fault.REFUSED}
)
_TEMPORARY: Final = frozenset({408, 421, 425, 429, 500, 502, 503, 504, *range(520, 525), 529})
_TURNED_AWAY: Final = frozenset({408, 421, 425, 429, 503, 529})


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed request: it has either a ``fault`` or the ``status`` of an answer.

    ``retry_after`` is the wait in seconds that the server asked for.  ``final``
    says that the answer's text rules out a better one, as an empty account does.
    """

    fault: Fault | None = None
    status: int | None = None
    retry_after: float | None = None
    final: bool = False

    @property
    def may_be_processed(self) -> bool:
        """Whether the server may have acted on the request, and billed it."""
        if self.fault is not None:
            return self.fault not in _NEVER_PROCESSED
        return self.status not in _TURNED_AWAY

    @property
    def is_temporary(self) -> bool:
        """Whether the same request may succeed later."""
        if self.final:
            return False
        if self.fault is not None:
            return self.fault is not Fault.CERTIFICATE
        return self.status in _TEMPORARY

    @property
    def speaks_against_server(self) -> bool:
        """Whether a circuit breaker should count it: not our queue, our rate or our request."""
        if self.fault is not None:
            return self.fault is not Fault.POOL
        return self.status is not None and (self.status >= 500 or self.status == 408)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """``attempts`` includes the first one; times are in seconds.

    A server that asks for a wait of more than ``longest_wait`` is not waited for:
    whoever asked does better elsewhere.
    """

    attempts: int = 3
    base: float = 1.0
    cap: float = 30.0
    longest_wait: float = 60.0


class GiveUpReason(StrEnum):
    """Why there is no further attempt."""

    PERMANENT = "permanent"  # the same request would fail again
    UNSAFE = "unsafe"  # it may have been processed, and doing it twice would do harm
    ATTEMPTS = "attempts"
    TOO_LONG = "too_long"  # the server asks for a longer wait than is worth it
    DEADLINE = "deadline"
    BUDGET = "budget"  # too many requests are retries already


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again after so many seconds."""

    delay: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not try again."""

    reason: GiveUpReason


class RetryBudget:
    """Keeps retries a share of all requests, so that they do not finish off a weak server.

    A token bucket: a request pays in ``ratio``, a retry takes out 1, and
    ``per_second`` comes by itself so that rare requests can be retried too.  It
    starts full, with ``reserve``.  Not safe across threads.
    """

    __slots__ = ("_at", "_level", "_per_second", "_ratio", "_reserve")

    def __init__(
        self, *, ratio: float = 0.2, reserve: float = 10.0, per_second: float = 0.1
    ) -> None:
        self._ratio = ratio
        self._reserve = reserve
        self._per_second = per_second
        self._level = reserve
        self._at: float | None = None

    @property
    def level(self) -> float:
        """Retries that are possible at once, as of the last call."""
        return self._level

    def request(self, now: float) -> None:
        """Count a request that is no retry."""
        self._fill(now, self._ratio)

    def take(self, now: float) -> bool:
        """Pay for a retry; whether there was enough."""
        self._fill(now, 0.0)
        if self._level < 1.0:
            return False
        self._level -= 1.0
        return True

    def _fill(self, now: float, extra: float) -> None:
        passed = 0.0 if self._at is None else max(0.0, now - self._at)
        self._at = now if self._at is None else max(now, self._at)
        self._level = min(self._reserve, self._level + passed * self._per_second + extra)


def decide(
    failure: Failure,
    *,
    attempt: int,
    policy: RetryPolicy,
    now: float,
    deadline: float,
    random: float,
    budget: RetryBudget | None = None,
    repeatable: bool = True,
) -> Retry | GiveUp:
    """What follows on the failure of an attempt.

    Args:
        failure: what went wrong.
        attempt: which attempt it was, from 1.
        policy: how often and how long.
        now: on the clock of ``deadline``.
        deadline: when the answer is of no use any more.
        random: from 0 up to 1, a new one for each decision.
        budget: pays for the retry, if there is one.
        repeatable: whether processing the request twice does no harm.
    """
    if not failure.is_temporary:
        return GiveUp(GiveUpReason.PERMANENT)
    if failure.may_be_processed and not repeatable:
        return GiveUp(GiveUpReason.UNSAFE)
    if attempt >= policy.attempts:
        return GiveUp(GiveUpReason.ATTEMPTS)
    if failure.retry_after is not None and failure.retry_after > policy.longest_wait:
        return GiveUp(GiveUpReason.TOO_LONG)
    delay = backoff(policy, attempt - 1, random)
    if failure.retry_after is not None:
        # Spread over a tenth more: whoever was told the same is not to come back together.
        delay = max(delay, failure.retry_after * (1 + random / 10))
    if now + delay >= deadline:
        return GiveUp(GiveUpReason.DEADLINE)
    if budget is not None and not budget.take(now):
        return GiveUp(GiveUpReason.BUDGET)
    return Retry(delay)


def backoff(policy: RetryPolicy, retry: int, random: float) -> float:
    """Seconds before the retry of that number (from 0): ``random * min(cap, base * 2**retry)``."""
    return random * min(policy.cap, math.ldexp(policy.base, min(retry, 64)))


_SECONDS: Final = re.compile(r"[0-9]{1,12}(?:\.[0-9]{0,9})?")


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait by ``Retry-After`` (RFC 9110, 10.2.3): a number, or a date.

    ``retry-after-ms``, which OpenAI sends too, is finer and comes first.  ``now``
    is in seconds since the epoch; names are in lower case unless the mapping does
    not care.  A time in the past is 0, anything unreadable None.
    """
    finer = headers.get("retry-after-ms", "").strip()
    if _SECONDS.fullmatch(finer):
        return min(float(finer) / 1000, LONGEST_RETRY_AFTER)
    value = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return min(float(value), LONGEST_RETRY_AFTER)
    try:
        date = parsedate_to_datetime(value)
        at = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(0.0, at - now), LONGEST_RETRY_AFTER)
