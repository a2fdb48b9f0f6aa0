"""The guard's thread: what it counts, puts off and writes down."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.rollout.audit import Audit
from codeagent.rollout.guard import Outcome
from codeagent.rollout.observation import Observation
from codeagent.rollout.override import Override
from codeagent.rollout.plan import Decision, Plan
from codeagent.rollout.stages import Stage
from codeagent.rollout.watch import Watch

from .observing import LIVE_25, seen
from .support import READ, WRITE, Clock

# The thread


class Bench:
    """A watch with its clock, its override and its records in hand."""

    def __init__(self, directory: Path, **how: Any) -> None:
        self.clock = Clock()
        self.override = Override(directory / "o.json", environment={}, clock=self.clock)
        self.records: list[tuple[str, Mapping[str, Any]]] = []
        self.watch = Watch(
            [READ, WRITE],
            self.override,
            lambda kind, fields: self.records.append((kind, fields)),
            clock=self.clock,
            **how,
        )
        self.watch.began("files-read", LIVE_25)

    def is_off(self, name: str = "files-read") -> bool:
        found = self.override.ceiling(name)
        return found is not None and found.stage is Stage.OFF


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize("bad", [seen(match=False), seen(cancelled=True, error="CancelledError")])
def test_a_severe_operation_is_the_last_one(bench: Bench, bad: Observation) -> None:
    bench.watch.observe(seen())
    assert not bench.is_off()
    bench.watch.observe(bad)
    assert bench.is_off()
    assert not bench.is_off("git-write")


def test_errors_put_the_path_off_in_the_very_operation(bench: Bench) -> None:
    count = 0
    while not bench.is_off():
        bench.watch.observe(seen(error="ValueError", match=None))
        count += 1
    assert count <= 10


def test_a_rollback_is_written_down_once_with_its_evidence(bench: Bench) -> None:
    for _ in range(20):
        bench.watch.observe(seen(error="ValueError", match=None))
    bench.watch.look()
    bench.watch.look()
    ((kind, fields),) = bench.records
    assert kind == "rollback"
    assert (fields["actor"], fields["from"], fields["to"]) == ("guard", "live 25 %", "off")
    assert {test["name"] for test in fields["tests"]} >= {"errors", "latency", "tasks"}
    assert json.loads(bench.override.path.read_text())["files-read"]["actor"] == "guard"


def test_operations_under_way_at_a_rollback_do_not_count_against_the_next_try(
    bench: Bench,
) -> None:
    bench.watch.observe(seen(match=False))
    bench.watch.look()
    for _ in range(5):
        bench.watch.observe(seen(error="ValueError", match=False))
    bench.watch.look()
    assert len(bench.records) == 1
    bench.override.lift("files-read")
    bench.watch.look()
    assert not bench.is_off()


def test_a_slower_path_is_rolled_back_by_the_round(bench: Bench) -> None:
    for _ in range(200):
        bench.watch.observe(seen(asynchronous=2.0))
    assert not bench.is_off()
    assert bench.watch.look()["files-read"].outcome is Outcome.ROLLBACK
    assert bench.is_off()


def test_a_trail_that_cannot_be_written_is_tried_again(bench: Bench, tmp_path: Path) -> None:
    failing = [True]

    def record(kind: str, fields: Mapping[str, Any]) -> None:
        if failing:
            failing.pop()
            raise OSError("No space left on device")
        bench.records.append((kind, fields))

    watch = Watch([READ], bench.override, record, clock=bench.clock)
    watch.observe(seen(match=False))
    watch.look()
    assert bench.is_off()
    assert "No space" in watch.trouble
    watch.look()
    assert len(bench.records) == 1
    assert watch.trouble == ""


def test_a_ceiling_that_is_passed_three_times_running_rolls_back(tmp_path: Path) -> None:
    used = {"files": 10.0}
    bench = Bench(tmp_path, usage=lambda: used, ceilings={"files": 100.0})
    bench.watch.observe(seen())
    for value in (200.0, 200.0, 50.0, 200.0, 200.0):
        used["files"] = value
        bench.watch.look()
        assert not bench.is_off()
    bench.watch.look()
    assert bench.is_off()
    assert "files is 200 of 100" in bench.records[0][1]["why"]
    assert not bench.is_off("git-write")  # it has done nothing


def test_only_decisions_by_share_count_as_drawn(bench: Bench) -> None:
    for reason, stage in (
        ("FALLTHROUGH", Stage.LIVE),
        ("RULE_MATCH:r", Stage.LIVE),
        ("OFF", Stage.OFF),
    ):
        plan = Plan("t", 0.0, {"files-read": Decision(stage, "flag", reason)})
        bench.watch.decided(plan)
    tests = {test.name: test for test in bench.watch.verdict("files-read").tests}
    assert tests["tasks"].n == 1


def test_the_guard_runs_in_a_thread_and_makes_trips_durable(tmp_path: Path) -> None:
    written = threading.Event()
    override = Override(tmp_path / "o.json", environment={})
    audit = Audit(tmp_path / "audit.jsonl", clock=Clock())

    def record(kind: str, fields: Mapping[str, Any]) -> None:
        audit.transition(kind, fields)
        written.set()

    watch = Watch([READ], override, record)
    watch.start(interval=3600)
    watch.observe(seen(match=False))
    assert written.wait(20)
    watch.close()
    assert json.loads((tmp_path / "o.json").read_text())["files-read"]["stage"] == "off"
    assert [r["why"] for r in audit.read(kind="rollback")] == ["mismatch: the results differ"]


def test_a_guard_that_fails_says_so_and_goes_on(tmp_path: Path) -> None:
    failed, again = threading.Event(), threading.Event()

    def usage() -> dict[str, float]:
        (again if failed.is_set() else failed).set()
        raise ZeroDivisionError

    watch = Watch([READ], Override(tmp_path / "o.json"), lambda *_: None, usage=usage)
    watch.start(interval=0.01)
    assert again.wait(20)
    watch.close()
    assert watch.trouble == "ZeroDivisionError: "


@given(st.lists(st.booleans(), max_size=60))
@settings(deadline=None, max_examples=30)
def test_the_guard_never_raises_a_ceiling(
    tmp_path_factory: pytest.TempPathFactory, outcomes: list[bool]
) -> None:
    bench = Bench(tmp_path_factory.mktemp("g"))
    was_off = False
    for fine in outcomes:
        bench.watch.observe(seen(error="" if fine else "OSError", match=None))
        bench.watch.look()
        assert bench.is_off() or not was_off
        was_off = bench.is_off()
