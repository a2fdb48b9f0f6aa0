# Generated from tests/_async/test_executor.py. Do not edit.
"""A task from its first instruction to its end, with a driver that plays the agent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codeagent._runtime import sync_runtime as rt
from codeagent._sync.agent_port import Agents
from codeagent._sync.agents import AgentDriver, AgentOutcome
from codeagent._sync.instructions import AgentUnusable, InstructionRunner, Manner
from codeagent._sync.io import IOManager
from codeagent.core import status as texts
from codeagent.core.agent_run import Ending
from codeagent.core.task import TaskState
from codeagent.core.workspace import Workspace
from codeagent.store import StoreError
from tests.support.world import (
    NOW,
    agent_environment,
    config,
    stand_in,
)

from .executor_rig import BAD, Rig, rigged
from .helpers import forever, until


def test_a_task_goes_through_its_instructions_and_its_line_is_ticked(
    tmp_path: Path,
) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io) as rig:
            assert rig.executor.execute(rig.add()) is None
            task = rig.stored()
            assert (task.state, task.completed, task.attempts) == (TaskState.DONE, (1, 2), 1)
            unmarked = rt.wait_for_future(rig.store.unmarked())
            assert unmarked == []
    assert rig.driver.prompts == ["one: plan", "one: work"]
    step = ["instruction.started", "agent.started", "report.seen", "instruction.done"]
    assert rig.sink.names() == ["task.started", *step, *step, "task.done"]
    assert {(e.task_id, e.attempt) for e in rig.sink.events} == {("task_1", 1)}
    (done,) = rig.sink.named("task.done")
    assert (done["completed"], done["total"]) == (2, 2)
    assert rig.list.read_text("utf-8").startswith("- [x] one <!-- Выполнено успешно (2/2")
    assert rig.status().count("one") >= 2


def test_every_run_of_every_server_has_a_mark_of_its_own(tmp_path: Path) -> None:
    marks = []
    with IOManager() as io:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            with rigged(tmp_path / name, io) as rig:
                rig.executor.execute(rig.add())
                marks += rig.driver.marks
    assert len(set(marks)) == 4  # by their marks their processes are ended


def test_an_instruction_is_announced_as_done_only_when_that_is_on_disk(
    tmp_path: Path,
) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io) as rig:
            rig.store.held = {"finish_step"}
            with rt.TaskGroup() as group:
                group.start_soon(rig.executor.execute, rig.add())
                until(lambda: "finish_step" in rig.store.calls)
                for _ in range(20):
                    rt.sleep(0.001)
                assert rig.sink.names()[-1] == "agent.started"
                rig.store.release()
    assert rig.sink.names().count("instruction.done") == 2


@pytest.mark.parametrize(
    ("held", "announced", "before"),
    [
        ("begin_attempt", "task.started", []),
        ("begin_step", "instruction.started", ["task.started"]),
        ("finish_task", "task.done", ["report.seen", "instruction.done"]),
    ],
)
def test_every_step_is_on_disk_before_it_is_announced(
    held: str, announced: str, before: list[str], tmp_path: Path
) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io) as rig:
            rig.store.held = {held}
            with rt.TaskGroup() as group:
                group.start_soon(rig.executor.execute, rig.add())
                until(lambda: held in rig.store.calls)
                for _ in range(20):
                    rt.sleep(0.001)
                assert announced not in rig.sink.names()
                assert rig.sink.names()[-len(before) :] == before or not before
                assert rig.list.read_text("utf-8") == "- [ ] one\n"
                rig.store.release()
    assert announced in rig.sink.names()


def test_a_failed_instruction_does_not_stop_the_others_but_the_task_fails(
    tmp_path: Path,
) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io, config(runtime={"retry_delay": 7})) as rig:
            rig.driver.outcomes = [BAD]
            assert rig.executor.execute(rig.add()) == NOW + 7
            task = rig.stored()
    assert (task.state, task.completed, task.attempts) == (TaskState.FAILED, (2,), 1)
    (failed,) = rig.sink.named("instruction.failed")
    assert (failed["position"], failed["reason"]) == (1, "it broke: trace")
    (ended,) = rig.sink.named("task.failed")
    assert (ended["reason"], ended["retry_at"]) == ("1 of 2 instructions succeeded", NOW + 7)
    assert rig.list.read_text("utf-8") == "- [ ] one\n"


def test_the_next_attempt_runs_only_what_is_missing(tmp_path: Path) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io) as rig:
            rig.driver.outcomes = [BAD]
            task = rig.add()
            rig.executor.execute(task)
            assert rig.executor.execute(task) is None
            task = rig.stored()
    assert rig.driver.prompts == ["one: plan", "one: work", "one: plan"]
    assert (task.state, task.attempts) == (TaskState.DONE, 2)
    assert [data["resumed_at"] for data in rig.sink.named("task.started")] == [None, 1]


def test_after_its_last_attempt_a_task_is_left_to_a_person(tmp_path: Path) -> None:
    limited = config(server={"checkpoint": {"max_task_attempts": 1}})
    with IOManager() as io:
        with rigged(tmp_path, io, limited) as rig:
            rig.driver.outcomes = [BAD, BAD]
            assert rig.executor.execute(rig.add()) is None
    assert rig.sink.named("task.failed")[0]["retry_at"] is None


def test_an_error_on_the_way_is_told_in_its_own_words_and_fails_the_attempt(
    tmp_path: Path,
) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io, config(runtime={"retry_delay": 7})) as rig:
            rig.driver.outcomes = [ExceptionGroup("group", [OSError(28, "No space left")])]
            assert rig.executor.execute(rig.add()) == NOW + 7
            task = rig.stored()
    assert (task.state, task.error) == (TaskState.FAILED, "[Errno 28] No space left")
    assert rig.sink.named("task.failed")[0]["reason"] == "[Errno 28] No space left"
    assert "No space left" in rig.status()


def test_a_stop_puts_the_task_back_and_the_attempt_does_not_count(tmp_path: Path) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io) as rig:
            rig.driver.during = forever
            with rt.TaskGroup() as group:
                group.start_soon(rig.executor.execute, rig.add())
                until(lambda: "agent.started" in rig.sink.names())
                group.cancel()
            task = rig.stored()
    assert (task.state, task.attempts, task.epoch) == (TaskState.PENDING, 0, 1)
    assert (rig.sink.names()[-1], rig.driver.ended) == ("task.interrupted", 1)


def test_a_person_who_cancels_is_told_from_a_stop_of_the_server(tmp_path: Path) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io) as rig:
            rig.driver.during = forever
            with rt.TaskGroup() as group:
                group.start_soon(rig.executor.execute, rig.add())
                until(lambda: "agent.started" in rig.sink.names())
                rig.cancelled.add("task_1")
                group.cancel()
            task = rig.stored()
    assert (task.state, task.attempts) == (TaskState.PENDING, 0)
    (told,) = rig.sink.named("task.interrupted")
    assert told["reason"] == "a person has cancelled it"
    assert "a person has cancelled it" in rig.status()
    assert texts.STOP_REQUESTED not in rig.status()


def test_a_stop_that_comes_when_the_task_is_done_leaves_it_done_and_ticked(
    tmp_path: Path,
) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io) as rig:
            rig.store.held = {"finish_task"}
            with rt.TaskGroup() as group:
                group.start_soon(rig.executor.execute, rig.add())
                until(lambda: "finish_task" in rig.store.calls)
                group.cancel()
                rig.store.release()
            task = rig.stored()
    assert task.state is TaskState.DONE
    assert rig.list.read_text("utf-8").startswith("- [x] one")
    assert (rig.sink.names()[-1], "task.interrupted" in rig.sink.names()) == ("task.done", False)


def test_a_stop_in_the_moment_of_the_beginning_leaves_the_task_as_it_was(
    tmp_path: Path,
) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io) as rig:
            rig.store.held = {"begin_attempt"}
            with rt.TaskGroup() as group:
                group.start_soon(rig.executor.execute, rig.add())
                until(lambda: "begin_attempt" in rig.store.calls)
                group.cancel()
                rig.store.release()
            task = rig.stored()
    assert (task.state, task.attempts, task.epoch) == (TaskState.PENDING, 0, 1)
    assert (rig.sink.events, rig.driver.prompts) == ([], [])


def _take_over(rig: Rig) -> None:
    """Another attempt takes the task over, as a second server would."""
    rt.wait_for_future(rig.store.interrupt_task("task_1", 1, NOW))
    rt.wait_for_future(rig.store.begin_attempt("task_1", path=rt.PATH, instructions=2, now=NOW))


def test_an_attempt_that_lost_its_task_writes_nothing_more(tmp_path: Path) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io) as rig:

            def lose() -> None:
                _take_over(rig)

            rig.driver.during = lose
            assert rig.executor.execute(rig.add()) is None
            task = rig.stored()
    assert (task.state, task.epoch, task.completed) == (TaskState.RUNNING, 2, ())
    assert rig.sink.names() == ["task.started", "instruction.started", "agent.started"]
    assert rig.list.read_text("utf-8") == "- [ ] one\n"
    assert len(rig.driver.prompts) == 1


def test_an_attempt_that_lost_its_task_does_not_put_it_back_when_stopped(
    tmp_path: Path,
) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io) as rig:

            def lose() -> None:
                _take_over(rig)
                forever()

            rig.driver.during = lose
            with rt.TaskGroup() as group:
                group.start_soon(rig.executor.execute, rig.add())
                until(lambda: rig.store.calls.count("begin_attempt") == 2)
                rt.wait_for_future(rig.store.server_state())
                group.cancel()
            task = rig.stored()
    assert (task.state, task.epoch) == (TaskState.RUNNING, 2)
    assert "task.interrupted" not in rig.sink.names()


def test_a_task_that_was_settled_meanwhile_is_not_run(tmp_path: Path) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io) as rig:
            task = rig.add()
            rt.wait_for_future(rig.store.settle_task(task.id, TaskState.DONE, NOW))
            assert rig.executor.execute(task) is None
    assert (rig.sink.events, rig.driver.prompts) == ([], [])


@pytest.mark.parametrize("refused", ["begin_attempt", "begin_step", "step_process", "finish_step"])
def test_a_store_that_refuses_ends_it_with_its_own_error(refused: str, tmp_path: Path) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io) as rig:
            rig.store.refused[refused] = StoreError("the disk is full: make room")
            with pytest.raises(StoreError, match="the disk is full"):
                rig.executor.execute(rig.add())
    assert not {"instruction.done", "task.done", "task.failed"} & set(rig.sink.names())


@pytest.mark.parametrize(
    "outcome",
    [
        AgentOutcome(ending=Ending.NOT_STARTED, reason="no such program"),
        AgentOutcome(ending=Ending.FAILED, reason="it broke", stderr="unpaid invoice"),
        AgentOutcome(
            ending=Ending.FAILED,
            reason="Authentication failed",
            result_text="Authentication failed",
            is_error=True,
        ),
    ],
)
def test_an_agent_that_no_task_can_use_stops_it_all_and_costs_no_attempt(
    outcome: AgentOutcome, tmp_path: Path
) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io) as rig:
            rig.driver.outcomes = [outcome]
            with pytest.raises(AgentUnusable):
                rig.executor.execute(rig.add())
            task = rig.stored()
    assert (task.state, task.attempts) == (TaskState.PENDING, 0)
    assert rig.sink.names()[-2:] == ["instruction.failed", "task.interrupted"]


def test_a_list_that_lost_the_line_is_told_and_marked_when_it_is_back(
    tmp_path: Path,
) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io) as rig:
            task = rig.add()
            rig.list.write_text("- [ ] other\n", "utf-8")
            rig.executor.execute(task)
            assert len(rig.sink.named("list.problem")) == 1
            (unmarked,) = rt.wait_for_future(rig.store.unmarked())
            rig.list.write_text("- [ ] other\n- [ ] one\n", "utf-8")
            rig.settlement.mark_final(unmarked)
            left = rt.wait_for_future(rig.store.unmarked())
    assert left == []
    assert rig.list.read_text("utf-8").startswith("- [ ] other\n- [x] one <!-- Выполнено")


def test_a_report_outside_the_project_is_refused_before_the_agent_is_started(
    tmp_path: Path,
) -> None:
    outside = [{"instruction_id": 1, "name": "out", "template": "x", "wait_for_file": "../r.md"}]
    with IOManager() as io:
        with rigged(tmp_path, io, config(instructions={"default": outside})) as rig:
            rig.executor.execute(rig.add())
    assert rig.driver.prompts == []
    (failed,) = rig.sink.named("instruction.failed")
    assert "../r.md" in failed["reason"]


def test_the_whole_walk_with_a_real_agent_leaves_what_it_says(tmp_path: Path) -> None:
    plain = config(instructions={})
    with IOManager() as io:
        with rigged(tmp_path, io, plain) as rig:
            real = InstructionRunner(
                config=plain,
                layout=rig.layout,
                store=rig.store,
                io=io,
                agents=Agents(AgentDriver(agent_environment()), io),
                sink=rig.sink,
                journal=rig.journal,
                clock=rig.clock,
            )
            task = rig.add()
            place = Workspace(task_id=task.id, path=rig.project, in_place=True)
            manner = Manner(workspace=place, adapter=stand_in())
            task = rt.wait_for_future(
                rig.store.begin_attempt(task.id, path=rt.PATH, instructions=2, now=NOW)
            )
            for instruction in rig.executor.sequence("default"):
                outcome = real.run(task, instruction, manner)
                task = outcome.task
                assert (outcome.reason, outcome.unusable) == ("", False)
    assert task.completed == (1, 2)
    logs = sorted((rig.layout.logs / "agents" / task.id).iterdir())
    assert [log.name for log in logs] == ["01-a1.log", "02-a1.log"]
    assert all(json.loads(line) for log in logs for line in log.read_bytes().splitlines())
    (started, _) = rig.sink.named("agent.started")
    assert started["command"].startswith("python")
    assert [e["file"] for e in rig.sink.named("report.seen")] == [
        "docs/results/work_task_1.md",
        "docs/results/checks_task_1.md",
    ]
