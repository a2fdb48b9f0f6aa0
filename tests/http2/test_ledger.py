"""Which connection serves next, and when another is opened: without any."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.http2.ledger import Ledger


class Fake:
    """A connection with nothing behind it."""

    def __init__(self, limit: int, *, announced: bool = True) -> None:
        self.limit = limit
        self.announced = limit if announced else None
        self.streams = 0

    @property
    def free(self) -> int:
        return self.limit - self.streams


def test_one_connection_is_opened_while_it_is_unknown_what_it_carries() -> None:
    ledger: Ledger[Fake] = Ledger(10)
    assert ledger.wants_another(100, 0.0)
    ledger.dialling = 1
    assert not ledger.wants_another(100, 0.0)
    ledger.dialling = 0
    ledger.add(Fake(10, announced=False))
    assert not ledger.wants_another(90, 0.0)


def test_as_many_are_opened_as_those_who_wait_need() -> None:
    ledger: Ledger[Fake] = Ledger(10)
    ledger.add(Fake(5))
    opened = 0
    while ledger.wants_another(23, 0.0):
        ledger.dialling += 1
        opened += 1
    assert opened == 5
    assert ledger.expected == 5


def test_the_limit_counts_what_is_being_opened() -> None:
    ledger: Ledger[Fake] = Ledger(2)
    ledger.add(Fake(1))
    ledger.dialling = 1
    assert not ledger.wants_another(50, 0.0)


def test_a_failed_attempt_is_not_repeated_at_once_while_others_serve() -> None:
    ledger: Ledger[Fake] = Ledger(5)
    ledger.add(Fake(1))
    ledger.not_before = 10.0
    assert not ledger.wants_another(1, 9.9)
    assert ledger.wants_another(1, 10.0)


def test_the_connection_that_lately_had_room_is_taken() -> None:
    ledger: Ledger[Fake] = Ledger(5)
    first, second = Fake(1), Fake(1)
    ledger.add(first)
    ledger.add(second)
    assert ledger.choose() is second
    second.streams = 1
    ledger.update(second)
    assert ledger.choose() is first
    first.streams = 1
    assert ledger.choose() is None
    second.streams = 0
    ledger.update(second)
    assert ledger.choose() is second
    ledger.remove(second)
    assert ledger.choose() is None
    assert not ledger.empty


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.sampled_from("atrl"), st.integers(0, 9)), max_size=80))
def test_a_connection_with_room_is_found_whenever_there_is_one(
    steps: list[tuple[str, int]],
) -> None:
    ledger: Ledger[Fake] = Ledger(100)
    members: list[Fake] = []
    for step, number in steps:
        if step == "a":
            members.append(Fake(number % 4))
            ledger.add(members[-1])
        elif step == "t" and (chosen := ledger.choose()) is not None:
            chosen.streams += 1
            ledger.update(chosen)
        elif members and step == "r":
            one = members[number % len(members)]
            one.streams = max(0, one.streams - 1)
            ledger.update(one)
        elif members and step == "l":
            ledger.remove(members.pop(number % len(members)))
        found = ledger.choose()
        assert (found is None) == all(member.free <= 0 for member in members)
        assert found is None or found in members


def test_limits_that_make_no_sense_are_refused() -> None:
    from codeagent.http2 import Limits

    with pytest.raises(ValueError, match="max_connections is 0"):
        Limits(max_connections=0)
    with pytest.raises(ValueError, match="idle_timeout is -1"):
        Limits(idle_timeout=-1)
    with pytest.raises(ValueError, match="stream_window is 1000"):
        Limits(stream_window=1000)
    with pytest.raises(ValueError, match=r"2\*\*31"):
        Limits(connection_window=2**31)
    assert Limits(total_timeout=None, max_retries=0).max_retries == 0
