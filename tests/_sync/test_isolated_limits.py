# Generated from tests/_async/test_isolated_limits.py. Do not edit.
"""Attempts in worktrees that have to wait, or to go on with another agent, with a driver that
plays the agent.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from codeagent._runtime import sync_runtime as rt
from codeagent._sync.instructions import AgentUnusable
from codeagent._sync.scheduler import TaskScheduler
from codeagent.core.task import TaskState

from ..support.repositories import Repository
from ..support.world import NOW, Clock
from .helpers import until
from .isolated_rig import added, bad, good, plays, project, server, settings, writes

RATE = "Error: 429 Too Many Requests: rate limit exceeded\n"

TWO_AGENTS: dict[str, Any] = {
    "agents": {
        name: {
            "command": [name, "--model", "{model}"],
            "resume": ["--resume", "{session}"],
            "output": "stream-json",
            "model": "large",
            "models": ["small"],
        }
        for name in ("one", "two")
    }
}


def test_a_rate_limit_lays_the_task_aside_and_costs_no_attempt(tmp_path: Path) -> None:
    tasks = project(tmp_path)
    with server(tmp_path) as rig:
        (task,) = added(rig, tasks)
        again = rig.execute(task, plays(bad(RATE), a__txt="half\n"))
        stored = rig.stored(task)
        assert again == stored.not_before == NOW + 60
        assert (stored.state, stored.attempts) == (TaskState.PENDING, 0)
        (parked,) = rig.told.named("task.parked")
        assert parked["until"] == again
        assert "waits for the rate limit until" in parked["reason"]
        rig.clock.now = again
        assert rig.execute(task, writes(a__txt="whole\n")) is None
        stored = rig.stored(task)
        assert stored.attempts == 1
    assert rig.show("a.txt") == "whole"
    assert rig.driver.runs[1].words[-2:] == ("--resume", "chat")
    assert rig.prompts()[1].startswith("Your last turn ended before it was complete")
    kinds = [failure.kind.value if failure else None for _, failure in rig.feedback]
    assert kinds == ["rate_limit", None]


def test_after_a_restart_the_task_still_waits_and_then_goes_on_in_its_chat(
    tmp_path: Path,
) -> None:
    tasks = project(tmp_path)
    clock = Clock()
    with server(tmp_path, clock=clock) as rig:
        (task,) = added(rig, tasks)
        rig.execute(task, plays(bad(RATE), a__txt="half\n"))
    clock.advance(10)
    with server(tmp_path, clock=clock) as rig:
        stored = rig.stored(task)
        rig.driver.plays[task.id] = [writes(a__txt="whole\n")]
        scheduler = TaskScheduler(rig.executor.execute, limit=1, ageing=600, clock=clock)
        with rt.TaskGroup() as group:
            running = group.start_soon(scheduler.run)
            scheduler.submit([stored])
            looks = clock.looks
            until(lambda: clock.looks > looks + 1)
            assert scheduler.waiting() == {task.id}
            assert not rig.driver.runs
            clock.advance(50)
            scheduler.resume()  # so that it looks at the clock
            until(lambda: "task.done" in rig.told.names())
            scheduler.drain()
            running.wait()
    assert rig.driver.runs[0].words[-2:] == ("--resume", "chat")
    assert rig.show("a.txt") == "whole"


def test_a_used_up_quota_is_waited_for_until_it_is_back(tmp_path: Path) -> None:
    tasks = project(tmp_path)
    quota = "You've hit your usage limit. Try again in 2h 15m.\n"
    with server(tmp_path) as rig:
        (task,) = added(rig, tasks)
        assert rig.execute(task, plays(bad(quota))) == NOW + 8100 + 5
        stored = rig.stored(task)
        assert stored.not_before == NOW + 8105
    (parked,) = rig.told.named("task.parked")
    assert "waits for the quota until" in parked["reason"]


def test_another_model_is_asked_and_then_another_agent(tmp_path: Path) -> None:
    tasks = project(tmp_path)
    configured = settings(**TWO_AGENTS, runtime={"agent": "one", "retry_delay": 0})
    missing = plays(bad("Error: Cannot use this model\n", tools=0))
    with server(tmp_path, configured) as rig:
        (task,) = added(rig, tasks)
        for _ in range(2):
            assert rig.execute(task, missing) == NOW
        assert rig.execute(task, writes(a__txt="1\n")) is None
        attempts = rt.wait_for_future(rig.store.attempts(task.id))
    words = [run.words[:3] for run in rig.driver.runs]
    assert words == [
        ("one", "--model", "large"),
        ("one", "--model", "small"),
        ("two", "--model", "large"),
    ]
    assert [row.agent for row in attempts] == ["one", "one", None]


def test_an_agent_that_nobody_can_use_stops_the_server_and_the_task_is_put_back(
    tmp_path: Path,
) -> None:
    tasks = project(tmp_path)
    with server(tmp_path) as rig:
        (task,) = added(rig, tasks)
        rig.driver.plays[task.id] = [plays(bad("Error: Not logged in\n", tools=0))]
        with pytest.raises(AgentUnusable, match="Not logged in"):
            rig.executor.execute(task)
        stored = rig.stored(task)
        assert (stored.state, stored.attempts) == (TaskState.PENDING, 0)
        assert rig.execute(task, writes(a__txt="1\n")) is None
    assert rig.show("a.txt") == "1"


def test_a_worktree_that_cannot_be_made_ready_is_tried_again_and_then_a_person(
    tmp_path: Path,
) -> None:
    tasks = project(tmp_path)
    configured = settings(workspace={"setup": {"shell": "echo no such wheel; exit 3"}})
    with server(tmp_path, configured) as rig:
        (task,) = added(rig, tasks)
        again = []
        while (until_then := rig.execute(task)) is not None:
            again.append(until_then - rig.clock.now)
            rig.clock.now = until_then
            assert len(again) < 10
        stored = rig.stored(task)
    assert again == [10.0]
    assert rig.told.reasons("task.failed")[0].startswith("workspace.setup: 'echo")
    assert stored.attention is not None
    assert "no such wheel" in stored.attention
    assert "run the set-up command by hand" in stored.attention
    assert rig.driver.runs == []


def test_a_target_that_is_gone_is_told_and_work_lands_when_it_is_back(tmp_path: Path) -> None:
    tasks = project(tmp_path)

    def rename(worktree: Repository) -> Any:
        worktree.write("a.txt", "1\n")
        worktree.git("branch", "-m", "main", "trunk")
        return good()

    with server(tmp_path) as rig:
        (task,) = added(rig, tasks)
        for played in ([rename], []):
            again = rig.execute(task, *played)
            assert again is not None
            rig.clock.now = again
        reasons = rig.told.reasons("task.failed")
        assert all(reason.startswith("there is no branch main") for reason in reasons)
        rig.repository.git("branch", "main", "trunk")
        assert rig.execute(task) is None
    assert rig.show("a.txt") == "1"
    assert len(rig.driver.runs) == 1


def test_a_full_disk_is_waited_for_and_costs_no_attempt(tmp_path: Path) -> None:
    tasks = project(tmp_path)
    configured = settings(limits={"disk_floor": 10**9})
    with server(tmp_path, configured) as rig:
        (task,) = added(rig, tasks)
        assert rig.execute(task) == NOW + 60
        stored = rig.stored(task)
    assert (stored.state, stored.attempts, stored.not_before) == (TaskState.PENDING, 0, NOW + 60)
    assert "waits for free disk space" in rig.told.reasons("task.parked")[0]


def test_a_disk_that_is_full_for_good_is_parked_and_then_left_to_a_person(
    tmp_path: Path,
) -> None:
    tasks = project(tmp_path)
    configured = settings(
        limits={"disk_floor": 10**9}, recovery={"disk_full": [{"wait": 2}, {"park": 1}]}
    )
    with server(tmp_path, configured) as rig:
        (task,) = added(rig, tasks)
        for _ in range(3):
            again = rig.execute(task)
            assert again is not None
            rig.clock.now = again
        assert rig.execute(task) is None
        stored = rig.stored(task)
    assert stored.attention is not None
    assert "free disk space" in stored.attention


def test_a_disk_that_fills_up_on_the_way_is_waited_for_as_well(tmp_path: Path) -> None:
    tasks = project(tmp_path)

    def full(worktree: Repository) -> Any:
        worktree.write("a.txt", "1\n")
        raise OSError(errno.ENOSPC, "No space left on device")

    with server(tmp_path) as rig:
        (task,) = added(rig, tasks)
        assert rig.execute(task, full) == NOW + 60
        stored = rig.stored(task)
    assert (stored.state, stored.attempts) == (TaskState.PENDING, 0)
