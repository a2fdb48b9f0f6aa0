from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.config import parse_config
from codeagent.core.failure import Failure, FailureKind, Step
from codeagent.core.fallback import FallbackState, policy_for, predecessors_policy, read_state
from codeagent.core.recovery import Policy, Tried, decide, tried

NOW = 1_800_000_000.0
OTHERS = ("grok", "sonnet", "gpt")


def test_the_first_model_is_asked_first_and_the_others_after_it() -> None:
    assert FallbackState().models("auto", OTHERS, most=3, now=NOW) == ("auto", "grok", "sonnet")
    assert FallbackState().models("auto", OTHERS, most=1, now=NOW) == ("auto",)
    assert FallbackState().models("auto", OTHERS, most=-2, now=NOW) == ("auto",)
    assert FallbackState().models("auto", (), most=3, now=NOW) == ("auto",)


def test_after_an_unpaid_bill_the_first_fallback_stands_in_for_an_hour() -> None:
    state = FallbackState().failed(FailureKind.BILLING, NOW)
    assert state == FallbackState(True, NOW + 3600, 0, 25, NOW)
    assert state.models("auto", OTHERS, most=3, now=NOW + 3599) == ("grok",)
    assert state.models("auto", OTHERS, most=3, now=NOW + 3600) == ("auto", "grok", "sonnet")
    assert state.models("auto", (), most=3, now=NOW) == ("auto",)


def test_after_the_hour_the_first_model_is_on_trial() -> None:
    expired = FallbackState(True, NOW, 7).at(NOW + 10)
    assert (expired.fallback_active, expired.request_count) == (False, 0)
    assert expired.fallback_until == NOW + 310
    assert expired.failed(FailureKind.TIMED_OUT, NOW + 300).fallback_active
    assert not expired.failed(FailureKind.TIMED_OUT, NOW + 310).fallback_active
    assert not expired.succeeded(NOW + 20, fell_back=False).fallback_active


def test_a_failure_of_another_kind_does_not_call_the_fallback_in() -> None:
    assert FallbackState().failed(FailureKind.TIMED_OUT, NOW) == FallbackState()


def test_help_of_another_model_makes_it_stand_in() -> None:
    assert FallbackState().succeeded(NOW, fell_back=True).fallback_active
    assert not FallbackState().succeeded(NOW, fell_back=False).fallback_active


def test_after_25_successes_it_is_enough() -> None:
    state = FallbackState().succeeded(NOW, fell_back=True)
    for _ in range(24):
        state = state.succeeded(NOW + 1, fell_back=False)
    assert (state.fallback_active, state.request_count) == (True, 24)
    state = state.succeeded(NOW + 1, fell_back=False)
    assert state == FallbackState(False, 0.0, 25, 25, 0.0)


def test_what_stands_in_already_is_not_prolonged() -> None:
    state = FallbackState().failed(FailureKind.QUOTA, NOW)
    again = state.failed(FailureKind.QUOTA, NOW + 100)
    assert (again.fallback_until, again.last_billing_error) == (NOW + 3600, NOW + 100)


def test_the_document_is_the_predecessors() -> None:
    document = json.loads(FallbackState(True, NOW, 3, 25, NOW - 5).to_json())
    assert list(document) == [
        "fallback_active",
        "fallback_until",
        "request_count",
        "max_requests",
        "last_billing_error",
    ]
    assert b'\n  "fallback_active": true' in FallbackState(True).to_json()


@pytest.mark.parametrize(
    "data",
    [
        None,
        b"",
        b"[]",
        b"{",
        b"\xff\xfe",
        b"null",
        b'{"fallback_until": "soon"}',
        b'{"fallback_until": NaN, "request_count": -1, "max_requests": 0}',
        b'{"fallback_until": 1' + b"0" * 400 + b', "request_count": true}',
        b'{"fallback_active": "yes", "last_billing_error": Infinity}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_document_is_as_good_as_none(data: bytes | None) -> None:
    assert read_state(data) == FallbackState()


def test_a_document_with_a_byte_order_mark_is_read() -> None:
    assert read_state(b'\xef\xbb\xbf{"fallback_active": true}').fallback_active


@settings(deadline=None)
@given(
    st.builds(
        FallbackState,
        st.booleans(),
        st.floats(0, 1e10),
        st.integers(0, 30),
        st.integers(1, 30),
        st.floats(0, 1e10),
    )
)
def test_what_was_written_is_read_back(state: FallbackState) -> None:
    assert read_state(state.to_json()) == state


PREDECESSOR = """
project: {base_dir: .}
agent: {role: x}
server: {http_port: 3456}
cursor: {cli: {fallback_models: [grok, sonnet, gpt], resilience: %s}}
"""


def policy(resilience: str = "{}") -> Policy:
    config = parse_config(
        PREDECESSOR % resilience, source="c.yaml", predecessor=True, environment={}
    )
    return predecessors_policy(config)


def walk(kind: FailureKind, resilience: str = "{}") -> list[str | None]:
    """The models that are asked one after the other until it is over."""
    rules = policy(resilience)
    history: list[Tried] = []
    asked: list[str | None] = ["auto"]
    while True:
        recovery = decide(
            Failure(kind, "x"),
            history,
            rules,
            NOW,
            model=asked[-1],
            models=("auto", *OTHERS),
        )
        if recovery.step is not Step.OTHER_MODEL:
            return asked
        history.append(tried(Failure(kind, "x"), recovery, model=asked[-1]))
        asked.append(recovery.model)


@pytest.mark.parametrize(
    "kind", [FailureKind.BILLING, FailureKind.TIMED_OUT, FailureKind.AGENT_CRASHED]
)
def test_the_predecessor_asks_three_models_at_most(kind: FailureKind) -> None:
    assert walk(kind) == ["auto", "grok", "sonnet"]


def test_the_predecessor_falls_back_only_on_what_is_enabled() -> None:
    only = "{fallback_on_errors: [timeout]}"
    assert walk(FailureKind.TIMED_OUT, only) == ["auto", "grok", "sonnet"]
    assert walk(FailureKind.BILLING, only) == ["auto"]
    assert walk(FailureKind.UNKNOWN, only) == ["auto"]
    assert walk(FailureKind.TIMED_OUT, "{enable_fallback: false}") == ["auto"]
    assert walk(FailureKind.TIMED_OUT, "{max_fallback_attempts: 2}") == ["auto", "grok"]
    assert walk(FailureKind.TIMED_OUT, "{max_fallback_attempts: 0}") == ["auto"]


def test_the_predecessors_pause_lies_between_two_models() -> None:
    rules = policy("{fallback_retry_delay: 7}")
    failure = Failure(FailureKind.TIMED_OUT, "x")
    recovery = decide(failure, [], rules, NOW, model="auto", models=("auto", "grok"))
    assert (recovery.model, recovery.not_before) == ("grok", NOW + 7)


def test_every_kind_has_a_rule_in_both_dialects() -> None:
    ours = policy_for(parse_config("", source="c.yaml", predecessor=False, environment={}))
    config = parse_config(PREDECESSOR % "{}", source="c.yaml", predecessor=True, environment={})
    assert set(ours.rules) == set(policy_for(config).rules) == set(FailureKind)
    assert ours != policy_for(config)
