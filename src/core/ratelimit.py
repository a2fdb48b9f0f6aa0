"""A rate limiter that learns from what servers say about their limits.

Understood are ``x-ratelimit-{limit,remaining,reset}-{requests,tokens}`` (OpenAI,
with durations such as ``6m0s``) and ``x-ratelimit-{limit,remaining,reset}``
(OpenRouter, with milliseconds since the epoch; GitHub, with seconds since it; Envoy,
with seconds from now).  Where nothing is said nothing is limited.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

LONGEST_PAUSE: Final = 3600.0
"""Seconds; whatever a server says, it is asked again after this."""

_SHORTEST_WAIT: Final = 0.001
_LOOK_AGAIN: Final = 1.0  # seconds: answers under way may bring better news than the estimate
_EPOCH_MILLISECONDS: Final = 1e11
_EPOCH_SECONDS: Final = 1e9

_PART: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)(ns|us|µs|ms|s|m|h|d)")
_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600,
                 "d": 86400}  # fmt: skip
_NUMBER: Final = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,9})?")


@dataclass(frozen=True, slots=True)
class Window:
    """One limit as a server stated it.

    ``remaining`` of ``limit`` are left.  After ``reset_in`` seconds there are
    ``limit`` again: all at once, or little by little if it ``refills``.
    """

    limit: float
    remaining: float
    reset_in: float
    refills: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """What an answer said about its limits."""

    requests: Window | None = None
    tokens: Window | None = None


def read_limits(headers: Mapping[str, str], now: float) -> Limits:
    """The limits in the headers of an answer; whatever cannot be read is absent.

    ``now`` is in seconds since the epoch; names are in lower case unless the
    mapping does not care.
    """
    requests = _window(headers, "-requests", now) or _window(headers, "", now)
    return Limits(requests, _window(headers, "-tokens", now))


def parse_duration(text: str) -> float | None:
    """Seconds of a duration as Go writes it (``1s``, ``6m0s``, ``1h2m3.5s``, ``20ms``)."""
    total, position = 0.0, 0
    while match := _PART.match(text, position):
        total += float(match[1]) * _UNITS[match[2]]
        position = match.end()
    return total if position and position == len(text) else None


def parse_reset(text: str, now: float) -> tuple[float, bool] | None:
    """Seconds until a reset, and whether the limit refills until then.

    A duration is what token buckets send; a moment or a bare number of seconds
    is the end of a fixed window.
    """
    text = text.strip()
    if (duration := parse_duration(text)) is not None:
        return duration, True
    if _NUMBER.fullmatch(text):
        number = float(text)
        if number >= _EPOCH_MILLISECONDS:
            number = number / 1000 - now
        elif number >= _EPOCH_SECONDS:
            number -= now
        return max(0.0, number), False
    try:
        moment = datetime.fromisoformat(text)
        at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(0.0, at - now), False


def _window(headers: Mapping[str, str], suffix: str, now: float) -> Window | None:
    remaining = _number(headers.get(f"x-ratelimit-remaining{suffix}"))
    reset = parse_reset(headers.get(f"x-ratelimit-reset{suffix}") or "", now)
    if remaining is None or reset is None:
        return None
    limit = _number(headers.get(f"x-ratelimit-limit{suffix}"))
    limit = remaining if limit is None else max(limit, remaining)
    return Window(limit, remaining, min(reset[0], LONGEST_PAUSE), reset[1])


def _number(text: str | None) -> float | None:
    """The first number of a field; what follows a comma or semicolon are parameters."""
    match = _NUMBER.match((text or "").strip())
    return float(match[0]) if match else None


class RateLimiter:
    """The limits of one server as far as they are known.

    Every request begins with :meth:`acquire` and ends with :meth:`answered` or
    :meth:`abandoned`.  Times are those of one monotonic clock, in seconds.  Not
    safe across threads: the caller guards it.
    """

    __slots__ = ("_in_flight", "_paused_until", "_refusals", "_requests", "_tokens")

    def __init__(self) -> None:
        self._requests = _Bucket()
        self._tokens = _Bucket()
        self._in_flight = 0
        self._paused_until = 0.0
        self._refusals = 0

    def acquire(self, now: float, tokens: float = 0) -> float:
        """0 if a request may be sent now, which counts it; else seconds until to ask again.

        ``tokens`` is an estimate of what the request will cost.
        """
        wait = max(self._requests.wait(now, 1), self._tokens.wait(now, tokens))
        if self._in_flight:
            wait = min(wait, _LOOK_AGAIN)
        wait = max(wait, self._paused_until - now)
        if wait > 0:
            return min(max(wait, _SHORTEST_WAIT), LONGEST_PAUSE)
        self._requests.take(1)
        self._tokens.take(tokens)
        self._in_flight += 1
        return 0.0

    def answered(
        self, now: float, limits: Limits, *, refused: bool, retry_after: float | None = None
    ) -> None:
        """A request was answered; ``refused`` if the status was 429 (Too Many Requests).

        ``retry_after`` is in seconds.  A refusal that names no time is followed by
        a pause of a second, twice as long after each further one.
        """
        self.abandoned()
        if limits.requests:
            self._requests.learn(now, limits.requests, unseen=self._in_flight)
        if limits.tokens:
            unseen = limits.tokens.limit if self._in_flight else 0.0
            self._tokens.learn(now, limits.tokens, unseen=unseen)
        if not refused:
            self._refusals = 0
            return
        self._refusals += 1
        pause = retry_after
        if pause is None and limits.requests and not limits.requests.remaining:
            pause = limits.requests.reset_in
        if pause is None:
            pause = 2.0 ** min(self._refusals - 1, 6)
        self._paused_until = max(self._paused_until, now + min(pause, LONGEST_PAUSE))

    def abandoned(self) -> None:
        """A request ended without an answer."""
        self._in_flight = max(0, self._in_flight - 1)

    def pause(self, now: float) -> float:
        """Seconds for which the next request has to wait."""
        return max(0.0, self._paused_until - now, self._requests.wait(now, 1))


class _Bucket:
    """A level that is known once a server has stated it."""

    __slots__ = ("_at", "_known", "_level", "_limit", "_rate", "_reset_at")

    def __init__(self) -> None:
        self._known = False
        self._limit = self._level = self._rate = self._at = 0.0
        self._reset_at: float | None = None

    def wait(self, now: float, cost: float) -> float:
        if not self._known:
            return 0.0
        self._refill(now)
        missing = min(cost, self._limit) - self._level
        if missing <= 0 or self._reset_at is None:
            return 0.0
        until_reset = max(_SHORTEST_WAIT, self._reset_at - now)
        return min(until_reset, missing / self._rate) if self._rate else until_reset

    def take(self, cost: float) -> None:
        self._level -= cost

    def learn(self, now: float, window: Window, *, unseen: float) -> None:
        """Correct the level by a statement that may miss up to ``unseen`` of what was taken."""
        self._refill(now)
        low, high = window.remaining - unseen, window.remaining
        self._level = min(max(self._level, low), high) if self._known else high
        self._known = True
        self._limit = window.limit
        self._at = now
        self._reset_at = now + window.reset_in
        used = window.limit - window.remaining
        self._rate = used / window.reset_in if window.refills and window.reset_in > 0 else 0.0

    def _refill(self, now: float) -> None:
        if self._reset_at is not None and now >= self._reset_at:
            self._level = self._limit
            self._reset_at = None
        elif self._rate:
            self._level = min(self._limit, self._level + self._rate * max(0.0, now - self._at))
        self._at = now
