"""The HTTP client against a server that misbehaves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codeagent._async.http import AsyncHTTPClient, Exchange, Outcome
from codeagent._runtime import async_runtime as rt
from codeagent.core.breaker import BreakerPolicy, BreakerState
from codeagent.core.llm.providers import Dialect
from codeagent.core.llm.reply import LARGEST, ReplyReader
from codeagent.core.llm.secret import Headers
from codeagent.core.llm.wire import WireRequest
from codeagent.core.retry import RetryPolicy
from tests.support.models import (
    ModelServer,
    authority,
    completion,
    hang,
    late,
    raw,
    redirect,
    refuse,
    reset,
    say,
    stream,
)

from .helpers import until

KEY = "sk-test-0123456789abcdef"
QUICK = RetryPolicy(base=0.001, cap=0.01, longest_wait=1)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


def client(**given: Any) -> AsyncHTTPClient:
    options = {name: given.pop(name) for name in ("ca_file", "max_per_host") if name in given}
    network = rt.NetworkOptions(timeout=5, **options)
    return AsyncHTTPClient(network, **{"retries": QUICK, **given})


def exchange(server: ModelServer, http: AsyncHTTPClient, **given: Any) -> Exchange:
    headers = Headers({"authorization": f"Bearer {KEY}", "content-type": "application/json"})
    url = given.pop("url", f"{server.url}/chat/completions")
    defaults: dict[str, Any] = {
        "server": (server.origin, "m"),
        "request": WireRequest(url, headers, b'{"model": "m", "messages": [{"content": "q"}]}'),
        "reader": lambda: ReplyReader(Dialect.OPENAI),
        "attempts": 3,
        "timeout": 5.0,
        "deadline": http.now() + 20,
    }
    return Exchange(**{**defaults, **given})


def text_of(outcome: Outcome) -> str:
    assert outcome.completion is not None, outcome.error
    return outcome.completion.text


async def test_requests_one_after_the_other_share_a_connection(server: ModelServer) -> None:
    async with client() as http:
        for _ in range(5):
            assert text_of(await http.exchange(exchange(server, http))) == "fine"
        pool = http.snapshot().pool
    assert len({seen.client for seen in server.requests}) == 1
    assert (pool.requests, pool.handshakes, pool.reused, pool.streams) == (5, 1, 4, 0)


async def test_servers_hear_who_asks_and_nothing_that_they_said_before(
    server: ModelServer,
) -> None:
    server.scripted.append(say("fine", set_cookie="session=1"))
    async with client() as http:
        for _ in range(2):
            await http.exchange(exchange(server, http))
    for seen in server.requests:
        assert seen.headers["user-agent"].startswith("codeagent/")
        assert "cookie" not in seen.headers


async def test_an_overloaded_server_is_asked_again_when_it_says_so(server: ModelServer) -> None:
    server.scripted += [refuse(429, retry_after_ms="30"), refuse(503, retry_after="0")]
    async with client() as http:
        began = time.monotonic()
        assert text_of(await http.exchange(exchange(server, http))) == "fine"
        assert time.monotonic() - began >= 0.03
        seen = http.snapshot()
    assert (seen.attempts, seen.retries, seen.failures) == (3, 2, 0)


async def test_a_wait_that_is_too_long_is_not_waited_for(server: ModelServer) -> None:
    server.scripted.append(refuse(429, "slow down", retry_after="3600"))
    async with client() as http:
        outcome = await http.exchange(exchange(server, http))
        again = await http.exchange(exchange(server, http))
    assert outcome.completion is None and outcome.was_sent
    assert "HTTP 429: slow down" in outcome.error
    assert len(server.requests) == 1
    assert not again.was_sent and "rate limit" in again.error


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404])
async def test_a_refusal_for_good_is_not_repeated(server: ModelServer, status: int) -> None:
    server.scripted.append(refuse(status, "never"))
    async with client() as http:
        outcome = await http.exchange(exchange(server, http))
    assert outcome.error == f"HTTP {status}: never"
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_an_error_of_the_server_is_repeated_up_to_the_limit(
    server: ModelServer, status: int
) -> None:
    server.answer = lambda seen: refuse(status, "oops")
    async with client() as http:
        outcome = await http.exchange(exchange(server, http))
    assert outcome.error == f"HTTP {status}: oops"
    assert len(server.requests) == 3


async def test_a_dropped_connection_is_tried_again(server: ModelServer) -> None:
    server.scripted += [say("first"), reset, reset]
    async with client() as http:
        assert text_of(await http.exchange(exchange(server, http))) == "first"
        assert text_of(await http.exchange(exchange(server, http))) == "fine"


async def test_an_attempt_that_hangs_ends_in_time_and_frees_its_place(server: ModelServer) -> None:
    server.scripted += [hang, hang]
    async with client(max_per_host=1) as http:
        job = exchange(server, http, attempts=2, timeout=0.05)
        outcome = await http.exchange(job)
        assert "no answer within 0.05 s" in outcome.error
        server.scripted.clear()  # an attempt may have ended before the server saw it
        assert text_of(await http.exchange(exchange(server, http))) == "fine"


async def test_a_cancelled_request_frees_its_place_and_its_permit(server: ModelServer) -> None:
    server.scripted.append(hang)
    async with client(max_per_host=1) as http:
        async with rt.CancelScope() as scope, rt.TaskGroup() as group:
            group.start_soon(http.exchange, exchange(server, http))
            await until(server.begun.is_set)
            scope.cancel()
        assert text_of(await http.exchange(exchange(server, http))) == "fine"
        seen = http.snapshot()
    assert seen.pool.streams == 0
    (breaker,) = seen.breakers.values()
    assert (breaker.successes, breaker.failures) == (1, 0)


@pytest.mark.parametrize(
    "body", [b"", b"not json", b"[]", b"{}", b'{"choices": []}', b"\xff\xfe", b"[" * 100_000]
)
async def test_an_answer_that_is_no_completion_is_an_error(
    server: ModelServer, body: bytes
) -> None:
    server.answer = lambda seen: raw(body)
    async with client() as http:
        outcome = await http.exchange(exchange(server, http, attempts=1))
    assert outcome.completion is None
    assert outcome.error.startswith("HTTP 502: ")


async def test_a_large_answer_is_read_and_a_huge_one_refused(server: ModelServer) -> None:
    large = "ä" * 5_000_000
    server.scripted += [say(large), raw(b" " * (LARGEST + 1))]
    async with client() as http:
        assert text_of(await http.exchange(exchange(server, http))) == large
        outcome = await http.exchange(exchange(server, http, attempts=1))
    assert "larger than" in outcome.error


async def test_a_key_is_not_sent_to_another_origin(server: ModelServer) -> None:
    with ModelServer() as other:
        server.answer = lambda seen: redirect(f"{other.url}/steal")
        async with client() as http:
            outcome = await http.exchange(exchange(server, http))
    assert "redirects" in outcome.error and "base_url" in outcome.error
    assert other.requests == []
    assert len(server.requests) == 1


async def test_a_redirect_within_the_origin_is_followed_a_few_times(server: ModelServer) -> None:
    server.scripted.append(redirect("/v2/chat"))
    async with client() as http:
        assert text_of(await http.exchange(exchange(server, http))) == "fine"
        assert [seen.path for seen in server.requests] == ["/v1/chat/completions", "/v2/chat"]
        assert server.requests[1].headers["authorization"] == f"Bearer {KEY}"
        server.answer = lambda seen: redirect("/round")
        outcome = await http.exchange(exchange(server, http))
        assert "redirects" in outcome.error


async def test_a_stream_is_told_piece_by_piece(server: ModelServer) -> None:
    server.scripted.append(stream(["Hel", "lo ", "ё🙂"]))
    pieces: list[str] = []
    async with client() as http:
        reader = ReplyReader(Dialect.OPENAI, pieces.append)
        outcome = await http.exchange(exchange(server, http, reader=lambda: reader))
    assert pieces == ["Hel", "lo ", "ё🙂"]
    assert outcome.completion is not None
    assert (outcome.completion.text, outcome.completion.usage.output) == ("Hello ё🙂", 4)


async def test_a_stream_that_has_spoken_is_not_begun_again(server: ModelServer) -> None:
    server.scripted.append(stream(["Hel"], end=False))
    pieces: list[str] = []
    async with client() as http:
        job = exchange(server, http, reader=lambda: ReplyReader(Dialect.OPENAI, pieces.append))
        outcome = await http.exchange(job)
    assert (pieces, outcome.completion) == (["Hel"], None)
    assert len(server.requests) == 1


async def test_a_server_that_keeps_failing_is_left_alone(server: ModelServer) -> None:
    server.answer = lambda seen: refuse(500)
    policy = BreakerPolicy(calls=3, open_for=0.05)
    async with client(breakers=policy) as http:
        await http.exchange(exchange(server, http))
        outcome = await http.exchange(exchange(server, http))
        assert not outcome.was_sent and "kept failing" in outcome.error
        assert len(server.requests) == 3
        (seen,) = http.snapshot().breakers.values()
        assert seen.state is BreakerState.OPEN
        server.answer = lambda seen: say("back")
        await until(
            lambda: next(iter(http.snapshot().breakers.values())).state is BreakerState.HALF_OPEN
        )
        assert text_of(await http.exchange(exchange(server, http))) == "back"
        assert next(iter(http.snapshot().breakers.values())).state is BreakerState.CLOSED


async def test_a_server_that_was_killed_and_came_back_is_used_again(server: ModelServer) -> None:
    async with client() as http:
        await http.exchange(exchange(server, http))
        server.kill()
        outcome = await http.exchange(exchange(server, http))
        assert outcome.completion is None and server.origin in outcome.error
        server.start()
        assert text_of(await http.exchange(exchange(server, http))) == "fine"


async def test_a_limit_that_a_server_states_is_kept(server: ModelServer) -> None:
    limits = {"x_ratelimit_limit": "10", "x_ratelimit_remaining": "0", "x_ratelimit_reset": "0.1"}
    server.scripted.append(raw(completion("last"), 200, **limits))
    async with client() as http:
        await http.exchange(exchange(server, http))
        assert 0 < next(iter(http.snapshot().pauses.values())) <= 0.1
        began = time.monotonic()
        await http.exchange(exchange(server, http))
    assert time.monotonic() - began > 0.02


async def test_a_reason_to_stop_is_heard_before_anything_is_sent(server: ModelServer) -> None:
    async with client() as http:
        job = exchange(server, http, reason_to_stop=lambda: "the budget is used up")
        outcome = await http.exchange(job)
    assert (outcome.error, outcome.was_sent) == ("the budget is used up", False)
    assert server.requests == []


async def test_many_requests_at_once_keep_to_the_connections_allowed(server: ModelServer) -> None:
    async with client(max_per_host=4) as http:

        async def ask(_: int) -> str:
            return text_of(await http.exchange(exchange(server, http)))

        assert await rt.map_concurrently(ask, range(40), limit=40) == ["fine"] * 40
        assert http.snapshot().pool.connections <= 4
    assert len({seen.client for seen in server.requests}) <= 4


async def test_requests_that_wait_are_counted_now_and_for_ever(server: ModelServer) -> None:
    server.answer = lambda seen: late(say("fine"))
    async with client(max_per_host=2) as http, rt.TaskGroup() as group:
        for _ in range(6):
            group.start_soon(http.exchange, exchange(server, http))
        await until(lambda: http.snapshot().pool.waiting == 4)
        server.released.set()
        await until(lambda: http.snapshot().pool.waiting == 0)
        assert http.snapshot().pool.waited >= 4


async def test_a_server_of_a_trusted_authority_is_believed(tmp_path: Path) -> None:
    ca = authority(tmp_path)
    with ModelServer(ca.server) as server:
        async with client(ca_file=ca.ca_file) as http:
            assert text_of(await http.exchange(exchange(server, http))) == "fine"
            await http.exchange(exchange(server, http))
            assert http.snapshot().pool.handshakes == 1


@pytest.mark.parametrize("name", ["localhost", "example.org"])
async def test_a_wrong_certificate_is_refused_once_and_plainly(tmp_path: Path, name: str) -> None:
    ca = authority(tmp_path, name)
    trusted = ca.ca_file if name != "localhost" else None
    with ModelServer(ca.server) as server:
        async with client(ca_file=trusted) as http:
            outcome = await http.exchange(exchange(server, http))
            seen = http.snapshot()
    assert "certificate" in outcome.error.lower()
    assert seen.retries == 0
    assert server.requests == []


async def test_no_secret_is_in_what_is_told(server: ModelServer) -> None:
    server.scripted += [refuse(401, f"invalid key {KEY}"), reset, reset, reset]
    async with client() as http:
        job = exchange(server, http)
        first = await http.exchange(job)
        second = await http.exchange(job)
        assert KEY not in repr((job, first, second, http, http.snapshot()))
