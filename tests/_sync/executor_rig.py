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
from codeagent._sync.instructions import InstructionRunner
from codeagent._sync.io import IOManager
from codeagent._sync.reports import Report
from codeagent.core.agent_run import Ending
from codeagent.core.config import Config

from ..support.world import Recorder, SpyStore, config, spied_store, stand_in
from .attempt_rig import AttemptRig

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


class Rig(AttemptRig):
    """An executor over a real store, whose agent is played."""

    def __init__(self, directory: Path, store: SpyStore, io: IOManager, settings: Config):
        super().__init__(directory, store, io, settings)
        self.driver = Driver()
        self.journal = Recorder()
        runner = InstructionRunner(
            layout=self.layout,
            io=io,
            agents=Agents(self.driver, io),
            journal=self.journal,
            **self.common,
        )
        self.executor = self.executor_of(stand_in().label, {"stand-in": stand_in()}, runner)

    def status(self) -> str:
        return self.layout.status.read_text("utf-8")


@contextmanager
def rigged(directory: Path, io: IOManager, settings: Config | None = None) -> Iterator[Rig]:
    with spied_store(directory) as store:
        yield Rig(directory, store, io, settings or config())
