# Generated from tests/_async/test_server.py. Do not edit.
"""The server as a whole, in this process, with small programs as agents."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codeagent._runtime import files
from codeagent._runtime import sync_runtime as rt
from codeagent._sync.server import CodeAgentServer
from codeagent.core.agents import Launch
from codeagent.core.events import Event
from codeagent.core.task import Task, TaskState
from codeagent.store import StoreError
from tests.support.world import (
    Clock,
    Recorder,
    SpyStore,
    agent_environment,
    config,
    layout,
    script,
    spied_store,
)

AGENT = """
import os, sys, time
task, _, name = sys.stdin.read().rpartition(': ')
with open('runs', 'a') as runs:
    runs.write(task + ': ' + name + '\\n')
if '(fails)' in task:
    sys.exit(3)
while '(waits)' in task and not os.path.exists('go'):
    time.sleep(0.005)
with open('docs/results/' + name + '.md', 'w') as report:
    report.write('Done!')
"""


class Agent:
    """Does what the task's text says: nothing but a report, ``(fails)`` or ``(waits)``."""

    label = "small"
    timeout = None
    silence = 0.0
    models = ()
    resumes = False
    announces = False

    def __init__(self, program: str | None = None) -> None:
        self._program = program

    def launch(self, prompt: str, **about: Any) -> Launch:
        argv = script(AGENT).argv if self._program is None else (self._program,)
        return Launch(argv=argv, stdin=prompt.encode())


class Rig:
    """One installation; `run` runs a server on it, which may be done again."""

    def __init__(self, directory: Path, todo: str, **sections: Any) -> None:
        self.config = config(**sections)
        self.layout = layout(self.config, directory)
        (self.layout.project / "docs/results").mkdir(parents=True)
        self.list = self.layout.project / "todo.md"
        self.list.write_text(todo, "utf-8")
        self.directory = directory
        self.sink = Recorder()
        self.hooks: dict[str, Callable[[Event], None]] = {}
        self.refused: dict[str, Exception] = {}
        self.tasks: dict[str, Task] = {}
        self.clean: bool | None = None
        self.seen_at_resume: list[int] = []
        self.server: CodeAgentServer

    def _announce(self, event: Event) -> None:
        self.sink(event)
        if event.name in self.hooks:
            self.hooks[event.name](event)

    def run(self, *, keep_watching: bool = False, agent: Agent | None = None) -> int:
        with spied_store(self.directory) as store:
            store.refused.update(self.refused)
            self.server = CodeAgentServer(
                config=self.config,
                layout=self.layout,
                adapter=agent or Agent(),
                environment=agent_environment(),
                store=store,
                sink=self._announce,
                keep_watching=keep_watching,
                clock=Clock(),
            )
            try:
                return self.server.run()
            finally:
                self._look(store)

    def _look(self, store: SpyStore) -> None:
        tasks = rt.wait_for_future(store.tasks())
        self.tasks = {task.text: task for task in tasks}
        state = rt.wait_for_future(store.server_state())
        self.clean = state.clean

    def runs(self) -> list[str]:
        file = self.layout.project / "runs"
        return file.read_text("utf-8").splitlines() if file.exists() else []

    def states(self) -> dict[str, str]:
        return {text: task.state.value for text, task in self.tasks.items()}

    def stopped(self) -> dict[str, Any]:
        (found,) = self.sink.named("server.stopped")
        return found

    def write(self, text: str) -> None:
        self.list.write_text(text, "utf-8")


def test_a_whole_list_is_worked_to_its_end(tmp_path: Path) -> None:
    rig = Rig(tmp_path, "- [ ] one\n- [x] old\n- [ ] two <!-- priority: 5 -->\n")
    assert rig.run() == 0
    assert rig.runs() == ["two: plan", "two: work", "one: plan", "one: work"]
    assert rig.list.read_text("utf-8").count("- [x]") == 3
    assert rig.states() == {"one": "done", "two": "done"}
    assert rig.clean
    names = rig.sink.names()
    assert (names[0], names[-1], names.count("task.done")) == (
        "server.started",
        "server.stopped",
        2,
    )
    assert rig.stopped() == {
        "clean": True,
        "done": 3,
        "failed": 0,
        "skipped": 0,
        "pending": 0,
        "exit_code": 0,
    }
    document = json.loads(rig.layout.checkpoints[0].read_bytes())
    assert {entry["state"] for entry in document["tasks"]} == {"completed"}
    assert document["server_state"]["clean_shutdown"] is True
    assert len(list(rig.layout.logs.glob("task_*.log"))) == 2
    assert "one" in rig.layout.status.read_text("utf-8")


def test_what_is_done_is_not_run_again_and_its_line_is_ticked_again(tmp_path: Path) -> None:
    rig = Rig(tmp_path, "- [ ] one\n")
    assert rig.run() == 0
    rig.write("- [ ] one\n")
    assert rig.run() == 0
    assert len(rig.runs()) == 2
    assert rig.list.read_text("utf-8").startswith("- [x] one")


@pytest.mark.parametrize("todo", ["", "\ufeff", "# nothing to do\n", "- [x] old\n- [-] not\n"])
def test_with_nothing_to_do_all_is_well(todo: str, tmp_path: Path) -> None:
    rig = Rig(tmp_path, todo)
    assert rig.run() == 0
    assert (rig.runs(), rig.list.read_text("utf-8")) == ([], todo)


def test_a_task_that_fails_is_tried_as_often_as_it_may_and_the_others_go_on(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path, "- [ ] one (fails)\n- [ ] two\n")
    assert rig.run() == 1
    assert rig.states() == {"one (fails)": "failed", "two": "done"}
    assert rig.tasks["one (fails)"].attempts == 3
    assert (rig.stopped()["failed"], rig.stopped()["pending"]) == (1, 0)


@pytest.mark.parametrize(
    "todo",
    [
        "- [ ] one (fails) <!-- id: a -->\n- [ ] two <!-- after: a -->\n",
        "- [ ] one <!-- id: a; after: b -->\n- [ ] two <!-- id: b; after: a -->\n",
    ],
)
def test_a_task_that_can_never_start_is_left_and_ends_nothing_else(
    todo: str, tmp_path: Path
) -> None:
    rig = Rig(tmp_path, todo)
    assert rig.run() == 1
    assert rig.states()["two"] == "pending"
    assert rig.stopped()["pending"] >= 1


def test_tasks_run_in_the_order_that_they_ask_for(tmp_path: Path) -> None:
    todo = "- [ ] one <!-- after: b -->\n- [ ] two <!-- id: b; after: nobody -->\n"
    rig = Rig(tmp_path, todo)
    assert rig.run() == 1, "somebody has to look at the list"
    assert rig.runs()[::2] == ["two: plan", "one: plan"]
    (problem,) = rig.sink.named("list.problem")
    assert "nobody" in problem["problem"]


def test_a_list_that_cannot_be_read_needs_a_person(tmp_path: Path) -> None:
    rig = Rig(tmp_path, "")
    rig.list.with_name("todo.yaml").write_text("tasks:\n - [a\n", "utf-8")
    assert rig.run() == 1
    (problem,) = rig.sink.named("list.problem")
    assert "not valid YAML" in problem["problem"]


def test_a_line_that_cannot_be_marked_needs_a_person(tmp_path: Path) -> None:
    rig = Rig(tmp_path, "- [ ] one\n")

    def refuse(path: Path, change: object) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "edit", refuse)
        assert rig.run() == 1
    assert rig.states() == {"one": "done"}
    problems = {data["problem"] for data in rig.sink.named("list.problem")}
    assert problems == {"the line of 'one' could not be changed: Permission denied"}
    assert rig.run() == 0
    assert rig.list.read_text("utf-8").startswith("- [x] one")


def test_no_more_rounds_are_made_than_are_allowed(tmp_path: Path) -> None:
    rig = Rig(tmp_path, "- [ ] one (fails)\n- [ ] two\n", server={"max_iterations": 1})
    assert rig.run(keep_watching=True) == 1
    assert rig.tasks["one (fails)"].attempts == 1
    assert rig.states()["two"] == "done"


def test_a_task_that_is_added_meanwhile_is_run(tmp_path: Path) -> None:
    rig = Rig(tmp_path, "- [ ] one\n")

    def add(_: object) -> None:
        rig.hooks.clear()
        rig.write("- [ ] new\n- [ ] one\n")

    rig.hooks["agent.started"] = add
    assert rig.run() == 0
    assert rig.list.read_text("utf-8").count("- [x]") == 2


def test_a_line_that_is_ticked_by_hand_meanwhile_is_not_run(tmp_path: Path) -> None:
    rig = Rig(tmp_path, "- [ ] one (waits)\n- [ ] two\n- [ ] three <!-- after: b -->\n")

    def tick(_: Event) -> None:
        del rig.hooks["agent.started"]
        rig.write("- [ ] one (waits)\n- [x] two\n- [-] three\n")

    def go_on(event: Event) -> None:
        if event.data["done"] == 1:
            (rig.layout.project / "go").touch()

    rig.hooks |= {"agent.started": tick, "list.read": go_on}
    assert rig.run() == 0
    assert rig.runs() == ["one (waits): plan", "one (waits): work"]
    assert rig.states() == {"one (waits)": "done", "two": "done", "three": "skipped"}


def test_a_failed_task_that_a_person_ticks_frees_those_that_wait_for_it(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path, "- [ ] one (fails) <!-- id: a -->\n- [ ] two <!-- after: a -->\n")
    assert rig.run() == 1
    rig.write("- [x] one (fails) <!-- id: a -->\n- [ ] two <!-- after: a -->\n")
    assert rig.run() == 0
    assert rig.states() == {"one (fails)": "done", "two": "done"}


def test_the_daemon_goes_on_watching_until_it_is_stopped(tmp_path: Path) -> None:
    rig = Rig(tmp_path, "- [ ] one\n")

    def on_idle(_: Event) -> None:
        if rig.sink.names().count("server.idle") == 1:
            rig.write("- [ ] two\n")
        else:
            rig.server.stop("enough")

    rig.hooks["server.idle"] = on_idle
    assert rig.run(keep_watching=True) == 130
    assert rig.states() == {"one": "done", "two": "done"}
    assert rig.clean
    assert rig.sink.named("server.stopping")[0]["reason"] == "enough"


def test_a_stop_leaves_a_run_that_can_be_taken_up_again(tmp_path: Path) -> None:
    rig = Rig(tmp_path, "- [ ] one (waits)\n")
    rig.hooks["agent.started"] = lambda _: rig.server.stop("SIGTERM")
    assert rig.run() == 130
    assert rig.clean
    task = rig.tasks["one (waits)"]
    assert (task.state, task.attempts) == (TaskState.PENDING, 0)
    assert rig.list.read_text("utf-8") == "- [ ] one (waits)\n"
    document = json.loads(rig.layout.checkpoints[0].read_bytes())
    assert document["server_state"]["clean_shutdown"] is True
    rig.hooks.clear()
    (rig.layout.project / "go").touch()
    assert rig.run() == 0


def test_a_pause_holds_the_next_task_back(tmp_path: Path) -> None:
    rig = Rig(tmp_path, "- [ ] one\n- [ ] two\n")
    rig.hooks["task.started"] = lambda _: rig.server.pause()
    rig.hooks["task.done"] = lambda _: rig.write(f"{rig.list.read_text('utf-8')}- [x] noted\n")

    def resume(event: Event) -> None:
        if "task.done" in rig.sink.names():
            rig.seen_at_resume.append(rig.sink.names().count("task.started"))
            rig.hooks.clear()
            rig.server.resume()

    rig.hooks["list.read"] = resume
    assert rig.run() == 0
    assert rig.seen_at_resume == [1]
    assert rig.states() == {"one": "done", "two": "done"}


def test_without_a_usable_agent_the_server_ends_and_says_why(tmp_path: Path) -> None:
    rig = Rig(tmp_path, "- [ ] one\n- [ ] two\n")
    assert rig.run(agent=Agent(str(tmp_path / "nothing"))) == 1
    assert "could not be started" in rig.sink.named("server.stopping")[0]["reason"]
    assert rig.states() == {"one": "pending", "two": "pending"}
    assert [task.attempts for task in rig.tasks.values()] == [0, 0]


@pytest.mark.parametrize("refused", ["begin_attempt", "step_process", "finish_step", "add_tasks"])
def test_a_store_that_refuses_ends_the_server_with_its_own_error(
    refused: str, tmp_path: Path
) -> None:
    rig = Rig(tmp_path, "- [ ] one\n")
    rig.refused[refused] = StoreError("the disk is full: make room")
    with pytest.raises(StoreError, match="the disk is full"):
        rig.run()
    assert "task.done" not in rig.sink.names()
    assert "the disk is full" in rig.layout.status.read_text("utf-8")


@pytest.mark.parametrize(("section", "expected"), [({}, []), ({"task_delay": 77}, [77])])
def test_there_is_a_pause_between_two_tasks_only_if_one_is_asked_for(
    section: dict[str, Any],
    expected: list[float],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    sleep = rt.sleep

    def pause(seconds: float) -> None:
        if seconds in (5, 77):
            pauses.append(seconds)
        else:
            sleep(seconds)

    monkeypatch.setattr(rt, "sleep", pause)
    rig = Rig(tmp_path, "- [ ] one\n- [ ] two\n", server=section)
    assert rig.run() == 0
    assert pauses == expected
