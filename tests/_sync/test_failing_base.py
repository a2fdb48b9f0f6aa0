# Generated from tests/_async/test_failing_base.py. Do not edit.
"""A target whose own checks fail is not blamed on the tasks that build upon it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from codeagent._runtime import sync_runtime as rt
from codeagent.core.config import Config
from codeagent.core.task import Task, TaskState
from codeagent.core.workspace import INTEGRATION

from ..support.repositories import Repository
from .helpers import until
from .isolated_rig import Rig, added, good, project, server, settings, writes

BROKEN = "without the work, too, at"


def checked(directory: Path, **sections: Any) -> Config:
    """A check that notes where it is run, and that fails on every file with "wrong" in it."""
    line = f'pwd >> "{directory}/runs"; ! grep -qs wrong a.txt b.txt base.txt'
    return settings(line, **sections)


def runs_on_targets(directory: Path) -> int:
    """How often the check was run with nobody's work, or with the work of several."""
    runs = (directory / "runs").read_text("utf-8").splitlines()
    return sum(Path(line).name == INTEGRATION for line in runs)


def kind(rig: Rig, task: Task) -> str | None:
    """Why the last attempt failed."""
    rows = rt.wait_for_future(rig.store.attempts(task.id))
    failure: str | None = rows[-1].failure
    return failure


def test_an_agent_is_asked_once_to_mend_what_it_did_not_break_and_then_a_person(
    tmp_path: Path,
) -> None:
    tasks = project(tmp_path, base__txt="wrong\n")
    with server(tmp_path, checked(tmp_path)) as rig:
        (task,) = added(rig, tasks)
        base = rig.repository.git("rev-parse", "main")[:12]
        assert rig.execute(task, writes(a__txt="1\n"), writes()) is None
        stored = rig.stored(task)
        assert kind(rig, task) == "base_failing"
        (row,) = rt.wait_for_future(rig.store.attempts(task.id))
    assert stored.state is TaskState.FAILED
    assert stored.attention is not None
    assert f"it fails without this change, too, at {base}" in stored.attention
    assert "mend that on the target branch first" in stored.attention
    assert f"{BROKEN} {base}" in rig.prompts()[1]
    assert "\ntask 1\n" in rig.prompts()[1]
    assert f"fails without this change, too, at {base}" in row.evidence
    (told,) = rig.told.named("target.failing")
    assert (told["target"], told["commit"][:12]) == ("main", base)
    assert rig.repository.git("log", "--format=%s", "main") == "work"


def test_the_task_that_is_to_mend_the_target_does_and_lands(tmp_path: Path) -> None:
    tasks = project(tmp_path, base__txt="wrong\n")
    with server(tmp_path, checked(tmp_path)) as rig:
        (task,) = added(rig, tasks)
        mended = writes(base__txt="right\n")
        assert rig.execute(task, writes(a__txt="1\n"), mended) is None
        assert rig.state(task) is TaskState.DONE
    assert (rig.show("a.txt"), rig.show("base.txt")) == ("1", "right")


def test_a_failing_target_is_found_out_and_told_once_for_all_tasks(tmp_path: Path) -> None:
    tasks = project(tmp_path, 3, base__txt="wrong\n")
    with server(tmp_path, checked(tmp_path, recovery={"base_failing": []})) as rig:
        added(rig, tasks)
        with rt.TaskGroup() as group:
            for task in tasks:
                group.start_soon(rig.execute, task, writes(**{f"{task.id}__txt": "1\n"}))
        found = [rig.stored(task) for task in tasks]
    assert all(task.attention and "too, at" in task.attention for task in found)
    assert len(rig.driver.runs) == 3
    assert len(rig.told.named("target.failing")) == 1
    assert runs_on_targets(tmp_path) == 2  # it is tried once more


def test_a_good_target_is_verified_once_and_the_task_is_to_blame(tmp_path: Path) -> None:
    tasks = project(tmp_path, 2)
    with server(tmp_path, checked(tmp_path)) as rig:
        first, second = added(rig, tasks)
        with rt.TaskGroup() as group:
            group.start_soon(rig.execute, first, writes(a__txt="wrong\n"), writes(a__txt="1\n"))
            group.start_soon(rig.execute, second, writes(b__txt="wrong\n"), writes(b__txt="1\n"))
        assert [rig.state(task) for task in tasks] == [TaskState.DONE] * 2
    assert not any(BROKEN in prompt for prompt in rig.prompts())
    assert rig.told.named("target.failing") == []
    assert runs_on_targets(tmp_path) == 2  # the target, and both together


def test_the_target_is_not_looked_at_when_nothing_fails(tmp_path: Path) -> None:
    tasks = project(tmp_path, base__txt="wrong\n")
    with server(tmp_path, checked(tmp_path)) as rig:
        (task,) = added(rig, tasks)
        assert rig.execute(task, writes(base__txt="right\n")) is None
    assert runs_on_targets(tmp_path) == 0


def test_work_upon_a_failing_target_lands_once_another_task_has_mended_that(
    tmp_path: Path,
) -> None:
    tasks = project(tmp_path, 2, base__txt="wrong\n")
    with server(tmp_path, checked(tmp_path)) as rig:
        first, second = added(rig, tasks)
        begun = rt.Event()

        def late(worktree: Repository) -> Any:
            worktree.write("a.txt", "1\n")
            begun.set()
            until(lambda: "task.done" in rig.told.names())
            return good()

        def mend(worktree: Repository) -> Any:
            begun.wait()
            worktree.write("base.txt", "right\n")
            return good()

        with rt.TaskGroup() as group:
            group.start_soon(rig.execute, first, mend)
            group.start_soon(rig.execute, second, late)
        assert [rig.state(task) for task in tasks] == [TaskState.DONE] * 2
    assert (rig.show("a.txt"), rig.show("base.txt")) == ("1", "right")
    assert len(rig.driver.runs) == 2


def test_a_target_that_cannot_be_verified_blames_nobody_but_the_work(tmp_path: Path) -> None:
    tasks = project(tmp_path)
    setup = f'case "$PWD" in */{INTEGRATION}) exit 3;; esac'
    configured = checked(
        tmp_path, workspace={"setup": {"shell": setup}}, recovery={"verify_failed": []}
    )
    with server(tmp_path, configured) as rig:
        (task,) = added(rig, tasks)
        assert rig.execute(task, writes(a__txt="wrong\n")) is None
        assert kind(rig, task) == "verify_failed"
    assert rig.told.named("target.failing") == []


def test_a_program_that_is_missing_is_a_persons_matter_at_once(tmp_path: Path) -> None:
    tasks = project(tmp_path)
    two = {
        name: {"command": [name], "resume": ["--resume", "{session}"], "output": "stream-json"}
        for name in ("one", "two")
    }
    with server(tmp_path, settings("no-such-program --all", agents=two)) as rig:
        (task,) = added(rig, tasks)
        assert rig.execute(task, writes(a__txt="1\n")) is None
        stored = rig.stored(task)
        assert kind(rig, task) == "checks_unusable"
    assert stored.attention is not None
    assert "correct verify.commands" in stored.attention
    assert len(rig.driver.runs) == 1
    assert rig.told.named("target.failing") == []
