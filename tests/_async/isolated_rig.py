"""Attempts in worktrees with all that they take, but for the agent, which is played."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeagent._async.agent_port import AsyncAgents
from codeagent._async.agents import AgentOutcome, AsyncAgentDriver
from codeagent._async.executor import AsyncTaskExecutor
from codeagent._async.git import AsyncGit
from codeagent._async.instructions import AsyncInstructionRunner
from codeagent._async.io import AsyncIOManager
from codeagent._async.isolated import AsyncIsolatedAttempt
from codeagent._async.reports import Report
from codeagent._async.settlement import AsyncSettlement
from codeagent._async.status import AsyncStatusManager
from codeagent._async.todo import AsyncTodoManager
from codeagent._async.workshop import AsyncWorkshop
from codeagent._runtime import async_runtime as rt
from codeagent.core.agent_run import Ending
from codeagent.core.agents import CommandAgent
from codeagent.core.config import Config
from codeagent.core.events import Event
from codeagent.core.failure import Failure
from codeagent.core.handover import Baton, Memory
from codeagent.core.llm.skips import Skip
from codeagent.core.recovery import policy_of
from codeagent.core.task import Task, TaskState

from ..support.repositories import ENVIRONMENT, Repository, make_repository
from ..support.world import NOW, Clock, Recorder, SpyStore, config, layout, spied_store

Play = Callable[[Repository], rt.Result[AgentOutcome]]
"""What an agent does in its worktree."""

ONE_STEP = {
    "instruction_id": 1,
    "name": "work",
    "template": "{task_name}: work",
    "wait_for_file": "docs/results/work.md",
    "control_phrase": "Done!",
}


@dataclass(frozen=True)
class Run:
    """One run of an agent, as it was asked for."""

    prompt: str
    words: tuple[str, ...]
    cwd: Path


def good(session: str = "chat") -> AgentOutcome:
    """An agent that has done its work, and called a tool for it."""
    report = Report("docs/results/work.md", "Done!", "d1")
    return AgentOutcome(ending=Ending.SUCCEEDED, report=report, session=session, tools_ran=1)


def bad(stderr: str = "", *, ending: Ending = Ending.FAILED, tools: int = 1) -> AgentOutcome:
    """An agent that has failed; what it was told stands on its standard error."""
    return AgentOutcome(
        ending=ending,
        reason="the agent ended with exit code 1",
        exit_code=1,
        stderr=stderr,
        session="chat",
        tools_ran=tools,
    )


def plays(outcome: AgentOutcome, **files: str) -> Play:
    """An agent that writes files, "__" in a name stands for ".", and ends so."""

    async def play(worktree: Repository) -> AgentOutcome:
        for name, text in files.items():
            worktree.write(name.replace("__", "."), text)
        return outcome

    return play


def writes(**files: str) -> Play:
    """An agent that writes files and is done."""
    return plays(good(), **files)


class Driver(AsyncAgentDriver):
    """Plays for each task what it is given, one after the other."""

    def __init__(self) -> None:
        super().__init__({})
        self.plays: dict[str, list[Play]] = {}
        self.runs: list[Run] = []

    async def run(self, launch: Any, limits: Any, **about: Any) -> AgentOutcome:
        worktree = Repository(about["cwd"])
        self.runs.append(Run(launch.stdin.decode(), launch.argv, worktree.path))
        process: Any = type("Process", (), {"pid": 12, "started": "boot:1"})()
        about["on_spawn"](process.pid, process.started)
        await about["on_start"](process)
        task_id = about["mark"].partition("-a")[0]
        return await self.plays[task_id].pop(0)(worktree)


class Advice:
    """Models that find every task not worth doing."""

    def __init__(self) -> None:
        self.postponed: dict[str, float] = {}

    async def where_to_begin(self, task: Task, instructions: int) -> int:
        return 1

    async def reason_to_skip(self, task: Task) -> Skip:
        return Skip("not worth it", "skipped: not worth it", "It is not worth it.")


class Hooks(Recorder):
    """Keeps every event; ``on`` holds what is to happen at the first of a name."""

    def __init__(self) -> None:
        super().__init__()
        self.on: dict[str, Callable[[], object]] = {}

    def __call__(self, event: Event) -> None:
        super().__call__(event)
        if hook := self.on.pop(event.name, None):
            hook()

    def reasons(self, name: str) -> list[str]:
        return [data["reason"] for data in self.named(name)]


class Rig:
    """An executor of isolated attempts over a real store and a real repository."""

    def __init__(
        self,
        directory: Path,
        store: SpyStore,
        io: AsyncIOManager,
        settings: Config,
        clock: Clock,
        assessor: Any = None,
    ) -> None:
        self.layout = layout(settings, directory)
        self.repository = Repository(self.layout.project)
        self.store = store
        self.clock = clock
        self.told = Hooks()
        self.driver = Driver()
        self.feedback: list[tuple[str, Failure | None]] = []
        self.cancelled: set[str] = set()
        self.workshop = AsyncWorkshop(
            config=settings,
            layout=self.layout,
            target="main",
            environment={**ENVIRONMENT, "XDG_STATE_HOME": str(directory / "state")},
            store=store,
            io=io,
            git=AsyncGit(ENVIRONMENT),
            sink=self.told,
            clock=clock,
        )
        common: dict[str, Any] = {
            "config": settings,
            "store": store,
            "sink": self.told,
            "clock": clock,
        }
        runner = AsyncInstructionRunner(
            layout=self.layout,
            io=io,
            agents=AsyncAgents(self.driver, io),
            journal=Recorder(),
            **common,
        )
        self.settlement = AsyncSettlement(
            todo=AsyncTodoManager(io, self.layout.project, "md"),
            status=AsyncStatusManager(io, self.layout.status, clock=clock),
            on_change=lambda: None,
            **common,
        )
        agents = {name: CommandAgent(name, entry) for name, entry in settings.agents.items()}
        baton = Baton(Memory())
        attempt = AsyncIsolatedAttempt(
            agents=agents,
            policy=policy_of(settings.recovery),
            max_attempts=settings.max_attempts,
            store=store,
            runner=runner,
            workspaces=self.workshop.workspaces,
            delivery=self.workshop.delivery,
            settlement=self.settlement,
            on_change=lambda: None,
            feedback=lambda agent, failure: self.feedback.append((agent, failure)),
            clock=clock,
            baton=baton,
            assessor=assessor,
        )
        self.executor = AsyncTaskExecutor(
            config=settings,
            agent="one",
            store=store,
            attempt=attempt,
            settlement=self.settlement,
            clock=clock,
            baton=baton,
            cancelled=lambda task_id: task_id in self.cancelled,
            assessor=assessor,
        )

    async def execute(self, task: Task, *played: Play) -> float | None:
        """One attempt, in which the agent plays what is given."""
        self.driver.plays[task.id] = list(played)
        again = await self.executor.execute(task)
        assert self.driver.plays[task.id] == []
        return again

    async def stored(self, task: Task) -> Task:
        found: Task | None = await rt.wait_for_future(self.store.task(task.id))
        assert found is not None
        return found

    async def state(self, task: Task) -> TaskState:
        stored = await self.stored(task)
        return stored.state

    def prompts(self) -> list[str]:
        return [run.prompt for run in self.driver.runs]

    def show(self, name: str) -> str:
        """A file as it is on the target branch."""
        return self.repository.git("show", f"main:{name}")

    def list(self) -> str:
        """The list as it is in the checkout."""
        return (self.repository.path / "todo.md").read_text("utf-8")

    def snapshots(self) -> Sequence[str]:
        """The subjects of the snapshots, in the order of their names."""
        asked = ("for-each-ref", "--format=%(subject)", "refs/codeagent/snap")
        return self.repository.git(*asked).splitlines()


def settings(*checks: str, steps: int = 1, **sections: Any) -> Config:
    """A configuration with the agents ``one`` and ``two``; ``checks`` are lines for ``sh``."""
    entries = [
        {
            **ONE_STEP,
            "instruction_id": number,
            "name": f"step {number}",
            "template": f"{{task_name}}: step {number}",
            "wait_for_file": f"docs/results/step_{number}.md",
        }
        for number in range(1, steps + 1)
    ]
    agent = {"command": ["one"], "resume": ["--resume", "{session}"], "output": "stream-json"}
    defaults: dict[str, Any] = {
        "runtime": {"agent": "one", "retry_delay": 0},
        "agents": {"one": agent},
        "instructions": {"default": [ONE_STEP] if steps == 1 else entries},
        "verify": {"commands": [{"shell": line} for line in checks]},
        "limits": {"disk_floor": 0},
        "landing": {"retry": 0.05},
    }
    return config(**{**defaults, **sections})


def project(directory: Path, tasks: int = 1, **files: str) -> list[Task]:
    """A repository with a list of tasks, and these."""
    lines = "".join(f"- [ ] task {number}\n" for number in range(1, tasks + 1))
    files = {"todo__md": lines, "__gitignore": IGNORED, **files}
    make_repository(directory / "project", **files)
    return [
        Task(f"task_{number}", f"task {number}", source="todo.md", created_at=NOW)
        for number in range(1, tasks + 1)
    ]


IGNORED = ".codeagent/\ndocs/results/\ncodeAgentProjectStatus.md\n"


@asynccontextmanager
async def server(
    directory: Path,
    configuration: Config | None = None,
    clock: Clock | None = None,
    assessor: Any = None,
) -> AsyncGenerator[Rig]:
    """A server's attempts for the block, with whatever is stored in ``directory``."""
    with spied_store(directory) as store:
        async with AsyncIOManager() as io, rt.TaskGroup() as group:
            chosen = configuration or settings()
            rig = Rig(directory, store, io, chosen, clock or Clock(), assessor)
            await rt.wait_for_future(store.recover(rig.clock()))
            await rig.workshop.open()
            landing = group.start_soon(rig.workshop.run)
            try:
                yield rig
            finally:
                landing.cancel()


async def added(rig: Rig, tasks: list[Task]) -> list[Task]:
    """The tasks, put into the store."""
    await rt.wait_for_future(rig.store.add_tasks(tasks))
    return tasks
