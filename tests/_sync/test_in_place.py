# Generated from tests/_async/test_in_place.py. Do not edit.
"""Attempts in the project's own directory: what follows on failures, verification, pushes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codeagent._runtime import sync_runtime as rt
from codeagent._sync.instructions import AgentUnusable
from codeagent._sync.io import IOManager
from codeagent.core.agents import OpencodeAgent
from codeagent.core.push import COMMITTED
from codeagent.core.task import TaskState
from codeagent.core.verify import Evidence

from ..support.repositories import make_repository
from ..support.world import NOW
from .helpers import forever, until
from .in_place_rig import (
    CRASH,
    HARMLESS,
    MISSING,
    NO_MODEL,
    QUOTA,
    REFUSED,
    STALLED,
    TWO,
    Run,
    rigged,
)


def test_a_chat_that_can_go_on_at_once_does_so_in_the_same_attempt(tmp_path: Path) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io) as rig:
            rig.add()
            assert rig.run(STALLED) is None
            task = rig.stored()
    assert (task.state, task.completed, task.attempts) == (TaskState.DONE, (1, 2), 1)
    assert rig.runner.runs == [Run(1, "Claude"), Run(1, "Claude", None, "chat-1"), Run(2, "Claude")]
    (told,) = rig.sink.named("instruction.retried")
    assert (told["position"], told["step"]) == (1, "same_chat")


def test_an_agent_without_chats_is_not_asked_to_go_on_with_one(tmp_path: Path) -> None:
    class Forgetful(OpencodeAgent):
        resumes = False

    with IOManager() as io:
        with rigged(tmp_path, io, {"opencode": Forgetful("/bin/opencode")}) as rig:
            rig.add()
            again = rig.run(STALLED)
            assert again == NOW
            rig.run()
    assert rig.runner.runs == [Run(1, "opencode")]


def test_another_model_takes_over_for_all_that_comes_after(tmp_path: Path) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io) as rig:
            rig.add()
            assert rig.run(NO_MODEL, NO_MODEL) is None
            row = rig.last()
    models = [(run.position, run.model) for run in rig.runner.runs]
    assert models == [(1, None), (1, "small"), (1, "tiny"), (2, "tiny")]
    assert (row.agent, row.model, row.failure) == ("claude", "small", "model_unavailable")


def test_another_agent_takes_over_from_one_that_cannot_be_used(tmp_path: Path) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io, TWO) as rig:
            rig.add()
            assert rig.run(MISSING) is None
            assert [run.agent for run in rig.runner.runs] == ["Claude", "Codex", "Codex"]


def test_when_no_agent_is_left_it_all_ends_and_later_begins_anew(tmp_path: Path) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io, TWO) as rig:
            rig.add()
            with pytest.raises(AgentUnusable):
                rig.run(MISSING, MISSING)
            task = rig.stored()
            assert (task.state, task.attempts) == (TaskState.PENDING, 0)
            assert rig.run() is None
    assert rig.runner.runs == [Run(1, "Claude"), Run(2, "Claude")]


def test_a_quota_parks_the_task_and_its_chat_goes_on_when_it_is_back(tmp_path: Path) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io) as rig:
            rig.add()
            assert rig.run(None, QUOTA) == NOW + 605
            task = rig.stored()
            assert (task.state, task.attempts) == (TaskState.PENDING, 0)
            assert (task.not_before, task.completed) == (NOW + 605, (1,))
            (told,) = rig.sink.named("task.parked")
            assert "waits for the quota until" in told["reason"]
            rig.clock.advance(605)
            assert rig.run() is None
    assert rig.runner.runs == [Run(2, "Claude", None, "chat-2")]


def test_what_an_agent_has_changed_is_told_to_the_one_that_begins_anew(
    tmp_path: Path,
) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io, recovery={"agent_crashed": ["fresh"]}) as rig:
            rig.add()
            assert rig.run(CRASH) == NOW
            task = rig.stored()
            assert (task.state, task.completed) == (TaskState.FAILED, (2,))
            assert rig.run() is None
    assert rig.runner.runs == [Run(1, "Claude", warned=True)]


def test_an_agent_that_has_changed_nothing_is_not_spoken_of(tmp_path: Path) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io, recovery={"agent_crashed": ["fresh"]}) as rig:
            rig.add()
            rig.run(HARMLESS)
            rig.run()
    assert rig.runner.runs == [Run(1, "Claude")]


def test_every_instruction_that_failed_has_a_history_of_its_own(tmp_path: Path) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io) as rig:
            rig.add()
            rig.run(CRASH, HARMLESS)  # five seconds are too long to wait in place
            assert [run.position for run in rig.runner.runs] == [1, 2]
            rig.run(CRASH)
            assert rig.runner.runs == [
                Run(1, "Claude", None, "chat-1"),
                Run(2, "Claude", None, "chat-2"),
            ]
            rig.run()
            assert rig.runner.runs == [Run(1, "Claude", warned=True)]
            task = rig.stored()
    assert (task.state, task.attempts) == (TaskState.DONE, 3)


def test_an_instruction_that_was_broken_off_is_not_simply_repeated(tmp_path: Path) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io) as rig:
            rig.add()
            rig.runner.during = forever
            with rt.TaskGroup() as group:
                group.start_soon(rig.run)
                until(lambda: "begin_step" in rig.store.calls)
                rt.wait_for_future(rig.store.server_state())
                group.cancel()
            rig.runner.during = None
            rig.run()
    assert rig.runner.runs == [Run(1, "Claude", warned=True), Run(2, "Claude")]


def test_an_attempt_that_made_room_between_two_instructions_was_not_broken_off(
    tmp_path: Path,
) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io) as rig:
            rig.add()

            def ask() -> None:
                rig.baton.request("a switch")

            rig.runner.during = ask
            rig.run()
            rig.baton.reason, rig.runner.during = "", None
            rig.run()
    assert rig.runner.runs == [Run(2, "Claude")]


def test_a_failure_for_which_no_step_is_named_needs_a_person(tmp_path: Path) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io) as rig:
            rig.add()
            assert rig.run(REFUSED) is None
            task = rig.stored()
    assert (task.state, task.attempts, task.completed) == (TaskState.FAILED, 1, (2,))
    assert task.attention == "needs a person: not accepted; reword the task"
    (told,) = rig.sink.named("task.escalated")
    assert told["reason"] == task.attention


def test_when_steps_and_attempts_are_used_up_a_person_is_needed(tmp_path: Path) -> None:
    policy = {"agent_crashed": ["fresh"]}
    with IOManager() as io:
        with rigged(tmp_path, io, recovery=policy) as rig:
            rig.add()
            assert [rig.run(HARMLESS) for _ in range(3)] == [NOW, NOW, None]
            task = rig.stored()
    assert (task.state, task.attempts) == (TaskState.FAILED, 3)
    assert task.attention == "needs a person: exit code 3"


def test_a_person_who_has_it_done_again_begins_anew(tmp_path: Path) -> None:
    policy = {"stalled": [{"same_chat": 1}]}
    with IOManager() as io:
        with rigged(tmp_path, io, recovery=policy) as rig:
            rig.add()
            for _ in range(3):
                rig.run(STALLED, STALLED)
            assert [run.position for run in rig.runner.runs] == [1]
            rt.wait_for_future(rig.store.reset_task("task_1", NOW))
            assert rig.run(STALLED) is None
            task = rig.stored()
    assert rig.runner.runs == [Run(1, "Claude"), Run(1, "Claude", None, "chat-1"), Run(2, "Claude")]
    assert task.attempts == 1


CHECK = {"commands": [["sh", "-c", "test -f mended || { echo not mended; exit 1; }"]]}


def test_work_that_is_not_good_is_mended_in_the_chat_that_has_done_it(
    tmp_path: Path,
) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io, verify=CHECK) as rig:
            rig.add()
            rig.runner.mending = (rig.project / "mended").touch
            assert rig.run() is None
            task, row = rig.stored(), rig.last()
    assert task.state is TaskState.DONE
    assert rig.runner.runs[2:] == [Run(0, "Claude", None, "chat-2")]
    assert "not mended" in rig.runner.requests[0]
    assert [told["ok"] for told in rig.sink.named("verify.done")] == [False, True]
    assert Evidence.from_text(row.evidence).ok


def test_work_that_stays_bad_is_not_done_and_its_evidence_is_kept(tmp_path: Path) -> None:
    policy = {"verify_failed": ["same_chat"]}
    with IOManager() as io:
        with rigged(tmp_path, io, verify=CHECK, recovery=policy) as rig:
            rig.add()
            assert rig.run() is None
            task, row = rig.stored(), rig.last()
    assert (task.state, task.completed) == (TaskState.FAILED, (1, 2))
    assert task.attention is not None
    assert "ended with code 1, its last line: not mended" in task.attention
    assert (row.failure, row.phase) == ("verify_failed", "verifying")
    assert "not mended" in Evidence.from_text(row.evidence).commands[0].output
    assert (rig.project / "todo.md").read_text("utf-8") == "- [ ] one\n"


def test_mending_that_fails_is_followed_as_any_other_failure(tmp_path: Path) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io, verify=CHECK) as rig:
            rig.add()
            assert rig.run(None, None, QUOTA) == NOW + 605
            rig.clock.advance(605)
            rig.runner.mending = (rig.project / "mended").touch
            assert rig.run() is None
            task = rig.stored()
    assert rig.runner.runs == [Run(0, "Claude", None, "chat-3")]
    assert task.state is TaskState.DONE


def test_a_check_that_cannot_be_run_is_nothing_that_an_agent_is_asked_to_mend(
    tmp_path: Path,
) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io, verify={"commands": ["no-such-program-here"]}) as rig:
            rig.add()
            assert rig.run() is None
            task = rig.stored()
    assert rig.runner.requests == []
    assert task.attention is not None
    assert "no-such-program-here could not be started" in task.attention


def test_without_commands_nothing_is_verified_in_place(tmp_path: Path) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io) as rig:
            (rig.project / "Makefile").write_text("test:\n\tfalse\n")
            rig.add()
            assert rig.run() is None
    assert rig.sink.named("verify.done") == []


STEPS = [
    {"instruction_id": 1, "name": "work", "template": "x"},
    {"instruction_id": 2, "name": "commit", "template": "x", "control_phrase": f" {COMMITTED}\n"},
    {"instruction_id": 3, "name": "look", "template": "x"},
]
PUSHED: dict[str, Any] = {
    "instructions": {"default": STEPS},
    "security": {"auto_push_enabled": True},
}


@pytest.mark.parametrize("enabled", [True, False])
def test_what_an_instruction_has_committed_is_pushed_before_the_next(
    tmp_path: Path, enabled: bool
) -> None:
    sections: dict[str, Any] = {
        "instructions": {"default": STEPS},
        "security": {"auto_push_enabled": enabled},
    }
    make_repository(tmp_path / "remote", base="1\n").git("config", "core.bare", "true")
    with IOManager() as io:
        with rigged(tmp_path, io, **sections) as rig:
            repository = make_repository(rig.project, base="1\n")
            repository.git("remote", "add", "origin", str(tmp_path / "remote"))
            repository.git("fetch", "-q", "origin")
            repository.git("reset", "-q", "--hard", "origin/main")
            commit = repository.commit(new="1\n")
            seen: list[list[str]] = []

            def look() -> None:
                seen.append(rig.sink.names())

            rig.runner.during = look
            rig.add()
            assert rig.run() is None
            pushed = repository.git("rev-parse", "origin/main") == commit
    assert pushed is enabled
    assert ["push.done" in names for names in seen] == [False, False, enabled]


def test_a_push_that_fails_is_a_warning_only(tmp_path: Path) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io, **PUSHED) as rig:
            rig.add()
            assert rig.run() is None
            task = rig.stored()
    assert task.state is TaskState.DONE
    assert len(rig.sink.named("push.failed")) == 1


def test_an_instruction_that_fails_pushes_nothing(tmp_path: Path) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io, **PUSHED) as rig:
            rig.add()
            rig.run(None, REFUSED)
    assert rig.sink.named("push.failed") == []


def test_in_the_predecessors_dialect_a_failure_is_not_followed_by_the_policy(
    tmp_path: Path,
) -> None:
    with IOManager() as io:
        with rigged(tmp_path, io, predecessor=True) as rig:
            rig.add()
            assert rig.run(QUOTA, STALLED) == NOW
            rig.run()
            row = rig.last()
    assert rig.runner.runs == [Run(1, "Claude"), Run(2, "Claude")]
    assert json.loads(row.recovery or "[]") == []
