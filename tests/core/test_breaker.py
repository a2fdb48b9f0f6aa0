from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.breaker import Breaker, BreakerPolicy, Breakers, BreakerState, Permit

POLICY = BreakerPolicy(
    window=60, calls=4, ratio=0.5, open_for=10, open_for_max=35, probes=1, probe_timeout=100
)


def permit(breaker: Breaker, now: float) -> Permit:
    found = breaker.enter(now)
    assert found is not None
    return found


def opened(now: float = 0.0, policy: BreakerPolicy = POLICY) -> Breaker:
    breaker = Breaker(policy)
    for _ in range(policy.calls):
        breaker.failed(permit(breaker, now), now)
    assert breaker.snapshot(now).state is BreakerState.OPEN
    return breaker


def test_a_few_failures_do_not_open_it() -> None:
    breaker = Breaker(POLICY)
    for _ in range(3):
        breaker.failed(permit(breaker, 0), 0)
    assert breaker.snapshot(0).state is BreakerState.CLOSED


def test_a_share_of_failures_below_the_ratio_does_not_open_it() -> None:
    breaker = Breaker(POLICY)
    for _ in range(5):
        breaker.succeeded(permit(breaker, 0), 0)
    for _ in range(4):
        breaker.failed(permit(breaker, 0), 0)
    assert breaker.snapshot(0).state is BreakerState.CLOSED
    breaker.failed(permit(breaker, 0), 0)
    assert breaker.snapshot(0).state is BreakerState.OPEN


def test_failures_that_left_the_window_do_not_count() -> None:
    breaker = Breaker(POLICY)
    for _ in range(3):
        breaker.failed(permit(breaker, 0), 0)
    breaker.failed(permit(breaker, 60), 60)
    snapshot = breaker.snapshot(60)
    assert (snapshot.state, snapshot.failures) == (BreakerState.CLOSED, 1)


def test_while_open_nothing_passes_and_it_says_for_how_long() -> None:
    breaker = opened()
    assert breaker.enter(9.9) is None
    assert breaker.snapshot(4).retry_in == 6
    assert breaker.snapshot(10).state is BreakerState.HALF_OPEN


def test_one_probe_passes_and_its_success_closes_it() -> None:
    breaker = opened()
    probe = permit(breaker, 10)
    assert breaker.enter(10) is None
    breaker.succeeded(probe, 11)
    snapshot = breaker.snapshot(11)
    assert (snapshot.state, snapshot.failures) == (BreakerState.CLOSED, 0)


def test_every_failed_probe_doubles_the_wait_up_to_a_limit() -> None:
    breaker, now, waits = opened(), 0.0, []
    for _ in range(4):
        now += breaker.snapshot(now).retry_in
        breaker.failed(permit(breaker, now), now)
        waits.append(breaker.snapshot(now).retry_in)
    assert waits == [20, 35, 35, 35]


def test_a_success_forgives_the_failed_probes() -> None:
    breaker = opened()
    breaker.failed(permit(breaker, 10), 10)
    breaker.succeeded(permit(breaker, 30), 30)
    for _ in range(4):
        breaker.failed(permit(breaker, 30), 30)
    assert breaker.snapshot(30).retry_in == 10


def test_a_cancelled_probe_makes_room_for_the_next() -> None:
    breaker = opened()
    breaker.abandoned(permit(breaker, 10))
    assert breaker.enter(10) is not None


def test_a_probe_that_is_never_heard_of_does_not_block_it_for_ever() -> None:
    breaker = opened()
    lost = permit(breaker, 10)
    assert breaker.enter(109) is None
    second = permit(breaker, 111)
    breaker.failed(lost, 112)
    assert breaker.snapshot(112).state is BreakerState.HALF_OPEN
    breaker.succeeded(second, 113)
    assert breaker.snapshot(113).state is BreakerState.CLOSED


def test_an_answer_to_a_request_from_before_it_opened_is_passed_over() -> None:
    breaker = Breaker(POLICY)
    early = [permit(breaker, 0) for _ in range(6)]
    for each in early[:4]:
        breaker.failed(each, 1)
    breaker.succeeded(early[4], 2)
    assert breaker.snapshot(2).state is BreakerState.OPEN
    probe = permit(breaker, 11)
    breaker.failed(early[5], 12)
    assert breaker.snapshot(12).state is BreakerState.HALF_OPEN
    breaker.succeeded(probe, 12)
    assert breaker.snapshot(12).state is BreakerState.CLOSED


def test_several_probes_must_all_succeed() -> None:
    policy = BreakerPolicy(calls=4, open_for=10, probes=2)
    breaker = opened(policy=policy)
    first, second = permit(breaker, 10), permit(breaker, 10)
    breaker.succeeded(first, 11)
    assert breaker.enter(11) is None
    breaker.succeeded(second, 11)
    assert breaker.snapshot(11).state is BreakerState.CLOSED


def test_each_origin_and_model_has_its_own() -> None:
    breakers = Breakers(POLICY)
    one = breakers.of("https://a:443", "m")
    assert breakers.of("https://a:443", "m") is one
    assert breakers.of("https://a:443", "n") is not one
    assert breakers.of("https://b:443", "m") is not one
    assert set(breakers.snapshots(0)) == {
        ("https://a:443", "m"),
        ("https://a:443", "n"),
        ("https://b:443", "m"),
    }


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.tuples(st.sampled_from(["ok", "bad", "gone", "lost"]), st.floats(0, 20)), max_size=80
    )
)
def test_it_always_lets_somebody_pass_in_the_end_and_probes_are_limited(
    steps: list[tuple[str, float]],
) -> None:
    breaker, now = Breaker(POLICY), 0.0
    for outcome, passed in steps:
        now += passed
        entered = breaker.enter(now)
        state = breaker.snapshot(now).state
        if entered is None:
            assert state is not BreakerState.CLOSED
            continue
        if state is BreakerState.HALF_OPEN:
            assert breaker.enter(now) is None
        if outcome == "ok":
            breaker.succeeded(entered, now)
            assert breaker.snapshot(now).state is BreakerState.CLOSED
        elif outcome == "bad":
            breaker.failed(entered, now)
        elif outcome == "gone":
            breaker.abandoned(entered)
    assert breaker.enter(now + POLICY.open_for_max + POLICY.probe_timeout + 1) is not None
