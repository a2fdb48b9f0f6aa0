# Generated from tests/_async/executor_rig.py. Do not edit.
"""An executor over a real store, with a driver that plays the agent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from codeagent._runtime import sync_runtime as rt
from codeagent._sync.agent_port import Agents
from codeagent._sync.agents import AgentDriver, AgentOutcome
from codeagent._sync.executor import TaskExecutor
from codeagent._sync.git import Git
from codeagent._sync.in_place import InPlaceAttempt
from codeagent._sync.instructions import InstructionRunner
from codeagent._sync.io import IOManager
from codeagent._sync.reports import Report
from codeagent._sync.settlement import Settlement
from codeagent._sync.status import StatusManager
from codeagent._sync.todo import TodoManager
from codeagent._sync.workbench import Workbench
from codeagent.core.agent_run import Ending
from codeagent.core.config import Config
from codeagent.core.handover import Baton, Memory
from codeagent.core.task import Task
from tests.support.world import (
    NOW,
    Clock,
    Recorder,
    SpyStore,
    config,
    layout,
    spied_store,
    stand_in,
)

GOOD = AgentOutcome(ending=Ending.SUCCEEDED, report=Report("docs/results/r.md", "Done!", "d1"))
BAD = AgentOutcome(ending=Ending.FAILED, reason="it broke", stderr="one\ntrace\n")


class Driver(AgentDriver):
    """Plays the outcomes that it is given, one for each run; then all goes well."""

    def __init__(self) -> None:
        super().__init__({})
        self.outcomes: list[AgentOutcome | Exception] = []
        self.prompts: list[str] = []
        self.marks: list[str] = []
        self.during: Callable[[], rt.Result[None]] | None = None
        self.ended = 0

    def run(self, launch: Any, limits: Any, **about: Any) -> AgentOutcome:
        self.prompts.append(launch.stdin.decode())
        self.marks.append(about["mark"])
        process: Any = type("Process", (), {"pid": 12, "started": "boot:1"})()
        try:
            about["on_spawn"](process.pid, process.started)
            about["on_start"](process)
            if self.during is not None:
                self.during()
            outcome = self.outcomes.pop(0) if self.outcomes else GOOD
            if isinstance(outcome, Exception):
                raise outcome
            return outcome
        finally:
            self.ended += 1


class Rig:
    """An executor over a real store, with a list of one task."""

    def __init__(self, directory: Path, store: SpyStore, io: IOManager, settings: Config):
        self.layout = layout(settings, directory)
        self.project = self.layout.project
        self.store = store
        self.clock = Clock()
        self.sink = Recorder()
        self.baton = Baton(Memory())
        self.driver = Driver()
        self.journal = Recorder()
        self.changes = 0
        self.cancelled: set[str] = set()
        self.list = self.project / "todo.md"
        self.list.write_text("- [ ] one\n", "utf-8")
        common: dict[str, Any] = {
            "config": settings,
            "store": store,
            "sink": self.sink,
            "clock": self.clock,
        }
        runner = InstructionRunner(
            layout=self.layout,
            io=io,
            agents=Agents(self.driver, io),
            journal=self.journal,
            **common,
        )
        self.settlement = Settlement(
            config=settings,
            store=store,
            todo=TodoManager(io, self.project, "md"),
            status=StatusManager(io, self.layout.status, clock=self.clock),
            sink=self.sink,
            on_change=self._changed,
            clock=self.clock,
        )
        bench = Workbench(layout=self.layout, environment={}, io=io, git=Git({}), **common)
        self.executor = TaskExecutor(
            config=settings,
            agent=stand_in().label,
            store=store,
            attempt=InPlaceAttempt(
                config=settings,
                project=self.project,
                agents={"stand-in": stand_in()},
                store=store,
                runner=runner,
                bench=bench,
                settlement=self.settlement,
                on_change=self._changed,
                clock=self.clock,
                baton=self.baton,
            ),
            settlement=self.settlement,
            clock=self.clock,
            baton=self.baton,
            cancelled=lambda task_id: task_id in self.cancelled,
        )

    def _changed(self) -> None:
        self.changes += 1

    def add(self) -> Task:
        task = Task("task_1", "one", source="todo.md", created_at=NOW)
        rt.wait_for_future(self.store.add_tasks([task]))
        return task

    def stored(self) -> Task:
        task: Task = rt.wait_for_future(self.store.task("task_1"))
        return task

    def status(self) -> str:
        return self.layout.status.read_text("utf-8")


@contextmanager
def rigged(directory: Path, io: IOManager, settings: Config | None = None) -> Iterator[Rig]:
    with spied_store(directory) as store:
        yield Rig(directory, store, io, settings or config())
