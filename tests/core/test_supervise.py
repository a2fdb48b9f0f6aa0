from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeagent.core.health import LAG, MEMORY, Health, judge
from codeagent.core.supervise import CALM, LONGEST, PATIENCE, SHORTEST, Failures


def test_the_pauses_grow_up_to_the_longest_and_then_the_service_is_given_up() -> None:
    failures, pauses = Failures(), []
    while (pause := (failures := failures.after(0.0)).restart_in) is not None:
        pauses.append(pause)
    assert len(pauses) == PATIENCE
    assert pauses[:3] == [SHORTEST, 2 * SHORTEST, 4 * SHORTEST]
    assert pauses[-1] == LONGEST
    assert pauses == sorted(pauses)


def test_a_service_that_ran_for_long_is_forgiven() -> None:
    failures = Failures(PATIENCE)
    assert failures.after(CALM) == Failures(1)
    assert failures.after(CALM - 1).restart_in is None


@given(st.lists(st.floats(0, 1e6, allow_nan=False), min_size=1, max_size=50))
def test_a_pause_is_never_shorter_or_longer_than_it_may_be(runs: list[float]) -> None:
    failures = Failures()
    for ran_for in runs:
        failures = failures.after(ran_for)
        if (pause := failures.restart_in) is None:
            assert failures.count > PATIENCE
            return
        assert SHORTEST <= pause <= LONGEST


@pytest.mark.parametrize(
    ("health", "words"),
    [
        (Health(lag=LAG, cpu=0.9, memory=MEMORY, files=9), []),
        (Health(lag=1.5, cpu=0, memory=0, files=9), ["1500 ms late"]),
        (Health(lag=0, cpu=0, memory=600 * 2**20, files=9), ["600 MiB"]),
        (Health(lag=1, cpu=0, memory=600 * 2**20, files=9), ["1000 ms late", "600 MiB"]),
    ],
)
def test_what_is_not_healthy_is_said_with_its_measure(health: Health, words: list[str]) -> None:
    found = judge(health)
    assert len(found) == len(words)
    for line, word in zip(found, words, strict=True):
        assert word in line
