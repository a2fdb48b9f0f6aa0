# Generated from tests/_async/test_isolated.py. Do not edit.
"""Attempts in worktrees, from the first instruction to the landing, with a driver that plays
the agent.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from codeagent._runtime import sync_runtime as rt
from codeagent.core.agent_run import Ending
from codeagent.core.recovery import UNRESTORED
from codeagent.core.task import Task, TaskState

from ..support.repositories import Repository
from ..support.world import NOW, SpyStore
from .helpers import forever, until
from .isolated_rig import Advice, added, bad, good, plays, project, server, settings, writes

NO_WRONG = "! grep -rqs wrong a.txt b.txt"


def test_work_is_verified_and_lands_and_nothing_is_left(tmp_path: Path) -> None:
    tasks = project(tmp_path)
    with server(tmp_path, settings(NO_WRONG)) as rig:
        (task,) = added(rig, tasks)
        assert rig.execute(task, writes(a__txt="1\n")) is None
        assert rig.state(task) is TaskState.DONE
        assert rt.wait_for_future(rig.store.workspaces()) == []
    assert rig.show("a.txt") == "1"
    assert rig.show("todo.md").startswith("- [x] task 1 <!-- Выполнено успешно (1/1")
    assert rig.repository.git("status", "--porcelain") == ""
    phases = [data["phase"] for data in rig.told.named("task.phase")]
    assert phases == ["preparing", "working", "verifying", "landing"]
    assert rig.told.names()[-1] == "task.done"
    assert rig.repository.worktrees() == rig.repository.branches() == rig.snapshots() == []
    assert rig.feedback == [("one", None)]


def test_what_fails_the_checks_is_mended_in_the_same_chat(tmp_path: Path) -> None:
    tasks = project(tmp_path)
    with server(tmp_path, settings(NO_WRONG)) as rig:
        (task,) = added(rig, tasks)
        assert rig.execute(task, writes(a__txt="wrong\n"), writes(a__txt="right\n")) is None
        stored = rig.stored(task)
    assert (stored.state, stored.attempts) == (TaskState.DONE, 1)
    assert rig.show("a.txt") == "right"
    assert "The project's own check was run" in rig.prompts()[1]
    assert rig.driver.runs[1].words[-2:] == ("--resume", "chat")
    assert [data["ok"] for data in rig.told.named("verify.done")] == [False, True]


def test_an_agent_in_a_new_chat_is_told_what_the_task_was(tmp_path: Path) -> None:
    tasks = project(tmp_path)
    forgetful = {"one": {"command": ["one"], "output": "stream-json"}}
    with server(tmp_path, settings(NO_WRONG, agents=forgetful)) as rig:
        (task,) = added(rig, tasks)
        assert rig.execute(task, writes(a__txt="wrong\n"), writes(a__txt="right\n")) is None
    assert "\ntask 1\n" in rig.prompts()[1]
    assert "The project's own check was run" in rig.prompts()[1]


def test_whoever_mends_without_a_report_is_judged_by_the_checks(tmp_path: Path) -> None:
    tasks = project(tmp_path)
    silent = bad(ending=Ending.NO_REPORT)
    with server(tmp_path, settings(NO_WRONG)) as rig:
        (task,) = added(rig, tasks)
        mended = plays(silent, a__txt="right\n")
        assert rig.execute(task, writes(a__txt="wrong\n"), mended) is None
    assert rig.show("a.txt") == "right"


def test_what_cannot_be_mended_is_left_to_a_person_with_its_worktree(tmp_path: Path) -> None:
    tasks = project(tmp_path)
    configured = settings(NO_WRONG, recovery={"verify_failed": [{"same_chat": 1}]})
    with server(tmp_path, configured) as rig:
        (task,) = added(rig, tasks)
        wrong = [writes(a__txt=f"wrong {number}\n") for number in range(2)]
        assert rig.execute(task, *wrong) is None
        stored = rig.stored(task)
        (row,) = rt.wait_for_future(rig.store.workspaces())
    assert stored.state is TaskState.FAILED
    assert stored.attention is not None
    assert "look at the output of the checks" in stored.attention
    assert rig.told.reasons("task.escalated") == [stored.attention]
    assert row.state == "kept"
    assert (Path(row.path) / "a.txt").read_text() == "wrong 1\n"
    assert rig.repository.git("log", "--format=%s", "main") == "work"


def test_an_agent_that_changes_nothing_is_asked_again_and_then_a_person(
    tmp_path: Path,
) -> None:
    tasks = project(tmp_path)
    configured = settings(recovery={"no_changes": [{"same_chat": 1}]})
    with server(tmp_path, configured) as rig:
        (task,) = added(rig, tasks)
        assert rig.execute(task, writes(), writes()) is None
        stored = rig.stored(task)
    assert "no file of the project has changed" in rig.prompts()[1]
    assert stored.attention is not None
    assert rig.repository.git("log", "--format=%s", "main") == "work"


def test_two_tasks_in_conflict_are_joined_by_the_second_ones_agent(tmp_path: Path) -> None:
    tasks = project(tmp_path, 2, shared="base\n")
    with server(tmp_path) as rig:
        first, second = added(rig, tasks)
        begun = rt.Event()

        def late(worktree: Repository) -> Any:
            worktree.write("shared", "second\n")
            begun.set()
            until(lambda: "task.done" in rig.told.names())
            return good("of the second")

        def early(worktree: Repository) -> Any:
            begun.wait()
            worktree.write("shared", "first\n")
            return good("of the first")

        def join(worktree: Repository) -> Any:
            text = (worktree.path / "shared").read_text("utf-8")
            assert "<<<<<<<" in text
            assert ("first\n" in text, "second\n" in text) == (True, True)
            worktree.write("shared", "first\nsecond\n")
            return good("of the second")

        with rt.TaskGroup() as group:
            group.start_soon(rig.execute, first, early)
            group.start_soon(rig.execute, second, late, join)
        assert [rig.state(task) for task in tasks] == [TaskState.DONE] * 2
    assert rig.show("shared") == "first\nsecond"
    assert "task 1" in rig.prompts()[-1]  # what it conflicts with
    assert rig.driver.runs[-1].words[-1] == "of the second"
    assert rig.repository.git("log", "--format=%s", "main").split("\n") == [
        "task 2", "task 1", "work",
    ]  # fmt: skip


def test_a_new_chat_begins_with_what_was_accepted_last(tmp_path: Path) -> None:
    tasks = project(tmp_path, a__txt="0\n")
    overflow = bad("Error: prompt is too long: 210000 tokens\n")
    seen: list[dict[str, str]] = []

    def look(worktree: Repository) -> Any:
        found = [path for path in worktree.path.iterdir() if path.suffix == ".txt"]
        seen.append({path.name: path.read_text("utf-8") for path in found})
        return good()

    with server(tmp_path, settings(steps=2)) as rig:
        (task,) = added(rig, tasks)
        spoilt = plays(overflow, a__txt="2\n", b__txt="2\n")
        again = rig.execute(task, writes(a__txt="1\n"), spoilt)
        assert again == NOW
        stored = rig.stored(task)
        assert stored.completed == (1,)
        assert rig.execute(task, look) is None
        stored = rig.stored(task)
        assert stored.attempts == 2
    assert seen == [{"a.txt": "1\n"}]
    assert rig.prompts()[2] == "task 1: step 2"
    assert "--resume" not in rig.driver.runs[2].words
    assert rig.show("a.txt") == "1"


def test_an_agent_that_fails_at_mending_does_not_undo_what_the_last_instruction_did(
    tmp_path: Path,
) -> None:
    tasks = project(tmp_path)
    overflow = bad("Error: prompt is too long: 210000 tokens\n")
    with server(tmp_path, settings(NO_WRONG, steps=2)) as rig:
        (task,) = added(rig, tasks)
        steps = writes(a__txt="1\n"), writes(b__txt="wrong\n", c__txt="3\n")
        mess = plays(overflow, a__txt="spoilt\n", c__txt="spoilt\n")
        assert rig.execute(task, *steps, mess) == NOW
        assert rig.execute(task, writes(b__txt="2\n")) is None
    assert [rig.show(name) for name in ("a.txt", "b.txt", "c.txt")] == ["1", "2", "3"]
    assert "The project's own check was run" in rig.prompts()[3]


def test_what_a_stopped_attempt_has_done_is_kept_and_the_agent_is_told(
    tmp_path: Path,
) -> None:
    tasks = project(tmp_path)

    def hang(worktree: Repository) -> Any:
        worktree.write("a.txt", "half\n")
        forever()

    with server(tmp_path) as rig:
        (task,) = added(rig, tasks)
        with rt.TaskGroup() as group:
            group.start_soon(rig.execute, task, hang)
            until(lambda: "agent.started" in rig.told.names())
            group.cancel()
        stored = rig.stored(task)
        assert stored.attempts == 0
        assert rig.told.reasons("task.interrupted") == ["the server was asked to stop"]
    with server(tmp_path) as rig:
        seen = []

        def go_on(worktree: Repository) -> Any:
            seen.append((worktree.path / "a.txt").read_text("utf-8"))
            seen.extend(rig.snapshots())
            return good()

        assert rig.execute(task, go_on) is None
        assert rig.prompts() == [f"{UNRESTORED}task 1: work"]
    assert seen == ["half\n", "codeagent snapshot: interrupted"]
    assert rig.show("a.txt") == "half"


def test_where_a_stopped_attempt_had_done_nothing_there_is_nothing_to_tell(
    tmp_path: Path,
) -> None:
    tasks = project(tmp_path)

    def hang(_: Repository) -> Any:
        forever()

    with server(tmp_path) as rig:
        (task,) = added(rig, tasks)
        with rt.TaskGroup() as group:
            group.start_soon(rig.execute, task, hang)
            until(lambda: "agent.started" in rig.told.names())
            group.cancel()
        assert rig.execute(task, writes(a__txt="1\n")) is None
    assert rig.prompts()[1] == "task 1: work"


def test_a_person_who_cancels_an_attempt_is_told_from_a_stop(tmp_path: Path) -> None:
    tasks = project(tmp_path)

    def hang(_: Repository) -> Any:
        forever()

    with server(tmp_path) as rig:
        (task,) = added(rig, tasks)
        with rt.TaskGroup() as group:
            group.start_soon(rig.execute, task, hang)
            until(lambda: "agent.started" in rig.told.names())
            rig.cancelled.add(task.id)
            group.cancel()
        stored = rig.stored(task)
    assert (stored.state, stored.attempts) == (TaskState.PENDING, 0)
    assert rig.told.reasons("task.interrupted") == ["a person has cancelled it"]


def test_a_task_that_the_models_find_useless_is_skipped(
    tmp_path: Path,
) -> None:
    tasks = project(tmp_path)
    with server(tmp_path, assessor=Advice()) as rig:
        (task,) = added(rig, tasks)
        assert rig.execute(task) is None
        assert rig.state(task) is TaskState.SKIPPED
    assert rig.told.reasons("task.skipped") == ["not worth it"]
    assert rig.list().startswith("- [-] task 1 <!-- skipped")


def test_an_attempt_that_lost_its_task_lands_nothing(tmp_path: Path) -> None:
    tasks = project(tmp_path)
    with server(tmp_path) as rig:
        (task,) = added(rig, tasks)

        def lose(worktree: Repository) -> Any:
            worktree.write("a.txt", "1\n")
            take_over(rig.store, task)
            return good()

        assert rig.execute(task, lose) is None
        stored = rig.stored(task)
    assert (stored.state, stored.epoch, stored.completed) == (TaskState.RUNNING, 2, ())
    assert rig.repository.git("log", "--format=%s", "main") == "work"
    assert rig.told.names()[-1] == "agent.started"
    assert rig.list() == "- [ ] task 1\n"


def test_an_attempt_that_loses_its_task_while_it_waits_to_land_lands_nothing(
    tmp_path: Path,
) -> None:
    tasks = project(tmp_path)
    with server(tmp_path) as rig:
        (task,) = added(rig, tasks)
        rig.told.on["landing.queued"] = lambda: take_over(rig.store, task)
        assert rig.execute(task, writes(a__txt="1\n")) is None
        stored = rig.stored(task)
        assert rt.wait_for_future(rig.store.landings(open_only=False)) == []
    assert (stored.state, stored.epoch) == (TaskState.RUNNING, 2)
    assert rig.repository.git("log", "--format=%s", "main") == "work"
    assert rig.told.names()[-1] == "landing.queued"


def take_over(store: SpyStore, task: Task) -> None:
    """Another attempt takes the task over, as a second server would."""
    store.interrupt_task(task.id, 1, NOW).result()
    store.begin_attempt(task.id, path=rt.PATH, instructions=1, now=NOW).result()


def test_what_has_landed_when_the_stop_comes_counts(tmp_path: Path) -> None:
    tasks = project(tmp_path)
    with server(tmp_path) as rig:
        (task,) = added(rig, tasks)
        rig.store.held = {"landed"}
        with rt.TaskGroup() as group:
            group.start_soon(rig.execute, task, writes(a__txt="1\n"))
            until(lambda: "landed" in rig.store.calls)
            group.cancel()
            rig.store.release()
        assert rig.state(task) is TaskState.DONE
        assert rt.wait_for_future(rig.store.workspaces()) == []
    assert rig.show("a.txt") == "1"
    assert rig.list().startswith("- [x] task 1")
    assert (rig.told.names()[-1], rig.told.named("task.interrupted")) == ("task.done", [])


def test_work_that_waits_to_land_when_the_stop_comes_lands_without_an_agent_later(
    tmp_path: Path,
) -> None:
    tasks = project(tmp_path)
    with server(tmp_path) as rig:
        (task,) = added(rig, tasks)
        rig.store.held = {"begin_landing"}
        with rt.TaskGroup() as group:
            rig.told.on["landing.queued"] = group.cancel
            group.start_soon(rig.execute, task, writes(a__txt="1\n"))
        rig.store.release()
        stored = rig.stored(task)
        assert (stored.state, stored.completed) == (TaskState.PENDING, (1,))
        assert rig.execute(task) is None
        assert rig.state(task) is TaskState.DONE
    assert rig.show("a.txt") == "1"
    assert len(rig.driver.runs) == 1


def test_an_agent_that_removes_its_worktree_fails_and_the_next_one_has_a_new_one(
    tmp_path: Path,
) -> None:
    tasks = project(tmp_path, b__txt="0\n")

    def remove(worktree: Repository) -> Any:
        worktree.git("worktree", "remove", "--force", "--force", str(worktree.path))
        return good()

    with server(tmp_path) as rig:
        (task,) = added(rig, tasks)
        assert rig.execute(task, remove) is not None
        assert rig.state(task) is TaskState.FAILED
        assert rig.execute(task, writes(a__txt="1\n")) is None
    assert (rig.show("a.txt"), rig.show("b.txt")) == ("1", "0")
