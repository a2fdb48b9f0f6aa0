# Generated from src/_async/http.py. Do not edit.
"""The one HTTP client of a server, and the protection around it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import SystemRandom
from types import TracebackType
from typing import TYPE_CHECKING

import httpx

from .._runtime import sync_runtime as rt
from .._runtime.network import fault_of, plain_request
from ..core.breaker import BreakerPolicy, Breakers, Permit
from ..core.http import Histogram, HTTPSnapshot, PoolState, Server, is_redirect, redirected
from ..core.llm.reply import ReplyReader
from ..core.llm.wire import APIError, Completion, WireRequest
from ..core.ratelimit import Limits, RateLimiter, read_limits
from ..core.retry import Failure, Fault, GiveUp, RetryBudget, RetryPolicy, decide, retry_after

if TYPE_CHECKING:
    from .._runtime.sync_runtime import HTTPSession
    from ..core.config.models import HTTPSettings

MOST_REDIRECTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request, and how much may be tried for its answer.

    ``timeout`` is that of one attempt in seconds, ``deadline`` a time of the
    client's monotonic clock, ``tokens`` an estimate.  ``reason_to_stop`` is asked
    before each attempt.
    """

    server: Server
    request: WireRequest
    reader: Callable[[], ReplyReader]
    attempts: int
    timeout: float
    deadline: float
    tokens: float = 0
    reason_to_stop: Callable[[], str | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A completion, or the error of the last attempt.

    ``seconds`` is what that attempt took, ``was_sent`` whether there was any.
    """

    completion: Completion | None = None
    error: str = ""
    seconds: float = 0.0
    was_sent: bool = True


class Unanswered(Exception):
    """There is no completion, only an ``outcome``."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.error)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class _Attempt:
    result: Completion | None
    failure: Failure
    error: str
    limits: Limits = field(default_factory=Limits)


class HTTPClient:
    """Sends requests over connections that it keeps.

    A request is repeated where that is safe and worth it, a server that keeps
    failing is left alone, and the limits that servers state are kept.  ``now`` is
    a monotonic clock, ``clock`` that of the epoch.
    """

    def __init__(
        self,
        options: rt.NetworkOptions,
        *,
        retries: RetryPolicy | None = None,
        breakers: BreakerPolicy | None = None,
        clock: Callable[[], float] = time.time,
        now: Callable[[], float] = time.monotonic,
        random: Callable[[], float] | None = None,
    ) -> None:
        self._options = options
        self._retries = retries or RetryPolicy()
        self._clock = clock
        self.now = now
        self._random = random or SystemRandom().random
        self._state = rt.StateLock()
        self._breakers = Breakers(breakers or BreakerPolicy())
        self._limiters: dict[Server, RateLimiter] = {}
        self._latencies: dict[Server, Histogram] = {}
        self._budget = RetryBudget()
        self._attempts = self._repeated = self._failures = 0
        self._client: HTTPSession | None = None

    def __enter__(self) -> HTTPClient:
        self._client = rt.run_blocking(rt.open_client, self._options)
        self._client.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        assert self._client is not None  # noqa: S101 - the block was entered
        self._client.__exit__(exc_type, exc, tb)

    def exchange(self, job: Exchange) -> Outcome:
        """Send the request until there is an answer, or no use in going on."""
        outcome = Outcome(was_sent=False)
        policy = RetryPolicy(
            attempts=job.attempts,
            base=self._retries.base,
            cap=self._retries.cap,
            longest_wait=self._retries.longest_wait,
        )
        with self._state:
            self._budget.request(self.now())
        attempt = 0
        while True:
            attempt += 1
            permit = self._admitted(job)
            if isinstance(permit, str):
                if outcome.was_sent:
                    return outcome
                return Outcome(error=permit, was_sent=False)
            began = self.now()
            tried = self._guarded(job, permit)
            seconds = self.now() - began
            if tried.result is not None:
                with self._state:
                    self._latencies.setdefault(job.server, Histogram()).add(seconds)
                return Outcome(completion=tried.result, seconds=seconds)
            outcome = Outcome(error=tried.error, seconds=seconds)
            with self._state:
                decision = decide(
                    tried.failure,
                    attempt=attempt,
                    policy=policy,
                    now=self.now(),
                    deadline=job.deadline,
                    random=self._random(),
                    budget=self._budget,
                )
                if isinstance(decision, GiveUp):
                    self._failures += 1
                    return outcome
                self._repeated += 1
            rt.sleep(decision.delay)

    def send(self, job: Exchange, drafted: bytes) -> Outcome:
        """As `exchange`, but raises `Unanswered` if there is no completion.

        ``drafted`` is what `draft` made of the job.
        """
        outcome = HTTPClient.exchange(self, job)
        if outcome.completion is None:
            raise Unanswered(outcome)
        return outcome

    def draft(self, job: Exchange) -> bytes:
        """The request as it would go out, with the names of its headers but not what they say."""
        return rt.run_blocking(_drafted, job, self._options.timeout)

    def redraft(self, job: Exchange, drafted: bytes) -> bytes | None:
        """What `draft` makes of the job, None if it is the same as before."""
        found = HTTPClient.draft(self, job)
        return None if found == drafted else found

    def _admitted(self, job: Exchange) -> Permit | str:
        """The permission to send one request, or why there is none."""
        while True:
            if job.reason_to_stop is not None and (reason := job.reason_to_stop()) is not None:
                return reason
            with self._state:
                now = self.now()
                limiter = self._limiters.setdefault(job.server, RateLimiter())
                wait = limiter.acquire(now, job.tokens)  # twins: ignore[TW101]
                if not wait:
                    breaker = self._breakers.of(*job.server)
                    permit = breaker.enter(now)
                    if permit is not None:
                        self._attempts += 1
                        return permit
                    limiter.abandoned()
                    rest = breaker.snapshot(now).retry_in
                    return f"left alone for {rest:.0f} s, since it kept failing"
            if now + wait >= job.deadline:
                return f"its rate limit asks for a wait of {wait:.0f} s"
            rt.sleep(wait)

    def _guarded(self, job: Exchange, permit: Permit) -> _Attempt:
        """One attempt, of whose outcome breaker and limiter hear."""
        breaker, limiter = self._breakers.of(*job.server), self._limiters[job.server]
        try:
            tried = self._attempt(job)
        except BaseException:
            with self._state:
                limiter.abandoned()
                breaker.abandoned(permit)
            raise
        failure = tried.failure
        with self._state:
            now = self.now()
            if tried.result is None and failure.status is None:
                limiter.abandoned()
            else:
                refused = failure.status == 429
                limiter.answered(
                    now, tried.limits, refused=refused, retry_after=failure.retry_after
                )
            if tried.result is None and failure.speaks_against_server:
                breaker.failed(permit, now)
            elif failure.fault is not None:
                breaker.abandoned(permit)
            else:
                breaker.succeeded(permit, now)
        return tried

    def _attempt(self, job: Exchange) -> _Attempt:
        reader = job.reader()
        try:
            with rt.timeout(job.timeout):
                tried = self._post(job, reader)
        except TimeoutError:
            tried = _failed(Fault.READ, f"no answer within {job.timeout:g} s")
        except httpx.TransportError as error:
            tried = _failed(fault_of(error), str(error) or type(error).__name__)
        except httpx.HTTPError as error:
            tried = _failed(Fault.PROTOCOL, str(error) or type(error).__name__)
        if tried.result is None and reader.spoken:
            # What was said cannot be taken back, so it must not be said again.
            final = Failure(tried.failure.fault, tried.failure.status, final=True)
            return _Attempt(None, final, tried.error, tried.limits)
        return tried

    def _post(self, job: Exchange, reader: ReplyReader) -> _Attempt:
        assert self._client is not None  # noqa: S101 - the block was entered
        url = job.request.url
        for _ in range(MOST_REDIRECTS + 1):
            with self._client.direct(
                job.request.method,
                url,
                headers={**job.request.headers, "accept-encoding": "identity"},
                body=job.request.body,
                patience=httpx.Timeout(self._options.timeout, read=job.timeout),
            ) as response:
                status, headers = response.status_code, response.headers
                if is_redirect(status):
                    target = redirected(url, status, headers.get("location", ""))
                    if target is None:
                        break
                    url = target
                    continue
                reader.begin(status, headers.get("content-type", ""))
                for chunk in response.iter_bytes():
                    reader.feed(chunk)
                    if reader.full:
                        break
            result = rt.run_blocking(reader.result) if reader.large else reader.result()
            limits = read_limits(headers, self._clock())
            if isinstance(result, Completion):
                return _Attempt(result, Failure(status=status), "", limits)
            wait = retry_after(headers, self._clock())
            return _refused(result, result.retry_after if wait is None else wait, limits)
        message = "the server redirects to where the key must not be sent; correct its base_url"
        return _Attempt(None, Failure(status=404, final=True), message)

    def snapshot(self) -> HTTPSnapshot:
        """What can be seen from outside, at this moment."""
        with self._state:
            now = self.now()
            return HTTPSnapshot(
                pool=PoolState() if self._client is None else self._client.pool(),
                breakers=self._breakers.snapshots(now),
                pauses={server: each.pause(now) for server, each in self._limiters.items()},
                latencies={server: each.copy() for server, each in self._latencies.items()},
                attempts=self._attempts,
                retries=self._repeated,
                failures=self._failures,
            )


def configured(settings: HTTPSettings, clock: Callable[[], float] = time.time) -> HTTPClient:
    """The client as it is configured."""
    return HTTPClient(options_of(settings), clock=clock)


def options_of(settings: HTTPSettings) -> rt.NetworkOptions:
    """What is configured for clients."""
    return rt.NetworkOptions(
        max_connections=settings.max_connections,
        max_per_host=settings.max_per_host,
        timeout=settings.timeout,
        ca_file=settings.ca_file,
        proxy=settings.proxy,
    )


def _drafted(job: Exchange, timeout: float) -> bytes:
    request = job.request
    patience = httpx.Timeout(timeout, read=job.timeout)
    made = plain_request(request.method, request.url, request.headers, request.body, patience)
    head = [f"{made.method} {made.url}", *sorted(name.lower() for name in made.headers)]
    return "\n".join([*head, "", ""]).encode() + made.content


def _failed(fault: Fault, message: str) -> _Attempt:
    return _Attempt(None, Failure(fault), message)


def _refused(error: APIError, wait: float | None, limits: Limits) -> _Attempt:
    failure = Failure(status=error.status, retry_after=wait, final=error.out_of_credit)
    return _Attempt(None, failure, f"HTTP {error.status}: {error.message}", limits)
