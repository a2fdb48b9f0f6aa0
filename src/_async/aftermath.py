"""What becomes of an attempt that failed: recorded, and followed by what the policy names."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .._runtime import async_runtime as rt
from ..core.errors import explain, is_disk_full
from ..core.failure import Failure, FailureKind, Step
from ..core.recovery import UNRESTORED, Continuation, Policy, Recovery, Tried, decide, tried
from ..core.task import Task
from ..core.workspace import DiskFull, SetupFailed, Workspace, WorkspaceError
from ..store import Store
from .git import GitError
from .instructions import AgentUnusable, Manner
from .settlement import AsyncSettlement
from .workspaces import AsyncWorkspaces

if TYPE_CHECKING:
    from ..core.llm.skips import Skip

logger = logging.getLogger(__name__)

TROUBLE = (WorkspaceError, GitError, OSError)
"""What git, the disk and the workspace raise."""


@dataclass(slots=True)
class Standing:
    """Where an attempt stands: the task, how it is worked on, and what was tried."""

    task: Task
    manner: Manner
    agent: str
    history: tuple[Tried, ...] = ()
    accepted: str | None = None
    session: str | None = None
    skip: Skip | None = None


class AsyncAftermath:
    """Ends attempts that failed. ``agents`` are the names of all, in order of preference."""

    def __init__(
        self,
        *,
        agents: Sequence[str],
        policy: Policy,
        max_attempts: int,
        store: Store,
        workspaces: AsyncWorkspaces,
        settlement: AsyncSettlement,
        clock: Callable[[], float],
    ) -> None:
        self._agents = agents
        self._policy = policy
        self._max_attempts = max_attempts
        self._store = store
        self._workspaces = workspaces
        self._settlement = settlement
        self._clock = clock

    def decide(self, state: Standing, failure: Failure) -> Recovery:
        """The step that the policy names for this failure."""
        return decide(
            failure,
            state.history,
            self._policy,
            self._clock(),
            session=state.session if state.manner.adapter.resumes else None,
            model=state.manner.model,
            agent=state.agent,
            models=state.manner.adapter.models,
            agents=self._agents,
        )

    async def follow_up(self, state: Standing, failure: Failure, position: int) -> float | None:
        """End the attempt as the policy says; returns as `end` does."""
        return await self.end(state, failure, self.decide(state, failure), position)

    async def end(
        self, state: Standing, failure: Failure, recovery: Recovery, position: int
    ) -> float | None:
        """End the attempt as was decided; returns when the next one may start, None if none is.

        ``position`` is the instruction that failed, 0 for what comes after the last
        one.  Raises `AgentUnusable`.
        """
        task, workspace = state.task, state.manner.workspace
        if recovery.snapshot:
            recovery = await self._recorded(workspace, failure, recovery)
        entry = tried(failure, recovery, model=state.manner.model, agent=state.agent)
        following = Continuation.of(recovery, position, (*state.history, entry))
        await rt.wait_for_future(
            self._store.note_attempt(
                task.id,
                task.epoch,
                self._clock(),
                agent=state.agent,
                model=state.manner.model,
                session=state.session,
                failure=failure.kind.value,
                recovery=following.to_text(),
                tools_ran=int(failure.tools_ran),
            )
        )
        if failure.unusable and recovery.step is Step.PERSON:
            raise AgentUnusable(failure.reason)
        return await self._settle(task, workspace, failure, recovery)

    async def _recorded(
        self, workspace: Workspace, failure: Failure, recovery: Recovery
    ) -> Recovery:
        """Snapshot the workspace; what cannot be recorded is not given up either."""
        try:
            await self._workspaces.snapshot(workspace, f"failed: {failure.kind}")
        except TROUBLE as error:
            logger.warning("%s cannot be recorded: %s", workspace.path, explain(error))
            preamble = recovery.preamble or UNRESTORED
            return replace(recovery, restore=False, preamble=preamble)
        return recovery

    async def _settle(
        self, task: Task, workspace: Workspace | None, failure: Failure, recovery: Recovery
    ) -> float | None:
        settlement, until = self._settlement, recovery.not_before
        if recovery.step is Step.PERSON:
            reason = recovery.attention or failure.reason
            await rt.shielded(settlement.escalated, task, failure.reason, reason)
        elif recovery.step in (Step.WAIT, Step.PARK):
            await rt.shielded(settlement.parked, task, recovery.message, until)
            return until
        elif task.attempts >= self._max_attempts:
            reason = f"has failed {task.attempts} times, at last: {failure.reason}"
            await rt.shielded(settlement.escalated, task, failure.reason, reason)
        else:
            await rt.shielded(settlement.tried_again, task, failure.reason, until)
            return until
        if workspace is not None:
            await rt.shielded(self.release, workspace, landed=False)
        return None

    async def release(self, workspace: Workspace, *, landed: bool) -> None:
        """The workspace is not needed any more, or not for now."""
        try:
            await self._workspaces.release(workspace, landed=landed)
        except TROUBLE as error:  # the next server clears it away
            logger.warning("%s cannot be put away: %s", workspace.path, explain(error))

    async def give_up(self, task: Task, failure: Failure) -> float | None:
        """End an attempt that has no workspace; returns as `end` does."""
        name = self._agents[0]
        rows = await rt.wait_for_future(self._store.attempts(task.id))
        before = [row for row in rows if row.epoch < task.epoch]
        last = None if not before or before[-1].base else before[-1].recovery
        decided = Continuation.from_text(last)
        history = () if decided is None or decided.step is Step.PERSON else decided.history
        recovery = decide(failure, history, self._policy, self._clock(), agent=name)
        following = Continuation.of(recovery, 0, (*history, tried(failure, recovery)))
        await rt.wait_for_future(
            self._store.note_attempt(
                task.id,
                task.epoch,
                self._clock(),
                failure=failure.kind.value,
                recovery=following.to_text(),
            )
        )
        return await self._settle(task, None, failure, recovery)


def unready(error: BaseException) -> Failure:
    """Why there is no workspace."""
    if isinstance(error, SetupFailed):
        return Failure(FailureKind.SETUP_FAILED, explain(error))
    kind = FailureKind.DISK_FULL if _is_full(error) else FailureKind.UNKNOWN
    return Failure(kind, explain(error))


def hindered(error: BaseException) -> Failure:
    """Why the attempt could not be gone on with, whatever the agent did."""
    kind = FailureKind.DISK_FULL if _is_full(error) else FailureKind.UNKNOWN
    return Failure(kind, explain(error), tools_ran=True)


def _is_full(error: BaseException) -> bool:
    return isinstance(error, DiskFull) or is_disk_full(error)
