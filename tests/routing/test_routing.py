"""What is in force, who is told of a change, and what an operator finds."""

from __future__ import annotations

import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from codeagent.ab.criteria import Kind, Row, Verdict
from codeagent.ab.results import Results, save
from codeagent.core.events import Event
from codeagent.core.task import Task
from codeagent.rollout.override import Override
from codeagent.routing import emergency, gate
from codeagent.routing.operator import offline, status
from codeagent.routing.retirement import retirement
from codeagent.routing.routing import Core, Routing, Settings, most_allowed, usage
from tests.support.rollouts import put

TASK = Task("task_1", "Do it", created_at=1.0)


def settings(directory: Path, path: str = "async", **environment: str) -> Settings:
    return Settings(
        directory=directory, path=path, project=directory / "shop", environment=environment
    )


class Asked:
    """Who is asked to hand over, and when."""

    def __init__(self) -> None:
        self.reasons: list[tuple[str, bool]] = []
        self.changed = threading.Event()

    def __call__(self, reason: str, now: bool) -> None:
        self.reasons.append((reason, now))
        self.changed.set()

    def wait(self) -> tuple[str, bool]:
        assert self.changed.wait(10)
        self.changed.clear()
        return self.reasons[-1]


@pytest.mark.parametrize("path", ["async", "sync"])
def test_without_anything_the_configured_path_holds_and_nothing_is_loaded(
    tmp_path: Path, path: str
) -> None:
    with Routing(settings(tmp_path, path)) as routing:
        assert routing.wanted() == Core(path)
        routing.serve(Core(path), Asked())
        assert routing.assign(TASK) is None
        assert routing.standing() is None
        assert routing.metrics() == ""
        assert routing._rollout is None
    assert list(tmp_path.iterdir()) == []


def test_flags_decide_but_a_core_that_is_configured_as_synchronous_stays(tmp_path: Path) -> None:
    rollout = offline(tmp_path, {})
    rollout.install()
    put(rollout, core="complete", agents="complete")
    with Routing(settings(tmp_path, "sync")) as routing:
        assert routing.wanted() == Core("sync", True)
        routing.serve(Core("sync", True), Asked())
        assignment = routing.assign(TASK)
        assert assignment is not None
        assert assignment.decision("agents").stage == "complete"
    with Routing(settings(tmp_path)) as routing:
        assert routing.wanted() == Core("async", True)


def test_a_force_in_the_environment_holds(tmp_path: Path) -> None:
    with Routing(settings(tmp_path, ROLLOUT_FORCE="core=off")) as routing:
        assert routing.wanted() == Core("sync", True)
        routing.serve(Core("sync", True), Asked())
        assignment = routing.assign(TASK)
        assert assignment is not None
        assert assignment.decision("files-read").stage == "complete"


def test_a_rollback_by_another_process_is_heard_and_lifting_it_too(tmp_path: Path) -> None:
    asked = Asked()
    with Routing(settings(tmp_path)) as routing:
        routing.serve(Core("async"), asked)
        emergency.rollback(tmp_path, "*", actor="me", reason="enough", environment={})
        reason, now = asked.wait()
        assert ("enough" in reason, now) == (True, False)
        routing.serve(Core("sync", True), asked)
        assert offline(tmp_path, {}).lift("*", actor="me", reason="good again")
        asked.wait()
        assert routing.wanted() == Core("async")


def test_flags_that_come_later_are_taken_up_and_stay_when_their_file_goes(tmp_path: Path) -> None:
    asked = Asked()
    with Routing(settings(tmp_path)) as routing:
        routing.serve(Core("async"), asked)
        rollout = offline(tmp_path, {})
        rollout.install()
        asked.wait()
        assert routing.wanted() == Core("sync", True)
        rollout.flag_file.unlink()
        assert routing.wanted() == Core("sync", True)


def test_who_is_in_a_hurry_is_heard_once(tmp_path: Path) -> None:
    asked = Asked()
    rollout = offline(tmp_path, {})
    rollout.install()
    put(rollout, core="complete")
    with Routing(settings(tmp_path)) as routing:
        routing.serve(Core("async", True), asked)
        routing.hurry()
        rollout.rollback("core", actor="me", reason="now")
        assert asked.wait()[1] is True
        routing.serve(Core("sync", True), asked)
        asked.changed.clear()
        assert rollout.lift("core", actor="me", reason="again")
        assert asked.wait()[1] is False


def test_a_task_keeps_its_plan_over_attempts_and_restarts(tmp_path: Path) -> None:
    rollout = offline(tmp_path, {})
    rollout.install()
    put(rollout, agents="complete")
    with Routing(settings(tmp_path)) as routing:
        routing.serve(routing.wanted(), Asked())
        first = routing.assign(TASK)
        assert first is not None
        text = first.plan.to_text()
    put(rollout, files_write="complete")
    with Routing(settings(tmp_path)) as routing:
        routing.serve(routing.wanted(), Asked())
        again = routing.assign(Task("task_1", "Do it", created_at=1.0, plan=text))
        assert again is not None
        assert again.decision("files-write").stage == "off"
        assert again.decision("agents").stage == "complete"
        rollout.rollback("agents", actor="me", reason="enough")
        _wait_until(lambda: again.decision("agents").stage == "off")
        assert json.loads(again.plan.to_text())["decisions"]["agents"][0] == "off"


def _wait_until(condition: Any) -> None:
    moment = threading.Event()
    for _ in range(1000):
        if condition():
            return
        moment.wait(0.01)
    raise AssertionError("it does not come about")


def test_instructions_count_for_the_core_that_ran_them(tmp_path: Path) -> None:
    rollout = offline(tmp_path, {})
    rollout.install()
    with Routing(settings(tmp_path)) as routing:
        routing.serve(routing.wanted(), Asked())
        routing.note(Event("instruction.done", 1.0, "task_1", 1, {"seconds": 2.0}))
        routing.note(Event("instruction.failed", 1.0, "task_1", 1, {"seconds": 1.0}))
        routing.note(Event("task.done", 1.0, "task_1", 1, {"seconds": 2.0, "total": 2}))
        routing.note(Event("task.done", 1.0, "task_1", 1, {}))
        text = routing.metrics()
    assert 'codeagent_rollout_answers_total{capability="core",path="sync"} 2' in text
    assert 'errors_total{capability="core",path="sync",error="InstructionFailed"} 1' in text
    found = offline(tmp_path, {})
    (row,) = [row for row in status(found, None) if row["capability"] == "core"]
    assert row["paths"]["sync"]["operations"] == 2


def test_an_emergency_needs_no_flags_and_is_written_down(tmp_path: Path) -> None:
    names = emergency.rollback(tmp_path, "git", actor="me", reason="bad", environment={})
    assert names == ["git-read", "git-write"]
    assert set(Override(tmp_path / "override.json", environment={}).entries()) == set(names)
    assert offline(tmp_path, {}).audit.verify().lines == 2
    with pytest.raises(LookupError, match="files-read"):
        emergency.rollback(tmp_path, "nobody", actor="me", reason="", environment={})


def test_a_path_that_answered_alone_can_be_retired(tmp_path: Path) -> None:
    rollout = offline(tmp_path, {})
    assert {each.unused_since for each in retirement(rollout)} == {None}
    rollout.install()
    put(rollout, **{name.replace("-", "_"): "complete" for name in rollout.capabilities})
    found = {each.capability: each for each in retirement(rollout)}
    assert all(each.unused_since for each in found.values())
    assert "_sync/" in found["core"].removable
    rollout.rollback("llm", actor="me", reason="bad")
    found = {each.capability: each for each in retirement(rollout)}
    assert found["llm"].unused_since is None
    assert found["core"].removable == ()
    assert found["agents"].removable


def _results(verdict: Verdict, day: int, version: str) -> Results:
    low, high = {Verdict.PROMOTE: (1.0, 1.1), Verdict.REJECT: (0.5, 0.6)}[verdict]
    row = Row(
        name="speed",
        kind=Kind.NON_INFERIORITY,
        margin=0.95,
        unit="s",
        estimate=(low + high) / 2,
        low=low,
        high=high,
        verdict=verdict,
        n=100,
        reason="measured",
    )
    at = datetime(2026, 1, day, tzinfo=UTC)
    return Results(at=at, rows=(row,), version=version, complete=True)


def test_the_newest_results_of_this_version_are_the_gates(tmp_path: Path) -> None:
    assert gate.newest([tmp_path / "nothing"], "2") is None
    save(_results(Verdict.REJECT, 1, "2"), tmp_path / "a.json")
    save(_results(Verdict.PROMOTE, 2, "2"), tmp_path / "b.json")
    save(_results(Verdict.REJECT, 3, "1"), tmp_path / "c.json")
    (tmp_path / "d.json").write_text("no results")
    found = gate.newest([tmp_path], "2")
    assert found is not None
    assert (found.passed, found.file.name) == (True, "b.json")
    only = gate.newest([tmp_path / "a.json"], "2")
    assert only is not None
    assert not only.passed


def test_what_is_used_has_a_ceiling() -> None:
    now, most = usage(), most_allowed()
    assert set(most) <= set(now)
    if os.name == "posix":
        assert all(now[name] < most[name] for name in most)
