"""An executor over a real store, with a driver that plays the agent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from codeagent._async.agent_port import AsyncAgents
from codeagent._async.agents import AgentOutcome, AsyncAgentDriver
from codeagent._async.executor import AsyncTaskExecutor
from codeagent._async.git import AsyncGit
from codeagent._async.in_place import AsyncInPlaceAttempt
from codeagent._async.instructions import AsyncInstructionRunner
from codeagent._async.io import AsyncIOManager
from codeagent._async.reports import Report
from codeagent._async.settlement import AsyncSettlement
from codeagent._async.status import AsyncStatusManager
from codeagent._async.todo import AsyncTodoManager
from codeagent._async.workbench import AsyncWorkbench
from codeagent._runtime import async_runtime as rt
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


class Driver(AsyncAgentDriver):
    """Plays the outcomes that it is given, one for each run; then all goes well."""

    def __init__(self) -> None:
        super().__init__({})
        self.outcomes: list[AgentOutcome | Exception] = []
        self.prompts: list[str] = []
        self.marks: list[str] = []
        self.during: Callable[[], rt.Result[None]] | None = None
        self.ended = 0

    async def run(self, launch: Any, limits: Any, **about: Any) -> AgentOutcome:
        self.prompts.append(launch.stdin.decode())
        self.marks.append(about["mark"])
        process: Any = type("Process", (), {"pid": 12, "started": "boot:1"})()
        try:
            about["on_spawn"](process.pid, process.started)
            await about["on_start"](process)
            if self.during is not None:
                await self.during()
            outcome = self.outcomes.pop(0) if self.outcomes else GOOD
            if isinstance(outcome, Exception):
                raise outcome
            return outcome
        finally:
            self.ended += 1


class Rig:
    """An executor over a real store, with a list of one task."""

    def __init__(self, directory: Path, store: SpyStore, io: AsyncIOManager, settings: Config):
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
        runner = AsyncInstructionRunner(
            layout=self.layout,
            io=io,
            agents=AsyncAgents(self.driver, io),
            journal=self.journal,
            **common,
        )
        self.settlement = AsyncSettlement(
            config=settings,
            store=store,
            todo=AsyncTodoManager(io, self.project, "md"),
            status=AsyncStatusManager(io, self.layout.status, clock=self.clock),
            sink=self.sink,
            on_change=self._changed,
            clock=self.clock,
        )
        bench = AsyncWorkbench(
            layout=self.layout, environment={}, io=io, git=AsyncGit({}), **common
        )
        self.executor = AsyncTaskExecutor(
            config=settings,
            agent=stand_in().label,
            store=store,
            attempt=AsyncInPlaceAttempt(
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

    async def add(self) -> Task:
        task = Task("task_1", "one", source="todo.md", created_at=NOW)
        await rt.wait_for_future(self.store.add_tasks([task]))
        return task

    async def stored(self) -> Task:
        task: Task = await rt.wait_for_future(self.store.task("task_1"))
        return task

    def status(self) -> str:
        return self.layout.status.read_text("utf-8")


@contextmanager
def rigged(directory: Path, io: AsyncIOManager, settings: Config | None = None) -> Iterator[Rig]:
    with spied_store(directory) as store:
        yield Rig(directory, store, io, settings or config())
