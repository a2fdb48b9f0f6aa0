"""An executor over a real store, with a driver that plays the agent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from codeagent._async.agent_port import AsyncAgents
from codeagent._async.agents import AgentOutcome, AsyncAgentDriver
from codeagent._async.instructions import AsyncInstructionRunner
from codeagent._async.io import AsyncIOManager
from codeagent._async.reports import Report
from codeagent._runtime import async_runtime as rt
from codeagent.core.agent_run import Ending
from codeagent.core.config import Config

from ..support.world import Recorder, SpyStore, config, spied_store, stand_in
from .attempt_rig import AttemptRig

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


class Rig(AttemptRig):
    """An executor over a real store, whose agent is played."""

    def __init__(self, directory: Path, store: SpyStore, io: AsyncIOManager, settings: Config):
        super().__init__(directory, store, io, settings)
        self.driver = Driver()
        self.journal = Recorder()
        runner = AsyncInstructionRunner(
            layout=self.layout,
            io=io,
            agents=AsyncAgents(self.driver, io),
            journal=self.journal,
            **self.common,
        )
        self.executor = self.executor_of(stand_in().label, {"stand-in": stand_in()}, runner)

    def status(self) -> str:
        return self.layout.status.read_text("utf-8")


@contextmanager
def rigged(directory: Path, io: AsyncIOManager, settings: Config | None = None) -> Iterator[Rig]:
    with spied_store(directory) as store:
        yield Rig(directory, store, io, settings or config())
