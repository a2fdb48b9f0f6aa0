from __future__ import annotations

import email.utils

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.retry import (
    LONGEST_RETRY_AFTER,
    Failure,
    Fault,
    GiveUp,
    GiveUpReason,
    Retry,
    RetryBudget,
    RetryPolicy,
    backoff,
    decide,
    retry_after,
)

POLICY = RetryPolicy(attempts=3, base=1.0, cap=30.0, longest_wait=60.0)
NOW = 1_800_000_000.0


def after(
    failure: Failure,
    *,
    attempt: int = 1,
    random: float = 0.5,
    deadline: float = 1000.0,
    budget: RetryBudget | None = None,
    repeatable: bool = True,
) -> Retry | GiveUp:
    return decide(
        failure,
        attempt=attempt,
        policy=POLICY,
        now=0.0,
        deadline=deadline,
        random=random,
        budget=budget,
        repeatable=repeatable,
    )


@pytest.mark.parametrize("status", [408, 421, 425, 429, 500, 502, 503, 504, 522, 529])
def test_a_status_that_may_pass_is_retried(status: int) -> None:
    assert after(Failure(status=status)) == Retry(0.5)


@pytest.mark.parametrize("status", [200, 301, 400, 401, 402, 403, 404, 413, 422, 501, 505])
def test_a_status_that_will_stay_is_not(status: int) -> None:
    assert after(Failure(status=status)) == GiveUp(GiveUpReason.PERMANENT)


def test_an_empty_account_is_not_retried_although_it_is_a_429() -> None:
    assert after(Failure(status=429, final=True)) == GiveUp(GiveUpReason.PERMANENT)


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_but_a_wrong_certificate_is_retried(fault: Fault) -> None:
    expected = Retry(0.5) if fault is not Fault.CERTIFICATE else GiveUp(GiveUpReason.PERMANENT)
    assert after(Failure(fault)) == expected


@pytest.mark.parametrize(
    ("failure", "safe"),
    [
        (Failure(Fault.CONNECT), True),
        (Failure(Fault.REFUSED), True),
        (Failure(Fault.POOL), True),
        (Failure(Fault.CLOSED), False),
        (Failure(Fault.READ), False),
        (Failure(status=429), True),
        (Failure(status=503), True),
        (Failure(status=500), False),
        (Failure(status=504), False),
    ],
)
def test_what_must_not_happen_twice_is_retried_only_if_it_never_began(
    failure: Failure, safe: bool
) -> None:
    expected = Retry(0.5) if safe else GiveUp(GiveUpReason.UNSAFE)
    assert after(failure, repeatable=False) == expected


def test_the_last_attempt_is_the_last() -> None:
    assert after(Failure(status=500), attempt=2) == Retry(1.0)
    assert after(Failure(status=500), attempt=3) == GiveUp(GiveUpReason.ATTEMPTS)


def test_the_wait_that_a_server_asks_for_is_kept_and_spread_a_little() -> None:
    assert after(Failure(status=429, retry_after=10.0), random=0.0) == Retry(10.0)
    assert after(Failure(status=429, retry_after=10.0), random=0.5) == Retry(10.5)


def test_a_wait_that_is_not_worth_it_ends_the_attempts() -> None:
    failure = Failure(status=429, retry_after=61.0)
    assert after(failure) == GiveUp(GiveUpReason.TOO_LONG)


def test_no_retry_is_planned_beyond_the_deadline() -> None:
    failure = Failure(status=503, retry_after=10.0)
    assert after(failure, deadline=10.0) == GiveUp(GiveUpReason.DEADLINE)


def test_an_empty_budget_ends_the_attempts_and_only_a_retry_is_paid_for() -> None:
    budget = RetryBudget(ratio=0.2, reserve=1.0, per_second=0.0)
    assert after(Failure(status=400), budget=budget) == GiveUp(GiveUpReason.PERMANENT)
    assert after(Failure(status=500), budget=budget) == Retry(0.5)
    assert after(Failure(status=500), budget=budget) == GiveUp(GiveUpReason.BUDGET)


@pytest.mark.parametrize(
    ("failure", "counts"),
    [
        (Failure(status=500), True),
        (Failure(Fault.CONNECT), True),
        (Failure(Fault.POOL), False),
        (Failure(status=429), False),
        (Failure(status=400), False),
    ],
)
def test_only_what_the_server_did_speaks_against_it(failure: Failure, counts: bool) -> None:
    assert failure.speaks_against_server is counts


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_delay_lies_between_nothing_and_the_exponential_ceiling(
    retry: int, random: float
) -> None:
    ceiling = min(POLICY.cap, POLICY.base * 2 ** min(retry, 20))
    assert 0 <= backoff(POLICY, retry, random) <= ceiling
    assert backoff(POLICY, retry, 0.5) == ceiling / 2


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.booleans(), st.floats(0, 5)), max_size=200))
def test_retries_stay_a_share_of_requests(steps: list[tuple[bool, float]]) -> None:
    budget = RetryBudget(ratio=0.2, reserve=3.0, per_second=0.1)
    now, requests, retries = 0.0, 0, 0
    for is_retry, passed in steps:
        now += passed
        if is_retry:
            retries += budget.take(now)
        else:
            budget.request(now)
            requests += 1
        assert retries <= 3 + 0.2 * requests + 0.1 * now + 1e-6
        assert 0 <= budget.level <= 3


def test_a_clock_that_goes_back_gives_no_budget_away() -> None:
    budget = RetryBudget(ratio=0.0, reserve=2.0, per_second=1.0)
    assert budget.take(100.0)
    assert budget.take(100.0)
    assert not budget.take(50.0)
    assert not budget.take(100.5)
    assert budget.take(101.0)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "99999999999"}, LONGEST_RETRY_AFTER),
        ({"retry-after": email.utils.formatdate(NOW + 30, usegmt=True)}, 30.0),
        ({"retry-after": email.utils.formatdate(NOW - 30, usegmt=True)}, 0.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}, 0.0),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, LONGEST_RETRY_AFTER),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "1"}, 1.0),
        ({}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "٣"}, None),
    ],
)
def test_retry_after_is_read_in_both_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=40))
def test_whatever_stands_in_retry_after_the_wait_is_bounded(value: str) -> None:
    seconds = retry_after({"retry-after": value}, NOW)
    assert seconds is None or 0 <= seconds <= LONGEST_RETRY_AFTER
