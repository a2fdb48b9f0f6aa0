from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.ratelimit import (
    LONGEST_PAUSE,
    Limits,
    RateLimiter,
    Window,
    parse_duration,
    parse_reset,
    read_limits,
)

NOW = 1_800_000_000.0


def answer(limiter: RateLimiter, now: float, window: Window | None = None) -> None:
    limiter.answered(now, Limits(window), refused=False)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("20ms", 0.02),
        ("1h2m3.5s", 3723.5),
        ("1d", 86400.0),
        ("", None),
        ("1", None),
        ("s", None),
        ("1s ", None),
        ("-1s", None),
        ("1m1", None),
    ],
)
def test_durations_are_read_as_go_writes_them(text: str, seconds: float | None) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("6m0s", (360.0, True)),
        (str(int((NOW + 30) * 1000)), (30.0, False)),
        (str(int(NOW + 30)), (30.0, False)),
        (str(int(NOW - 30)), (0.0, False)),
        ("2", (2.0, False)),
        ("2027-01-15T08:00:10Z", (10.0, False)),
        ("2027-01-15T08:00:10", (10.0, False)),
        ("soon", None),
        ("", None),
    ],
)
def test_a_reset_is_a_duration_or_a_moment(text: str, expected: tuple[float, bool] | None) -> None:
    assert parse_reset(text, NOW) == expected


def test_the_headers_of_openai_limit_requests_and_tokens() -> None:
    headers = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-limit-tokens": "150000",
        "x-ratelimit-remaining-tokens": "149984",
        "x-ratelimit-reset-tokens": "6m0s",
    }
    assert read_limits(headers, NOW) == Limits(
        Window(60, 59, 1.0, True), Window(150000, 149984, 360.0, True)
    )


def test_the_headers_of_openrouter_are_those_of_a_fixed_window() -> None:
    headers = {
        "x-ratelimit-limit": "20",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": str(int((NOW + 45) * 1000)),
    }
    assert read_limits(headers, NOW) == Limits(Window(20, 0, 45.0, False))


def test_the_headers_of_envoy_carry_parameters() -> None:
    headers = {
        "x-ratelimit-limit": "5, 5;w=2",
        "x-ratelimit-remaining": "3",
        "x-ratelimit-reset": "2",
    }
    assert read_limits(headers, NOW) == Limits(Window(5, 3, 2.0, False))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-ratelimit-limit": "20"},
        {"x-ratelimit-remaining": "3"},
        {"x-ratelimit-remaining": "x", "x-ratelimit-reset": "1s"},
        {"x-ratelimit-remaining": "3", "x-ratelimit-reset": "tomorrow"},
    ],
)
def test_what_says_too_little_is_no_limit(headers: dict[str, str]) -> None:
    assert read_limits(headers, NOW) == Limits()


def test_an_unknown_server_is_not_limited() -> None:
    limiter = RateLimiter()
    assert [limiter.acquire(0.0, 10**9) for _ in range(1000)] == [0.0] * 1000


def test_an_exhausted_window_is_waited_out_and_then_full_again() -> None:
    limiter = RateLimiter()
    limiter.acquire(0.0)
    answer(limiter, 0.0, Window(2, 0, 30.0, False))
    assert limiter.acquire(10.0) == 20.0
    assert [limiter.acquire(30.0), limiter.acquire(30.0)] == [0.0, 0.0]


def test_a_token_bucket_is_waited_for_only_as_long_as_it_takes_to_refill() -> None:
    limiter = RateLimiter()
    limiter.acquire(0.0)
    answer(limiter, 0.0, Window(60, 0, 60.0, True))
    assert limiter.acquire(0.0) == pytest.approx(1.0)
    assert limiter.acquire(2.5) == 0.0
    assert limiter.acquire(2.5) == 0.0
    assert 0 < limiter.acquire(2.5) <= 1.0


def test_requests_in_flight_are_not_forgotten_by_an_answer_that_missed_them() -> None:
    limiter = RateLimiter()
    limiter.acquire(0.0)
    answer(limiter, 0.0, Window(5, 4, 60.0, False))
    assert [limiter.acquire(1.0) for _ in range(4)] == [0.0] * 4
    answer(limiter, 2.0, Window(5, 3, 58.0, False))
    assert limiter.acquire(2.0) > 0


def test_with_nothing_in_flight_the_server_is_believed() -> None:
    limiter = RateLimiter()
    limiter.acquire(0.0)
    answer(limiter, 0.0, Window(5, 1, 60.0, False))
    limiter.acquire(1.0)
    answer(limiter, 2.0, Window(100, 99, 60.0, False))
    assert [limiter.acquire(3.0) for _ in range(99)] == [0.0] * 99
    assert limiter.acquire(3.0) > 0


def test_a_refusal_pauses_for_as_long_as_the_server_says() -> None:
    limiter = RateLimiter()
    limiter.acquire(0.0)
    limiter.answered(0.0, Limits(), refused=True, retry_after=7.0)
    assert (limiter.acquire(3.0), limiter.pause(3.0)) == (4.0, 4.0)
    assert limiter.acquire(7.0) == 0.0


def test_refusals_without_a_time_pause_ever_longer_until_one_is_answered() -> None:
    limiter, now, pauses = RateLimiter(), 0.0, []
    for _ in range(4):
        now += limiter.acquire(now)
        limiter.answered(now, Limits(), refused=True)
        pauses.append(limiter.pause(now))
    assert pauses == [1, 2, 4, 8]
    answer(limiter, now)
    limiter.answered(now, Limits(), refused=True)
    assert limiter.pause(now + 8) == 0


def test_tokens_are_limited_too_and_a_request_larger_than_the_limit_still_goes() -> None:
    limiter = RateLimiter()
    limiter.acquire(0.0)
    limiter.answered(0.0, Limits(tokens=Window(1000, 400, 60.0, True)), refused=False)
    assert limiter.acquire(0.0, 500) == pytest.approx(10.0)
    assert limiter.acquire(0.0, 400) == 0.0
    limiter.abandoned()
    assert limiter.acquire(200.0, 5000) == 0.0


windows = st.builds(
    lambda limit, share, reset, refills: Window(limit, limit * share // 100, reset, refills),
    st.integers(1, 50),
    st.integers(0, 100),
    st.floats(0, 100),
    st.booleans(),
)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.one_of(windows, st.none(), st.just("429")), max_size=40), st.floats(0, 10))
def test_whoever_waits_as_told_is_let_through_in_the_end(
    steps: list[Window | str | None], passed: float
) -> None:
    limiter, now = RateLimiter(), 0.0
    for step in steps:
        now += passed
        wait = limiter.acquire(now)
        assert 0 <= wait <= LONGEST_PAUSE
        if wait == 0.0 and step is not None:
            window = step if isinstance(step, Window) else None
            limiter.answered(now, Limits(window), refused=step == "429")
    waits = 0
    while wait := limiter.acquire(now):
        now += wait
        waits += 1
        assert waits < 1000


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_whatever_the_headers_hold_a_limit_is_one(limit: str, remaining: str, reset: str) -> None:
    headers = {
        "x-ratelimit-limit": limit,
        "x-ratelimit-remaining": remaining,
        "x-ratelimit-reset": reset,
    }
    window = read_limits(headers, NOW).requests
    if window is not None:
        assert 0 <= window.remaining <= window.limit
        assert 0 <= window.reset_in <= LONGEST_PAUSE
