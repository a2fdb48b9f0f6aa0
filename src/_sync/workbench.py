# Generated from src/_async/workbench.py. Do not edit.
"""What work in the project's own directory takes beside an agent: verification, pushes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .._runtime import sync_runtime as rt
from ..core.config import Config
from ..core.events import Event, Sink
from ..core.failure import Failure, FailureKind
from ..core.fallback import STATE_FILE
from ..core.instructions import Instruction
from ..core.layout import Layout
from ..core.redact import secret_values
from ..core.repair import mend_checks
from ..core.task import Task
from ..core.verify import Evidence, Shortfall, is_wanted
from ..store import Store
from .fallback import ModelFallback
from .git import Git
from .io import IOManager
from .push import AutoPush, Pusher
from .verify import Verifier


@dataclass(frozen=True, slots=True)
class Unverified:
    """Why the work is not good, and what to tell an agent, "" if none can help."""

    failure: Failure
    request: str = ""


class Workbench:
    """Verifies what tasks have done in place, and pushes what they have committed."""

    def __init__(
        self,
        *,
        config: Config,
        layout: Layout,
        environment: Mapping[str, str],
        store: Store,
        io: IOManager,
        git: Git,
        sink: Sink,
        clock: Callable[[], float],
    ) -> None:
        self._layout = layout
        self._environment = environment
        self._store = store
        self._sink = sink
        self._clock = clock
        self._wanted = is_wanted(config.verify, in_place=True)
        self._verifier = Verifier(
            config.verify,
            secrets=secret_values(environment),
            keep=config.workspace.environment,
        )
        self._push = AutoPush(
            Pusher(git, layout.project),
            enabled=config.security.auto_push_enabled,
            sink=sink,
            clock=clock,
        )
        self.fallback = ModelFallback(io, layout.root / STATE_FILE, clock=clock)

    def kill_all(self) -> None:
        """End every verification at once."""
        self._verifier.kill_all()

    def push_after(self, task: Task, instruction: Instruction) -> None:
        """Push if the instruction, which has succeeded, says that it has committed."""
        self._push.push_after(task, instruction.phrase or "")

    def verify(self, task: Task) -> Unverified | None:
        """Run the commands that say whether the work is good, if there are any.

        Raises `Fenced`, `OSError` and `StoreError`.
        """
        if not self._wanted:
            return None
        began = self._clock()
        self._note(task, phase="verifying")
        self._say("task.phase", task, phase="verifying")
        evidence = self._verifier.verify(
            self._layout.project,
            environment=self._environment,
            log_directory=self._layout.logs / "verify" / task.id,
            label=f"verify-a{task.epoch}",
        )
        self._note(task, evidence=evidence.to_text())
        self._say(
            "verify.done",
            task,
            ok=evidence.ok,
            reason=evidence.reason,
            findings=list(evidence.findings),
            seconds=round(self._clock() - began, 3),
        )
        return None if evidence.ok else _unverified(evidence)

    def _note(self, task: Task, **notes: str) -> None:
        rt.wait_for_future(self._store.note_attempt(task.id, task.epoch, self._clock(), **notes))

    def _say(self, name: str, task: Task, /, **data: object) -> None:
        self._sink(Event(name, self._clock(), task.id, task.epoch, data))


def _unverified(evidence: Evidence) -> Unverified:
    if evidence.shortfall is Shortfall.MISSING:
        return Unverified(Failure(FailureKind.CHECKS_UNUSABLE, evidence.reason))
    failure = Failure(FailureKind.VERIFY_FAILED, evidence.reason)
    last = evidence.commands[-1]
    code = None if last.timed_out else last.exit_code
    return Unverified(failure, mend_checks(last.command, code, last.output, combined=False))
