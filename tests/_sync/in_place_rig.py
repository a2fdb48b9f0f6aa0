# Generated from tests/_async/in_place_rig.py. Do not edit.
"""Attempts in place, with a runner that plays the instructions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeagent._runtime import sync_runtime as rt
from codeagent._sync.instructions import Manner, StepOutcome
from codeagent._sync.io import IOManager
from codeagent.core.agents import Adapter, ClaudeAgent, CodexAgent
from codeagent.core.config import Config
from codeagent.core.failure import Failure, FailureKind
from codeagent.core.instructions import Instruction
from codeagent.core.recovery import UNRESTORED
from codeagent.core.task import StepState, Task

from ..support.world import NOW, Clock, SpyStore, config, spied_store
from .attempt_rig import AttemptRig

STALLED = Failure(FailureKind.STALLED, "no sign of life")
CRASH = Failure(FailureKind.AGENT_CRASHED, "exit code 3", tools_ran=True)
HARMLESS = Failure(FailureKind.AGENT_CRASHED, "exit code 3")
NO_MODEL = Failure(FailureKind.MODEL_UNAVAILABLE, "no such model")
MISSING = Failure(FailureKind.AGENT_MISSING, "no such program", unusable=True)
QUOTA = Failure(FailureKind.QUOTA, "the quota is used up", reset_at=NOW + 600, tools_ran=True)
REFUSED = Failure(FailureKind.REFUSED, "not accepted")
CLAUDE: Mapping[str, Adapter] = {"claude": ClaudeAgent("/bin/claude", models=("small", "tiny"))}
TWO: Mapping[str, Adapter] = {**CLAUDE, "codex": CodexAgent("/bin/codex")}


@dataclass(frozen=True)
class Run:
    """What the runner was told."""

    position: int
    agent: str
    model: str | None = None
    session: str | None = None
    warned: bool = False


class Runner:
    """Plays the failures that it is given, one for each run; then all goes well."""

    def __init__(self, store: SpyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.failures: list[Failure | None] = []
        self.runs: list[Run] = []
        self.requests: list[str] = []
        self.during: Callable[[], rt.Result[None]] | None = None
        self.mending: Callable[[], None] | None = None

    def run(self, task: Task, instruction: Instruction, manner: Manner) -> StepOutcome:
        position = instruction.position
        self._note(position, manner)
        rt.wait_for_future(
            self._store.begin_step(task.id, task.epoch, position, position, "x", self._clock())
        )
        if self.during is not None:
            self.during()
        failure = self.failures.pop(0) if self.failures else None
        state = StepState.DONE if failure is None else StepState.FAILED
        task = rt.wait_for_future(
            self._store.finish_step(task.id, task.epoch, position, state, self._clock())
        )
        return StepOutcome(task, failure, session=f"chat-{len(self.runs)}")

    def insert(self, task: Task, position: int, text: str, manner: Manner) -> StepOutcome:
        self._note(0, manner)
        self.requests.append(text)
        failure = self.failures.pop(0) if self.failures else None
        if failure is None and self.mending is not None:
            self.mending()
        return StepOutcome(task, failure, session=f"chat-{len(self.runs)}")

    def _note(self, position: int, manner: Manner) -> None:
        warned = manner.preamble == UNRESTORED
        label = manner.adapter.label
        self.runs.append(Run(position, label, manner.model, manner.session, warned))


class Rig(AttemptRig):
    """An executor of attempts in place whose instructions are played."""

    def __init__(
        self,
        directory: Path,
        store: SpyStore,
        io: IOManager,
        settings: Config,
        agents: Mapping[str, Adapter],
    ) -> None:
        super().__init__(directory, store, io, settings)
        self.runner = Runner(store, self.clock)
        self.executor = self.executor_of("Claude", agents, self.runner)

    def run(self, *failures: Failure | None) -> float | None:
        """One attempt; what was told to the runner before is forgotten."""
        self.runner.failures = list(failures)
        self.runner.runs = []
        return self.executor.execute(self.stored())

    def last(self) -> Any:
        """What is known of the last attempt."""
        rows = rt.wait_for_future(self.store.attempts("task_1"))
        return rows[-1]


@contextmanager
def rigged(
    directory: Path,
    io: IOManager,
    agents: Mapping[str, Adapter] = CLAUDE,
    **sections: Any,
) -> Iterator[Rig]:
    with spied_store(directory) as store:
        yield Rig(directory, store, io, config(**sections), agents)
