"""The six stages and what runs in each."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldclient.migrations import Stage as Theirs

from codeagent.rollout.capability import Capability
from codeagent.rollout.ladder import OFF, ladder, next_rung, previous_rung
from codeagent.rollout.stages import (
    STAGES,
    Colour,
    Operation,
    Stage,
    at_most,
    lowest,
    parse_stage,
    rank,
    route,
)

from .support import READ, SIX, WRITE

stages = st.sampled_from(STAGES)


def test_the_stages_are_those_of_launchdarkly_in_its_order() -> None:
    assert [stage.value for stage in STAGES] == [stage.value for stage in Theirs]


@pytest.mark.parametrize(
    ("stage", "read", "write"),
    [  # LaunchDarkly's table: the authoritative origin first, then what runs beside it
        ("off", "sync", "sync"),
        ("dualwrite", "sync", "sync async"),
        ("shadow", "sync async", "sync async"),
        ("live", "async sync", "async sync"),
        ("rampdown", "async", "async sync"),
        ("complete", "async", "async"),
    ],
)
def test_every_stage_runs_what_launchdarkly_says(stage: str, read: str, write: str) -> None:
    for operation, expected in ((Operation.READ, read), (Operation.WRITE, write)):
        found = route(Stage(stage), operation)
        assert " ".join(path for path in found if path is not None) == expected


@given(st.lists(stages, min_size=1))
def test_the_lowest_wins_whatever_the_order(found: list[Stage]) -> None:
    assert lowest(*found) is lowest(*reversed(found))
    assert all(rank(lowest(*found)) <= rank(stage) for stage in found)


@given(stages, st.sets(stages))
def test_a_stage_that_is_not_allowed_becomes_the_next_lower_one(
    ceiling: Stage, allowed: set[Stage]
) -> None:
    found = at_most(ceiling, tuple(allowed))
    assert rank(found) <= rank(ceiling)
    assert found in allowed or found is Stage.OFF


@pytest.mark.parametrize("text", ["", "OFF", "on", "off ", None, 0, True, ["off"], {}])
def test_what_is_no_stage_is_none(text: object) -> None:
    assert parse_stage(text) is None


def test_each_path_is_the_other_ones_other() -> None:
    assert [colour.other.other for colour in Colour] == list(Colour)


@pytest.mark.parametrize("name", ["", "Files", "files read", "a.b", "-a", "é", "*"])
def test_a_name_that_does_not_fit_into_a_key_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="use only"):
        Capability(name)


def test_a_capability_without_a_way_back_is_refused() -> None:
    with pytest.raises(ValueError, match="off and complete"):
        Capability("files", stages=(Stage.SHADOW, Stage.COMPLETE))


def test_a_read_climbs_by_shares_through_shadow_and_live() -> None:
    assert [str(rung) for rung in ladder(READ)] == [
        "off",
        *(f"shadow {share} %" for share in (1, 10, 100)),
        *(f"live {share} %" for share in (1, 5, 25, 50, 100)),
        "complete 100 %",
    ]


def test_what_must_not_be_doubled_climbs_by_shares_of_complete() -> None:
    assert [str(rung) for rung in ladder(WRITE)] == [
        "off",
        *(f"complete {share} %" for share in (1, 5, 25, 50, 100)),
    ]


@pytest.mark.parametrize("capability", [READ, WRITE, SIX])
def test_every_rung_leads_to_its_neighbours(capability: Capability) -> None:
    rungs = ladder(capability)
    for lower, higher in itertools.pairwise(rungs):
        assert next_rung(capability, lower) == higher
        assert previous_rung(capability, higher) == lower
    assert previous_rung(capability, OFF) is None
    assert next_rung(capability, rungs[-1]) is None


def test_a_share_between_two_rungs_goes_on_to_the_upper_one() -> None:
    between = ladder(READ)[4]._replace(share=17)
    found = next_rung(READ, between), previous_rung(READ, between)
    assert [str(rung) for rung in found] == ["live 25 %", "live 5 %"]
