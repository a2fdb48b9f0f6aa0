"""The port to agents: one run of one agent, with whatever it is watched by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from .._runtime import async_runtime as rt
from ..core.agent_run import Ending, Limits
from ..core.agents import Launch
from ..core.streams import AgentEvent
from .agents import AgentOutcome, AsyncAgentDriver
from .io import AsyncIOManager
from .reports import AsyncReportWatch


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentJob:
    """What is to be run, and who hears of it.

    The report is looked for under the names ``reports``, relative to ``cwd``;
    their directories are made.  ``record`` is given id and start time of the
    process, on whichever thread it was started, and returns what is to be waited
    for before ``on_start`` is told of the id.
    """

    launch: Launch
    limits: Limits
    cwd: Path
    log: Path
    record: Callable[[int, str], rt.Future[None] | None]
    on_start: Callable[[int], None]
    on_event: Callable[[AgentEvent], None]
    reports: tuple[str, ...] = ()
    phrase: str | None = None
    environment: Mapping[str, str] | None = None
    mark: str = ""


class AgentFailed(Exception):
    """The agent did not succeed; the ``outcome`` says why."""

    def __init__(self, outcome: AgentOutcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class AsyncAgents:
    """Runs agents by a driver; ``io`` tells of their reports."""

    def __init__(self, driver: AsyncAgentDriver, io: AsyncIOManager) -> None:
        self._driver = driver
        self._io = io

    def kill_all(self) -> None:
        """End every agent at once."""
        self._driver.kill_all()

    async def run(self, job: AgentJob) -> AgentOutcome:
        """Run an agent to its end; raises what its driver raises."""
        recorded: list[rt.Future[None]] = []

        def on_spawn(pid: int, started: str) -> None:
            if (kept := job.record(pid, started)) is not None:
                recorded.append(kept)

        async def on_start(process: rt.Process) -> None:
            for kept in recorded:
                await rt.wait_for_future(kept)
            job.on_start(process.pid)

        async with AsyncExitStack() as stack:
            watch = None
            if job.reports:
                watch = AsyncReportWatch(self._io, job.cwd, job.reports, job.phrase)
                await stack.enter_async_context(watch)
                await watch.make_directories()
            return await self._driver.run(
                job.launch,
                job.limits,
                cwd=job.cwd,
                log=job.log,
                watch=watch,
                environment=job.environment,
                mark=job.mark,
                on_spawn=on_spawn,
                on_start=on_start,
                on_event=job.on_event,
            )

    async def succeed(self, job: AgentJob) -> AgentOutcome:
        """As `run`, but raises `AgentFailed` if the agent did not succeed."""
        outcome = await AsyncAgents.run(self, job)
        if outcome.ending is not Ending.SUCCEEDED:
            raise AgentFailed(outcome)
        return outcome
