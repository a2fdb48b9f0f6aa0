# Generated from src/_async/agent_port.py. Do not edit.
"""The port to agents: one run of one agent, with whatever it is watched by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from .._runtime import sync_runtime as rt
from ..core.agent_run import Ending, Limits
from ..core.agents import Launch
from ..core.streams import AgentEvent
from .agents import AgentDriver, AgentOutcome
from .io import IOManager
from .reports import ReportWatch


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


class Agents:
    """Runs agents by a driver; ``io`` tells of their reports."""

    def __init__(self, driver: AgentDriver, io: IOManager) -> None:
        self._driver = driver
        self._io = io

    def kill_all(self) -> None:
        """End every agent at once."""
        self._driver.kill_all()

    def run(self, job: AgentJob) -> AgentOutcome:
        """Run an agent to its end; raises what its driver raises."""
        recorded: list[rt.Future[None]] = []

        def on_spawn(pid: int, started: str) -> None:
            if (kept := job.record(pid, started)) is not None:
                recorded.append(kept)

        def on_start(process: rt.Process) -> None:
            for kept in recorded:
                rt.wait_for_future(kept)
            job.on_start(process.pid)

        with ExitStack() as stack:
            watch = None
            if job.reports:
                watch = ReportWatch(self._io, job.cwd, job.reports, job.phrase)
                stack.enter_context(watch)
                watch.make_directories()
            return self._driver.run(
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

    def succeed(self, job: AgentJob) -> AgentOutcome:
        """As `run`, but raises `AgentFailed` if the agent did not succeed."""
        outcome = Agents.run(self, job)
        if outcome.ending is not Ending.SUCCEEDED:
            raise AgentFailed(outcome)
        return outcome
