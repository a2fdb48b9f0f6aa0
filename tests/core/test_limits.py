from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from codeagent.core.config.limits import AgentLimitSettings, LimitSettings
from codeagent.core.limits import (
    MEGABYTE,
    AdaptiveLimit,
    AgentLimits,
    BusyAgent,
    Floors,
    Headroom,
    cpu_share,
)


def test_without_settings_a_limit_is_what_may_run_at_all() -> None:
    limit = AdaptiveLimit(AgentLimitSettings(), 10)
    assert (limit.minimum, limit.limit, limit.maximum) == (1, 10, 10)
    assert not any(limit.succeeded(10, now) for now in range(100))
    assert limit.limit == 10


def test_successes_at_the_full_limit_raise_it_by_one() -> None:
    limit = AdaptiveLimit(AgentLimitSettings(start=3, raise_after=2, max=4), 10)
    assert [limit.succeeded(3, 0) for _ in range(2)] == [False, True]
    assert limit.limit == 4
    assert not any(limit.succeeded(4, 0) for _ in range(10))


def test_successes_that_did_not_need_the_limit_say_nothing() -> None:
    limit = AdaptiveLimit(AgentLimitSettings(start=3, raise_after=1), 10)
    assert not limit.succeeded(2, 0)
    assert limit.limit == 3


def test_a_refusal_halves_what_ran_and_others_soon_after_belong_to_it() -> None:
    limit = AdaptiveLimit(AgentLimitSettings(hold=60), 100)
    assert limit.refused(10, 0)
    assert limit.limit == 5
    assert not limit.refused(9, 59)
    assert not limit.succeeded(5, 59)
    assert limit.refused(5, 60)
    assert limit.limit == 2


def test_a_clock_that_is_set_back_does_not_hold_the_limit_for_ever() -> None:
    limit = AdaptiveLimit(AgentLimitSettings(hold=60, raise_after=1), 8)
    limit.refused(8, 1e9)
    assert limit.succeeded(4, 0)


@given(
    st.integers(1, 20),
    st.integers(1, 20),
    st.integers(1, 20),
    st.integers(1, 30),
    st.floats(0.01, 0.99),
    st.lists(st.tuples(st.booleans(), st.integers(0, 40), st.floats(0, 30)), max_size=60),
)
@settings(deadline=None)
def test_a_limit_stays_within_its_bounds_and_moves_as_it_should(
    minimum: int,
    start: int,
    maximum: int,
    most: int,
    factor: float,
    course: list[tuple[bool, int, float]],
) -> None:
    low, middle, high = sorted((minimum, start, maximum))
    limit = AdaptiveLimit(
        AgentLimitSettings(
            min=low, start=middle, max=high, lower_by=factor, raise_after=2, hold=20
        ),
        most,
    )
    now, lowered_at = 0.0, -100.0
    for refused, in_use, step in course:
        now += step
        before = limit.limit
        changed = limit.refused(in_use, now) if refused else limit.succeeded(in_use, now)
        assert 1 <= min(low, most) <= limit.limit <= min(high, most)
        assert changed == (limit.limit != before)
        if limit.limit > before:
            assert (refused, limit.limit) == (False, before + 1)
            assert now - lowered_at >= 20
        if limit.limit < before:
            assert refused
            assert now - lowered_at >= 20
            assert limit.limit <= max(low, before * factor)
            lowered_at = now


def test_agents_and_their_accounts_are_limited_apart() -> None:
    limits = AgentLimits(
        LimitSettings.model_validate({"agents": {"cursor": {"start": 1}}, "agent": {"start": 2}}),
        10,
    )
    limits.enter("cursor/anna")
    assert limits.obstacle("cursor/anna") == BusyAgent("cursor/anna")
    assert limits.obstacle("cursor/bert") is None
    limits.enter("claude")
    assert limits.obstacle("claude") is None
    limits.enter("claude")
    assert limits.obstacle("claude") == BusyAgent("claude")
    assert limits.usage() == {"cursor/anna": (1, 1), "cursor/bert": (0, 1), "claude": (2, 2)}
    assert limits.feedback("claude", rate_limited=True, now=0) == 1
    assert limits.feedback("claude", rate_limited=True, now=1) is None
    limits.leave("claude")
    assert limits.obstacle("claude") == BusyAgent("claude")
    limits.leave("claude")
    assert limits.obstacle("claude") is None


@pytest.mark.parametrize(
    "wrong",
    [{"min": 5, "max": 4}, {"start": 3, "min": 4}, {"lower_by": 1}, {"start": True}, {"hold": -1}],
)
def test_limits_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        AgentLimitSettings.model_validate(wrong)


def test_too_little_memory_holds_up_only_what_would_run_beside_others() -> None:
    floors = Floors.of(LimitSettings())
    assert floors == Floors(memory=512 * MEGABYTE, disk=1024 * MEGABYTE)
    scarce = Headroom(memory=100 * MEGABYTE, disk=2000 * MEGABYTE)
    assert floors.shortage(scarce, 0) is None
    assert "100 MB of memory" in (floors.shortage(scarce, 1) or "")
    full = Headroom(memory=9000 * MEGABYTE, disk=5 * MEGABYTE)
    assert "limits.disk_floor" in (floors.shortage(full, 0) or "")
    assert floors.shortage(Headroom(), 5) is None
    assert Floors().shortage(Headroom(0, 0), 5) is None


def test_half_the_cores_are_for_commands_that_keep_them_busy() -> None:
    assert [cpu_share(cores) for cores in (None, 1, 2, 3, 8)] == [1, 1, 1, 1, 4]
    assert cpu_share(8, 6) == 6
