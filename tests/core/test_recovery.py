from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.config import ConfigError, parse_config
from codeagent.core.config.recovery import RecoverySettings
from codeagent.core.failure import Failure, FailureKind, Step
from codeagent.core.recovery import (
    DEFAULTS,
    MARGIN,
    Continuation,
    Policy,
    Recovery,
    Tried,
    continuations_text,
    decide,
    history_text,
    policy_of,
    read_continuations,
    read_history,
    tried,
)

NOW = datetime(2026, 11, 22, 14, 22, tzinfo=UTC).timestamp()
HOUR = 3600.0
POLICY = policy_of(RecoverySettings())


def configured(text: str) -> Policy:
    config = parse_config(text, source="c.yaml", predecessor=False, environment={})
    return policy_of(config.recovery)


def steps(
    failure: Failure, policy: Policy = POLICY, *, session: str | None = "chat", most: int = 500
) -> list[Recovery]:
    """What follows if the same failure comes again and again."""
    history: list[Tried] = []
    taken: list[Recovery] = []
    model, agent = "auto", "cursor"
    while len(taken) < most:
        recovery = decide(
            failure,
            history,
            policy,
            NOW,
            session=session,
            model=model,
            agent=agent,
            models=("auto", "grok", "sonnet") if agent == "cursor" else (),
            agents=("cursor", "claude"),
            zone=UTC,
        )
        taken.append(recovery)
        if recovery.step is Step.PERSON:
            return taken
        history.append(tried(failure, recovery, model=model, agent=agent))
        model, agent = recovery.model or "auto", recovery.agent or "cursor"
    raise AssertionError(f"{failure.kind} never ends")


def names(failure: Failure, policy: Policy = POLICY, *, session: str | None = "chat") -> list[str]:
    return [recovery.step.value for recovery in steps(failure, policy, session=session)]


def test_every_kind_of_failure_has_its_rules() -> None:
    assert set(DEFAULTS) == set(FailureKind) == set(POLICY.rules)
    assert {kind.value for kind in FailureKind} < set(RecoverySettings.model_fields)


@pytest.mark.parametrize("kind", FailureKind)
@pytest.mark.parametrize("session", ["chat", None])
def test_every_failure_that_comes_again_ends_with_a_person(
    kind: FailureKind, session: str | None
) -> None:
    taken = steps(Failure(kind, "it broke"), session=session)
    assert taken[-1].step is Step.PERSON
    assert "it broke" in (taken[-1].attention or "")
    assert len(taken) <= POLICY.max_steps + 1


def test_the_rules_are_followed_in_order() -> None:
    assert names(Failure(FailureKind.STALLED, "x")) == [
        "same_chat", "same_chat", "fresh", "other_model", "person"
    ]  # fmt: skip
    assert names(Failure(FailureKind.AUTHENTICATION, "x")) == ["other_agent", "person"]
    assert names(Failure(FailureKind.REFUSED, "x")) == ["person"]


def test_without_a_chat_there_is_none_to_go_on_with() -> None:
    assert names(Failure(FailureKind.NO_REPORT, "x"), session=None) == ["fresh", "person"]
    lost = Failure(FailureKind.AGENT_CRASHED, "x", chat_lost=True)
    assert names(lost) == ["fresh", "other_agent", "person"]


def test_a_quota_is_waited_for_until_it_is_back() -> None:
    failure = Failure(FailureKind.QUOTA, "limit hit", reset_at=NOW + 42 * 60 - MARGIN)
    recovery = decide(failure, (), POLICY, NOW, session="chat", zone=UTC)
    assert recovery.step is Step.WAIT
    assert recovery.not_before == NOW + 42 * 60
    assert recovery.message == "waits for the quota until 15:04 (in 42 min)"
    assert recovery.session == "chat"
    assert recovery.attention is None


def test_a_monthly_cap_is_not_waited_for() -> None:
    reset_at = NOW + 10 * 24 * HOUR
    taken = steps(Failure(FailureKind.QUOTA, "monthly limit", reset_at=reset_at))
    assert [recovery.step.value for recovery in taken] == [
        "other_model", "other_model", "other_agent", "park", "park", "park", "person"
    ]  # fmt: skip
    parked = taken[3]
    assert parked.not_before == reset_at + MARGIN
    assert parked.attention == parked.message
    assert "monthly limit" in parked.message


def test_a_quota_that_does_not_say_when_is_probed_ever_more_rarely() -> None:
    waits = [r for r in steps(Failure(FailureKind.QUOTA, "x")) if r.step is Step.WAIT]
    assert [r.not_before - NOW for r in waits][:4] == [900, 1800, 3600, 3600]
    soon = configured("recovery: {longest_wait: 60}")
    wait = decide(Failure(FailureKind.QUOTA, "x"), (), soon, NOW)
    assert (wait.step, wait.not_before) == (Step.WAIT, NOW + 60)


def test_a_reset_that_has_passed_is_not_waited_for() -> None:
    failure = Failure(FailureKind.QUOTA, "x", reset_at=NOW - HOUR)
    assert decide(failure, (), POLICY, NOW).not_before == NOW + 900


def test_an_attempt_that_ran_a_tool_is_never_simply_repeated() -> None:
    for kind in FailureKind:
        for session in ("chat", None):
            for recovery in steps(Failure(kind, "x", tools_ran=True), session=session):
                assert recovery.snapshot
                assert recovery.restore is (recovery.session is None)


def test_what_an_earlier_try_changed_is_restored_too() -> None:
    history = [Tried(FailureKind.NETWORK, Step.WAIT, tools_ran=True)]
    lost = Failure(FailureKind.AGENT_CRASHED, "no such chat", chat_lost=True)
    recovery = decide(lost, history, POLICY, NOW, session="chat")
    assert (recovery.step, recovery.snapshot, recovery.restore) == (Step.FRESH, True, True)


def test_nothing_is_restored_where_nothing_was_touched() -> None:
    recovery = decide(Failure(FailureKind.UNKNOWN, "x"), (), POLICY, NOW)
    assert (recovery.step, recovery.snapshot, recovery.restore) == (Step.FRESH, False, False)


def test_a_chat_that_goes_on_is_told_why() -> None:
    failure = Failure(FailureKind.VERIFY_FAILED, "pytest: 2 failed")
    recovery = decide(failure, (), POLICY, NOW, session="chat")
    assert recovery.step is Step.SAME_CHAT
    assert recovery.preamble.startswith("The project's own checks do not pass: pytest: 2 failed\n")
    assert decide(failure, (), POLICY, NOW).preamble == ""


def test_models_and_agents_that_failed_are_not_asked_again() -> None:
    taken = steps(Failure(FailureKind.MODEL_UNAVAILABLE, "x"))
    assert [(r.agent, r.model) for r in taken[:-1]] == [
        ("cursor", "grok"),
        ("cursor", "sonnet"),
        ("claude", None),
    ]


def test_the_other_agent_has_models_of_its_own() -> None:
    history = [Tried(FailureKind.QUOTA, Step.OTHER_AGENT, "auto", "cursor")]
    recovery = decide(
        Failure(FailureKind.MODEL_UNAVAILABLE, "x"),
        history,
        POLICY,
        NOW,
        agent="claude",
        models=("auto", "opus"),
    )
    assert recovery.model == "auto"


def test_a_person_is_told_what_to_do() -> None:
    recovery = decide(Failure(FailureKind.DISK_FULL, "no space"), (), configured(
        "recovery: {disk_full: [person]}"), NOW)  # fmt: skip
    assert recovery.attention == "needs a person: no space; free disk space"


def test_what_fails_without_the_work_too_is_asked_about_once() -> None:
    failure = Failure(FailureKind.BASE_FAILING, "make ended with code 1")
    assert names(failure) == names(failure, session=None) == ["fresh", "person"]
    assert steps(failure)[-1].attention == (
        "needs a person: make ended with code 1; mend that on the target branch first"
    )


def test_checks_that_tell_nothing_are_a_persons_matter_at_once() -> None:
    assert names(Failure(FailureKind.CHECKS_UNUSABLE, "nox could not be started")) == ["person"]


def test_the_configuration_decides() -> None:
    policy = configured("recovery: {rate_limit: [wait: 2, other_model, person], network: []}")
    assert names(Failure(FailureKind.RATE_LIMIT, "x"), policy) == [
        "wait", "wait", "other_model", "other_model", "person"
    ]  # fmt: skip
    assert names(Failure(FailureKind.NETWORK, "x"), policy) == ["person"]
    assert policy.rules[FailureKind.STALLED] == DEFAULTS[FailureKind.STALLED]


def test_enough_is_enough() -> None:
    policy = configured("recovery: {max_steps: 3, network: [wait: 100]}")
    assert names(Failure(FailureKind.NETWORK, "x"), policy) == ["wait"] * 3 + ["person"]
    assert names(Failure(FailureKind.NETWORK, "x"), configured("recovery: {max_steps: 0}")) == [
        "person"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rate_limit: [wiat]", "recovery.rate_limit names 'wiat', which is no step; the steps are"),
        ("rate_limit: wait", "recovery.rate_limit must be a list of steps"),
        ("rate_limit: [wait, wait]", "names wait more than once; give it a number instead"),
        ("rate_limit: [wait: 0]", "has 0 for wait, which must be a whole number from 1 to 100"),
        ("rate_limit: [wait: true]", "has True for wait"),
        ("rate_limit: [wait: 1.5]", "has 1.5 for wait"),
        ("rate_limit: [[wait, 2]]", "names ['wait', 2], which is no step"),
        ("rate_limit: [7]", "names 7, which is no step"),
        ("rate_limits: [wait]", "did you mean 'rate_limit'?"),
        ("longest_wait: 0", "recovery.longest_wait must be a number above 0"),
        ("max_steps: -1", "recovery.max_steps must be a whole number from 0 to 1000"),
    ],
)
def test_a_wrong_rule_gets_a_message_that_helps(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        configured(f"recovery: {{{text}}}")
    assert message in str(caught.value)


def test_a_rule_without_a_value_keeps_its_default() -> None:
    assert configured("recovery: {quota: null}") == POLICY


KINDS, STEPS = st.sampled_from(FailureKind), st.sampled_from(Step)
NAMES = st.none() | st.sampled_from(["auto", "grok", "cursor", "claude"])
TRIED = st.builds(Tried, KINDS, STEPS, NAMES, NAMES, st.booleans())
FAILURES = st.builds(
    Failure,
    KINDS,
    st.text(max_size=20),
    st.none() | st.floats(0, NOW * 3),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
RULES = st.lists(st.tuples(STEPS, st.integers(1, 5)), max_size=7)
POLICIES = st.builds(
    Policy,
    rules=st.fixed_dictionaries(dict.fromkeys(FailureKind, RULES.map(tuple))),
    longest_wait=st.floats(1, 1e6),
    park=st.floats(1, 1e6),
    max_steps=st.integers(0, 30),
)


@settings(deadline=None, max_examples=200)
@given(FAILURES, st.lists(TRIED, max_size=30), POLICIES, NAMES, NAMES)
def test_nothing_is_put_off_into_the_past_nor_beyond_the_longest_wait(
    failure: Failure, history: list[Tried], policy: Policy, session: str | None, model: str | None
) -> None:
    recovery = decide(
        failure, history, policy, NOW, session=session, model=model, models=["auto", "grok"]
    )
    assert recovery.not_before >= NOW
    if recovery.step is Step.WAIT:
        assert recovery.not_before <= NOW + policy.longest_wait + MARGIN
    if recovery.session is not None:
        assert recovery.session == session
        assert not failure.chat_lost
    assert (recovery.attention is not None) is (recovery.step in (Step.PARK, Step.PERSON))


@settings(deadline=None, max_examples=60)
@given(st.lists(FAILURES, min_size=1, max_size=5), POLICIES)
def test_failures_that_take_turns_end_with_a_person_too(
    failures: list[Failure], policy: Policy
) -> None:
    history: list[Tried] = []
    for turn in range(policy.max_steps + 1):
        failure = failures[turn % len(failures)]
        recovery = decide(failure, history, policy, NOW, session="chat", models=["a"], agents=["b"])
        if recovery.step is Step.PERSON:
            return
        history.append(tried(failure, recovery))
    raise AssertionError("it never ends")


@settings(deadline=None)
@given(st.lists(TRIED))
def test_a_history_is_read_back_as_it_was_written(history: list[Tried]) -> None:
    assert list(read_history(history_text(history))) == history


@pytest.mark.parametrize(
    "text", [None, "", "{", "{}", "[1, [], null]", '[["odd", "wait", 1, 2, 3]]']
)
def test_a_damaged_history_is_as_good_as_none(text: str | None) -> None:
    assert read_history(text) == ()


TEXTS = st.none() | st.text(max_size=20)
CONTINUATIONS = st.builds(
    Continuation,
    step=st.sampled_from(Step),
    position=st.integers(0, 20),
    agent=TEXTS,
    model=TEXTS,
    session=TEXTS,
    preamble=st.text(max_size=20),
    restore=st.booleans(),
    history=st.lists(TRIED, max_size=3).map(tuple),
)


@settings(deadline=None)
@given(st.lists(CONTINUATIONS, max_size=4))
def test_what_was_decided_is_read_back_as_it_was_written(decided: list[Continuation]) -> None:
    assert list(read_continuations(continuations_text(decided))) == decided
    for each in decided:
        assert Continuation.from_text(each.to_text()) == each
        assert read_continuations(each.to_text()) == (each,)


@pytest.mark.parametrize(
    "text", [None, "", "{", "[]", "3", "null", '[{"step": "odd", "position": 1}, 3]']
)
def test_damaged_decisions_are_as_good_as_none(text: str | None) -> None:
    assert read_continuations(text) == ()
    assert Continuation.from_text(text) is None


def test_a_policy_may_have_one_length_for_every_wait() -> None:
    policy = replace(POLICY, wait=5.0)
    waits = steps(Failure(FailureKind.NETWORK, "gone"), policy)[:6]
    assert {recovery.step for recovery in waits} == {Step.WAIT}
    assert {recovery.not_before for recovery in waits} == {NOW + 5}
