# Generated from src/_async/delivery.py. Do not edit.
"""Takes finished work from its worktree to the target branch."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .._runtime import sync_runtime as rt
from ..core.errors import explain
from ..core.events import Event, Sink
from ..core.failure import Failure, FailureKind
from ..core.landing import Conflict, Landed, LandingRequest, Refusal, Rejected
from ..core.landing_conflict import instruction
from ..core.repair import mend_checks, mend_findings, nothing_changed
from ..core.task import Fenced, Task
from ..core.verify import Evidence, Shortfall, compared, fails
from ..core.workspace import Changes, Workspace
from ..store import Store
from .aftermath import TROUBLE
from .landing import Landing
from .verify import Verifier
from .workspaces import Workspaces

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Why the work is not on the target branch, and what an agent can do about it.

    ``request`` is what to tell an agent, "" if none can help.  Where there is a
    ``conflict``, both sides are put together first, with `join`.
    """

    failure: Failure
    request: str = ""
    conflict: Conflict | None = None


class Delivery:
    """Commits, verifies and lands, each recorded before the next.

    ``reports`` gives, for the id of a task, patterns of files that are no part
    of its work.
    """

    def __init__(
        self,
        *,
        workspaces: Workspaces,
        verifier: Verifier,
        landing: Landing,
        store: Store,
        sink: Sink,
        logs: Path,
        reports: Callable[[str], Sequence[str]],
        clock: Callable[[], float],
    ) -> None:
        self._workspaces = workspaces
        self._verifier = verifier
        self._landing = landing
        self._store = store
        self._sink = sink
        self._logs = logs
        self._reports = reports
        self._clock = clock
        self._state = rt.StateLock()
        self._verified: dict[str, tuple[str, Evidence]] = {}
        self._begun: set[str] = set()

    def deliver(self, task: Task, workspace: Workspace) -> Landed | Undelivered:
        """Bring what is in the workspace to the target, if it is good.

        Raises `Fenced`, `GitError`, `WorkspaceError`, `OSError` and `StoreError`.
        """
        self.phase(task, "verifying")
        message = f"{task.text}\n\nCodeagent-Task: {task.id}\nCodeagent-Attempt: {task.epoch}\n"
        patterns = self._reports(task.id)
        reports = rt.run_blocking(_matching, workspace.path, patterns)
        changes = self._workspaces.commit(workspace, message, reports)
        self._note(task, base=changes.base, commit_id=changes.commit)
        rt.wait_for_future(self._store.learn_paths(task.id, changes.files))
        evidence = self._verify(task, workspace, changes)
        if evidence.ok or self._is_mended(evidence, changes.base):
            return self._land(task, workspace, changes, evidence)
        return _unverified(evidence, combined=False, base=changes.base)

    def join(self, task: Task, workspace: Workspace, conflict: Conflict) -> str:
        """Put both sides into the workspace; what to tell an agent, so that it joins them.

        Raises `GitError` and `WorkspaceError`.
        """
        subjects = self._workspaces.merge(workspace, conflict.target_commit)
        return instruction(conflict, task.text, subjects)

    def _verify(self, task: Task, workspace: Workspace, changes: Changes) -> Evidence:
        with self._state:
            commit, known = self._verified.get(task.id, ("", None))
        if known is not None and commit == changes.commit:
            return known
        began = self._clock()
        evidence = self._verifier.verify(
            workspace.path,
            environment=workspace.environment,
            log_directory=self._logs / task.id,
            changes=changes,
            label=f"verify-a{task.epoch}",
        )
        if fails(evidence):
            evidence = self._compared(evidence, changes.base)
        self._note(task, evidence=evidence.to_text())
        self._say(
            "verify.done",
            task,
            ok=evidence.ok,
            reason=evidence.reason,
            findings=list(evidence.findings),
            seconds=round(self._clock() - began, 3),
        )
        if evidence.ok:
            with self._state:
                self._verified[task.id] = (changes.commit, evidence)
        return evidence

    def _compared(self, evidence: Evidence, base: str) -> Evidence:
        """The evidence of what fails, and whether it fails without the work, too."""
        try:
            return compared(evidence, self._landing.failure(base), base)
        except TROUBLE as error:
            logger.warning("%s could not be verified by itself: %s", base, explain(error))
            return evidence

    def _is_mended(self, evidence: Evidence, base: str) -> bool:
        """Whether what fails may pass together with what has landed since ``base``."""
        try:
            return evidence.shortfall is Shortfall.BASE and self._landing.is_mended(base)
        except TROUBLE as error:
            logger.warning("the target could not be verified by itself: %s", explain(error))
            return False

    def phase(self, task: Task, name: str) -> None:
        """Record and announce what the attempt is at. Raises `Fenced`."""
        self._note(task, phase=name)
        with self._state:
            self._begun.add(task.id)
            several = len(self._begun) > 1
        if several and name == "working":
            self._landing.expect_several()
        self._say("task.phase", task, phase=name)

    def _land(
        self, task: Task, workspace: Workspace, changes: Changes, evidence: Evidence
    ) -> Landed | Undelivered:
        self.phase(task, "landing")
        request = LandingRequest(task=task, workspace=workspace, changes=changes, evidence=evidence)
        outcome = self._landing.land(request)
        match outcome:
            case Landed():
                with self._state:
                    self._verified.pop(task.id, None)
                return outcome
            case Conflict():
                names = ", ".join(outcome.files[:5])
                reason = f"conflicts with what landed meanwhile: {names}"
                return Undelivered(Failure(FailureKind.CONFLICT, reason), conflict=outcome)
            case Rejected(refusal=Refusal.STALE):
                raise Fenced(outcome.reason)
            case Rejected(evidence=Evidence() as found) if outcome.refusal is not Refusal.TARGET:
                return _unverified(found, combined=True)
            case Rejected():
                return Undelivered(Failure(_REFUSALS[outcome.refusal], outcome.reason))

    def _note(self, task: Task, **notes: str | int | None) -> None:
        rt.wait_for_future(self._store.note_attempt(task.id, task.epoch, self._clock(), **notes))

    def _say(self, name: str, task: Task, /, **data: object) -> None:
        self._sink(Event(name, self._clock(), task.id, task.epoch, data))


def _matching(directory: Path, patterns: Sequence[str]) -> list[str]:
    found = (path for pattern in patterns for path in directory.glob(pattern))
    return [path.relative_to(directory).as_posix() for path in found]


_REFUSALS = {
    Refusal.VERIFICATION: FailureKind.VERIFY_FAILED,
    Refusal.TARGET: FailureKind.CHECKS_UNUSABLE,
    Refusal.EMPTY: FailureKind.NO_CHANGES,
    Refusal.MOVING: FailureKind.UNKNOWN,
    Refusal.ERROR: FailureKind.UNKNOWN,
}


def _unverified(evidence: Evidence, *, combined: bool, base: str = "") -> Undelivered:
    match evidence.shortfall:
        case Shortfall.NO_CHANGES:
            return Undelivered(Failure(FailureKind.NO_CHANGES, evidence.reason), nothing_changed())
        case Shortfall.MISSING:
            return Undelivered(Failure(FailureKind.CHECKS_UNUSABLE, evidence.reason))
        case Shortfall.REFUSED:
            return Undelivered(
                Failure(FailureKind.VERIFY_FAILED, evidence.reason),
                mend_findings(evidence.findings),
            )
    last = evidence.commands[-1]
    code = None if last.timed_out else last.exit_code
    is_old = evidence.shortfall is Shortfall.BASE
    text = mend_checks(
        last.command, code, last.output, combined=combined, base=base if is_old else ""
    )
    kind = FailureKind.BASE_FAILING if is_old else FailureKind.VERIFY_FAILED
    return Undelivered(Failure(kind, evidence.reason), text)
