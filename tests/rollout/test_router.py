"""Plans: decided once, kept, and only ever lowered."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.rollout.override import ALL, Override
from codeagent.rollout.plan import VARIABLE, Decision, Plan
from codeagent.rollout.router import Router, assigned, current, in_force
from codeagent.rollout.stages import STAGES, Stage, rank
from codeagent.rollout.subject import Subject

from .support import CAPABILITIES, PREFIX, Clock, FakeFlags

TASK = Subject("task-1")
NOW = 1_790_000_000.0


class Bench:
    """A router with everything around it in hand."""

    def __init__(self, directory: Path) -> None:
        self.flags = FakeFlags({"files-read": Stage.LIVE, "git-write": Stage.COMPLETE})
        self.clock = Clock()
        self.override = Override(directory / "o.json", environment={}, clock=self.clock)
        self.lowered: list[tuple[str, str]] = []
        self.router = Router(
            CAPABILITIES,
            self.flags,
            self.override,
            prefix=PREFIX,
            on_lowered=lambda name, decision, plan: self.lowered.append((name, decision.source)),
        )

    def put(self, name: str, stage: Stage) -> None:
        self.override.put(name, stage, reason="r", actor="a", now=NOW)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_plan_tells_the_stage_of_everything_and_why(bench: Bench) -> None:
    plan = bench.router.decide(TASK, NOW).plan
    assert {name: d.stage.value for name, d in plan.decisions.items()} == {
        "files-read": "live",
        "git-write": "complete",
        "files-write": "off",
    }
    assert plan.decision("files-read") == Decision(Stage.LIVE, "flag", "FALLTHROUGH", 1, 0)


def test_a_task_keeps_its_path_whatever_the_share_does(bench: Bench) -> None:
    running = bench.router.decide(TASK, NOW)
    for stage in (Stage.COMPLETE, Stage.OFF, Stage.SHADOW):
        bench.flags.change("FALLTHROUGH", files_read=stage)
        assert running.decision("files-read").stage is Stage.LIVE
        assert bench.router.decide(TASK, NOW).decision("files-read").stage is stage
    assert bench.lowered == []


@pytest.mark.parametrize("reason", ["OFF", "PREREQUISITE_FAILED:demo.kill", "ERROR:FLAG_NOT_FOUND"])
def test_a_flag_that_is_switched_off_reaches_running_tasks(bench: Bench, reason: str) -> None:
    running = bench.router.decide(TASK, NOW)
    assert running.decision("files-read").stage is Stage.LIVE
    bench.flags.change(reason, files_read=Stage.OFF)
    assert running.decision("files-read").stage is Stage.OFF
    assert running.decision("files-read").reason == reason
    assert len(bench.lowered) == 1


def test_a_client_that_is_not_ready_leaves_a_resumed_task_alone(bench: Bench) -> None:
    text = bench.router.decide(TASK, NOW).plan.to_text()
    bench.flags.change("ERROR:CLIENT_NOT_READY", files_read=Stage.OFF)
    running = bench.router.resume(TASK, text)
    assert running.decision("files-read").stage is Stage.LIVE
    bench.flags.change("OFF", files_read=Stage.OFF)
    assert running.decision("files-read").stage is Stage.OFF


def test_a_flag_is_asked_again_only_when_it_has_changed(bench: Bench) -> None:
    running = bench.router.decide(TASK, NOW)
    running.decision("files-read")
    asked = bench.flags.asked
    for _ in range(100):
        running.decision("files-read")
    assert bench.flags.asked == asked
    bench.flags.generation += 1
    running.decision("files-read")
    assert bench.flags.asked == asked + 1


def test_a_kill_beats_the_plan_at_the_next_operation(bench: Bench) -> None:
    running = bench.router.decide(TASK, NOW)
    assert running.decision("files-read").stage is Stage.LIVE
    bench.put(ALL, Stage.OFF)
    bench.clock.now += 0.05
    assert running.decision("files-read").stage is Stage.OFF
    assert running.decision("files-read").source == "file"
    assert running.plan.decision("files-read").stage is Stage.OFF
    assert bench.lowered == [("files-read", "file")]


def test_a_ceiling_lowers_to_a_stage_the_capability_has(bench: Bench) -> None:
    bench.put(ALL, Stage.RAMPDOWN)
    plan = bench.router.decide(TASK, NOW).plan
    assert plan.decision("git-write").stage is Stage.OFF
    assert plan.decision("files-read").stage is Stage.LIVE


def test_a_lifted_kill_does_not_raise_a_running_task(bench: Bench) -> None:
    running = bench.router.decide(TASK, NOW)
    bench.put("files-read", Stage.SHADOW)
    assert running.decision("files-read").stage is Stage.SHADOW
    bench.override.lift("files-read")
    assert running.decision("files-read").stage is Stage.SHADOW
    assert bench.router.decide(TASK, NOW).decision("files-read").stage is Stage.LIVE


def test_no_ceiling_raises_anything(bench: Bench) -> None:
    bench.put(ALL, Stage.COMPLETE)
    plan = bench.router.decide(TASK, NOW).plan
    assert plan.decision("files-write").stage is Stage.OFF


steps = st.lists(
    st.tuples(st.sampled_from(["share", "off", "put", "lift"]), st.sampled_from(STAGES)),
    max_size=8,
)


@given(steps)
@settings(deadline=None, max_examples=40)
def test_whatever_happens_a_task_only_goes_down(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, Stage]]
) -> None:
    bench = Bench(tmp_path_factory.mktemp("r"))
    running = bench.router.decide(TASK, NOW)
    before = running.decision("files-read").stage
    for kind, stage in steps:
        if kind == "share":
            bench.flags.change("FALLTHROUGH", files_read=stage)
        elif kind == "off":
            bench.flags.change("OFF")
        elif kind == "put":
            bench.put("files-read", stage)
        else:
            bench.override.lift("files-read")
        after = running.decision("files-read").stage
        assert rank(after) <= rank(before)
        before = after


def test_a_plan_survives_being_stored(bench: Bench) -> None:
    running = bench.router.decide(TASK, NOW)
    again = bench.router.resume(TASK, running.plan.to_text())
    assert again.plan == running.plan
    assert again.plan_id == running.plan_id


def test_a_lowered_plan_is_stored_lowered_and_keeps_its_name(bench: Bench) -> None:
    running = bench.router.decide(TASK, NOW)
    bench.put("files-read", Stage.OFF)
    running.decision("files-read")
    bench.override.lift("files-read")
    again = bench.router.resume(TASK, running.plan.to_text())
    assert again.decision("files-read").stage is Stage.OFF
    assert again.plan_id == running.plan_id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"form":2}',
        '{"form":1,"task":"t","at":1,"decisions":[]}',
        '{"form":1,"task":"t","at":"x","decisions":{}}',
        "[" * 50_000,
        '{"form":1,"task":"t","at":1,"decisions":{"files-read":["on","flag","",1,0]}}',
        '{"form":1,"task":"t","at":1,"decisions":{"files-read":["live","flag","","1",0]}}',
    ],
)
def test_a_stored_plan_that_cannot_be_read_puts_everything_off(bench: Bench, text: str) -> None:
    running = bench.router.resume(TASK, text)
    assert running.decision("files-read").stage is Stage.OFF
    assert running.decision("files-read").source == "error"


def test_a_capability_that_came_later_is_off_for_a_resumed_task(bench: Bench) -> None:
    old = Plan("task-1", NOW, {"git-write": Decision(Stage.COMPLETE, "flag")})
    running = bench.router.resume(TASK, old.to_text())
    assert running.decision("files-read").stage is Stage.OFF
    assert running.decision("git-write").stage is Stage.COMPLETE


def test_a_capability_that_is_gone_is_off(bench: Bench) -> None:
    old = Plan("task-1", NOW, {"fax": Decision(Stage.COMPLETE, "flag")})
    running = bench.router.resume(TASK, old.to_text())
    assert running.decision("fax").stage is Stage.OFF


def test_a_promotion_in_a_plan_is_refused() -> None:
    plan = Plan("t", NOW, {"a": Decision(Stage.SHADOW, "flag")})
    with pytest.raises(ValueError, match="cannot rise"):
        plan.lowered("a", Decision(Stage.LIVE, "flag"))


def test_children_get_the_plan_through_the_environment(bench: Bench) -> None:
    running = bench.router.decide(TASK, NOW)
    child = bench.router.inherited(TASK, running.environment())
    assert child is not None
    assert child.plan == running.plan
    assert bench.router.inherited(TASK, {}) is None
    assert VARIABLE in running.environment()


def test_outside_of_a_task_everything_is_off(bench: Bench) -> None:
    assert current() is None
    assert in_force("files-read").stage is Stage.OFF


async def test_tasks_and_threads_that_inherit_the_context_have_the_plan(bench: Bench) -> None:
    async def inner() -> Stage:
        return in_force("files-read").stage

    with assigned(bench.router.decide(TASK, NOW)):
        task = asyncio.create_task(inner())
        thread = asyncio.to_thread(lambda: in_force("files-read").stage)
        assert [await task, await thread] == [Stage.LIVE, Stage.LIVE]
    assert await inner() is Stage.OFF


def test_threads_that_notice_a_kill_together_lower_once(bench: Bench) -> None:
    running = bench.router.decide(TASK, NOW)
    running.decision("files-read")
    bench.put("files-read", Stage.OFF)
    barrier = threading.Barrier(8)
    found: list[Stage] = []

    def work() -> None:
        barrier.wait()
        found.append(running.decision("files-read").stage)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [Stage.OFF] * 8
    assert len(bench.lowered) == 1
