"""Figures that outlive a process, and what holds while there are no flags."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codeagent.rollout.client import ClientConfig, FlagClient
from codeagent.rollout.control import Rollout
from codeagent.rollout.flagfile import Rung
from codeagent.rollout.guard import Policy, judge
from codeagent.rollout.observation import Observation
from codeagent.rollout.stages import Colour, Operation, Stage
from codeagent.rollout.subject import Subject
from codeagent.rollout.tally import Tally

from .support import CAPABILITIES, PREFIX, READ, SIX


def seen(colour: Colour, *, bad: bool = False, seconds: float = 0.01) -> Observation:
    errors = {colour: "OSError"} if bad else {}
    times = {colour: seconds}
    return Observation("files-read", Operation.READ, colour, seconds=times, errors=errors)


def test_a_tally_goes_on_where_another_has_stopped() -> None:
    first, second = Tally(8), Tally(8)
    first.begin(Rung(Stage.LIVE, 5), 100.0)
    for number in range(20):
        first.observe(seen(Colour.SYNC, bad=number == 3))
        first.observe(seen(Colour.ASYNC, seconds=0.02))
    first.measured("throughput", {Colour.SYNC: 2.0, Colour.ASYNC: 1.0})
    first.decided(Stage.LIVE)
    second.restore(json.loads(json.dumps(first.to_json())))
    assert second.sample() == first.sample()
    second.begin(Rung(Stage.LIVE, 5), 200.0)
    assert second.sample().since == 100.0, "it is the same rung"


@pytest.mark.parametrize("found", [{}, {"rung": ["high", 1]}, {"rung": ["live", 1], "since": "x"}])
def test_figures_that_make_no_sense_are_left(found: dict[str, object]) -> None:
    tally = Tally(8)
    before = tally.sample()
    with pytest.raises((KeyError, TypeError, ValueError)):
        tally.restore(found)
    assert tally.sample() == before


def test_a_rollout_takes_up_the_figures_of_the_last_process(tmp_path: Path) -> None:
    def rollout() -> Rollout:
        return Rollout(tmp_path, CAPABILITIES, prefix=PREFIX, environment={})

    first = rollout()
    first.install()
    first.start(wait=5, interval=0.01)
    first.observe(seen(Colour.SYNC))
    first.close()
    second = rollout()
    second.restore()
    assert second.watch.sample("files-read").counts[Colour.SYNC].n == 1
    (tmp_path / "figures.json").write_text("torn {")
    rollout().restore()


def test_without_flags_the_default_holds_until_there_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "flags.json"
    config = ClientConfig(file, otherwise=Stage.COMPLETE, capabilities=(READ,), prefix=PREFIX)
    client = FlagClient(config)
    client.start()
    try:
        found = client.evaluate(f"{PREFIX}.files-read", Subject("task-1"))
        assert (found.stage, found.failed, found.switched_off) == (Stage.COMPLETE, False, False)
        assert client.generation == 0
        Rollout(tmp_path, CAPABILITIES, prefix=PREFIX, environment={}).install()
        assert client.wait(10)
        assert client.evaluate(f"{PREFIX}.files-read", Subject("task-1")).stage is Stage.OFF
    finally:
        client.close(5)


def test_a_client_that_waits_for_a_file_can_be_closed(tmp_path: Path) -> None:
    client = FlagClient(ClientConfig(tmp_path / "flags.json", otherwise=Stage.OFF))
    client.start()
    client.close(5)
    assert client.status().state == "closed"


def test_the_time_of_a_rehearsal_says_nothing_of_the_operation() -> None:
    tally = Tally(8)
    tally.begin(Rung(Stage.SHADOW, 100), 0.0)
    times = {Colour.SYNC: 0.001, Colour.ASYNC: 1.0}
    for rehearsed in (True, False):
        tally.observe(
            Observation(
                "files-write", Operation.WRITE, Colour.SYNC, seconds=times, rehearsed=rehearsed
            )
        )
    sample = tally.sample()
    assert len(sample.pairs["latency"]) == 1
    assert len(sample.times[Colour.SYNC]) == 2
    assert len(sample.times[Colour.ASYNC]) == 1


@pytest.mark.parametrize(("stage", "asked"), [(Stage.SHADOW, False), (Stage.LIVE, True)])
def test_a_write_is_asked_for_its_times_once_the_other_path_answers(
    stage: Stage, asked: bool
) -> None:
    tally = Tally(8)
    tally.begin(Rung(stage, 100), 0.0)
    names = [test.name for test in judge(SIX, tally.sample(), Policy(), 1.0).tests]
    assert ("latency" in names) is asked
