# Generated from tests/_async/test_handover.py. Do not edit.
"""A server makes room, and another one of the same process goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from codeagent._runtime import sync_runtime as rt
from codeagent._runtime.commands import Mailbox
from codeagent._sync.scheduler import TaskScheduler
from codeagent._sync.server import CodeAgentServer
from codeagent.core.handover import YIELDED, Memory
from codeagent.core.task import Task
from codeagent.store import SqliteStore, open_store
from tests.support.world import Clock, Recorder, agent_environment, config, layout, script

from .helpers import until

STEPS = ("plan", "work")

AGENT = """
import os, sys, time
task, _, name = sys.stdin.read().rpartition(': ')
with open('runs', 'a') as runs:
    runs.write(task + ': ' + name + '\\n')
while '(waits)' in task and not os.path.exists('go'):
    time.sleep(0.005)
os.makedirs('docs/results', exist_ok=True)
with open('docs/results/' + name + '.md', 'w') as report:
    report.write('Done!')
"""


class Agent:
    label = "small"
    timeout = None
    silence = 0.0
    announces = False
    resumes = False
    models: tuple[str, ...] = ()

    def launch(self, prompt: str, **about: Any) -> Any:
        found = script(AGENT)
        return type(found)(argv=found.argv, stdin=prompt.encode(), decoder=found.decoder)


class Rig:
    """One installation on which servers follow each other with the same memory."""

    def __init__(self, directory: Path, store: SqliteStore, todo: str) -> None:
        self.config = config()
        self.layout = layout(self.config, directory)
        self.list = self.layout.project / "todo.md"
        self.list.write_text(todo, "utf-8")
        self.store, self.sink, self.mailbox = store, Recorder(), Mailbox()
        self.memory = Memory()
        self.clock = Clock()

    def server(self, *, keep_watching: bool = False) -> CodeAgentServer:
        return CodeAgentServer(
            config=self.config,
            layout=self.layout,
            adapter=Agent(),
            environment=agent_environment(),
            store=self.store,
            sink=self.sink,
            keep_watching=keep_watching,
            clock=self.clock,
            mailbox=self.mailbox,
            memory=self.memory,
        )

    def hand_over(self, *, now: bool = False) -> Any:
        number = self.memory.servers
        return self.mailbox.submit("hand_over", server=number, reason="for a test", now=now)

    def runs(self) -> list[str]:
        file = self.layout.project / "runs"
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        return [line for line in lines if line.endswith(STEPS)]  # the others are preambles

    def open_gate(self) -> None:
        (self.layout.project / "go").touch()


def test_a_task_goes_on_behind_the_instruction_that_ran(tmp_path: Path) -> None:
    with open_store(tmp_path / "state.db") as store:
        rig = Rig(tmp_path, store, "- [ ] one (waits)\n- [ ] two\n")
        first = rig.server()
        with rt.TaskGroup() as group:
            group.start_soon(first.run)
            until(lambda: "agent.started" in rig.sink.names())
            rt.wait_for_future(rig.hand_over())
            rig.open_gate()
        assert first.handing_over
        assert rig.runs() == ["one (waits): plan"]
        assert "server.stopped" not in rig.sink.names()
        tasks = rt.wait_for_future(store.tasks())
        assert [(task.attempts, task.completed) for task in tasks] == [(0, (1,)), (0, ())]
        second = rig.server()
        assert second.run() == 0
        assert not second.handing_over
    assert rig.runs() == [f"{name}: {step}" for name in ("one (waits)", "two") for step in STEPS]
    names = rig.sink.names()
    assert names.count("server.started") == names.count("server.stopped") == 1
    assert names.count("core.switched") == names.count("task.interrupted") == 1
    document = json.loads(rig.layout.checkpoints[0].read_bytes())
    assert document["server_state"]["clean_shutdown"] is True
    assert {entry["attempts"] for entry in document["tasks"]} == {1}


def test_now_the_instruction_is_interrupted_and_run_again(tmp_path: Path) -> None:
    with open_store(tmp_path / "state.db") as store:
        rig = Rig(tmp_path, store, "- [ ] one (waits)\n")
        first = rig.server()
        with rt.TaskGroup() as group:
            group.start_soon(first.run)
            until(rig.runs)
            rt.wait_for_future(rig.hand_over(now=True))
        assert first.handing_over
        rig.open_gate()
        assert rig.server().run() == 0
    assert rig.runs() == ["one (waits): plan", "one (waits): plan", "one (waits): work"]


def test_an_order_for_a_server_that_has_gone_means_nothing(tmp_path: Path) -> None:
    with open_store(tmp_path / "state.db") as store:
        rig = Rig(tmp_path, store, "- [ ] one\n")
        rig.mailbox.submit("hand_over", server=0, reason="late")
        server = rig.server()
        assert server.run() == 0
        assert not server.handing_over


def test_what_was_asked_of_one_server_the_next_one_keeps_to(tmp_path: Path) -> None:
    with open_store(tmp_path / "state.db") as store:
        rig = Rig(tmp_path, store, "- [ ] one\n- [ ] two\n")
        first = rig.server(keep_watching=True)
        first.pause()
        with rt.TaskGroup() as group:
            group.start_soon(first.run)
            until(lambda: "list.read" in rig.sink.names())
            rt.wait_for_future(rig.hand_over())
        second = rig.server(keep_watching=True)
        with rt.TaskGroup() as group:
            group.start_soon(second.run)
            until(lambda: "core.switched" in rig.sink.names())
            live = rt.wait_for_future(rig.mailbox.submit("look"))
            assert live.schedule.paused
            assert len(live.schedule.waiting) == 2
            second.resume()
            until(lambda: "server.idle" in rig.sink.names())
            second.stop("enough")
    assert rig.sink.names().count("list.read") >= 1
    assert len(rig.runs()) == 4


def test_what_was_put_back_is_ahead_of_what_has_not_begun(tmp_path: Path) -> None:
    memory, ran = Memory(), []
    begun, go = rt.Event(), rt.Event()

    def execute(task: Task) -> float | None:
        ran.append(task.id)
        begun.set()
        go.wait()
        return YIELDED if len(ran) == 1 else None

    def scheduler() -> TaskScheduler:
        return TaskScheduler(execute, limit=1, ageing=600, clock=Clock(), memory=memory)

    tasks = [Task(f"task_{n}", f"t{n}", position=n, priority=-n, created_at=1.0) for n in (1, 2)]
    first = scheduler()
    first.submit(tasks)
    with rt.TaskGroup() as group:
        group.start_soon(first.run)
        begun.wait()
        urgent = Task("task_3", "t3", position=3, priority=9, created_at=1.0)
        first.submit([urgent])
        first.hand_over(now=False)
        go.set()
    second = scheduler()
    with rt.TaskGroup() as group:
        group.start_soon(second.run)
        second.idle()
        second.drain()
    assert ran == ["task_1", "task_1", "task_3", "task_2"]
