"""An attempt in a worktree of the task's own, from its first instruction to its landing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .._runtime import async_runtime as rt
from ..core.agents import Adapter
from ..core.errors import first
from ..core.failure import Failure, FailureKind, Step
from ..core.handover import Baton
from ..core.instructions import Instruction
from ..core.landing import FORWARDED, Landed
from ..core.llm.skips import Skip
from ..core.recovery import UNRESTORED, Continuation, Policy, Recovery, Tried, decide, tried
from ..core.task import Task, remaining
from ..core.workspace import DiskFull, Workspace, WorkspaceError
from ..store import AttemptRow, Store
from .delivery import AsyncDelivery, Undelivered
from .following import AsyncFollowUp
from .instructions import AgentUnusable, AsyncInstructionRunner, Manner, StepOutcome
from .locks import AsyncLockManager
from .settlement import AsyncSettlement
from .workspaces import AsyncWorkspaces

if TYPE_CHECKING:
    from .assessment import AsyncAssessor

AT_ONCE = 1.0
"""Seconds; what may start so soon is not worth giving up the place for."""


@dataclass(slots=True)
class _State:
    """Where an attempt stands: the task, how it is worked on, and what was tried."""

    task: Task
    manner: Manner
    agent: str
    history: tuple[Tried, ...] = ()
    accepted: str | None = None
    session: str | None = None
    skip: Skip | None = None


class AsyncIsolatedAttempt:
    """Instruction after instruction, then verification and landing.

    What fails is told apart and followed by the step that the policy names; an
    attempt whose next step is not for at once ends, and another one goes on.
    """

    def __init__(
        self,
        *,
        agents: Mapping[str, Adapter],
        policy: Policy,
        max_attempts: int,
        store: Store,
        runner: AsyncInstructionRunner,
        workspaces: AsyncWorkspaces,
        delivery: AsyncDelivery,
        settlement: AsyncSettlement,
        on_change: Callable[[], None],
        feedback: Callable[[str, Failure | None], None],
        clock: Callable[[], float],
        baton: Baton,
        assessor: AsyncAssessor | None = None,
    ) -> None:
        self._agents = agents
        self._policy = policy
        self._max_attempts = max_attempts
        self._store = store
        self._runner = runner
        self._workspaces = workspaces
        self._delivery = delivery
        self._settlement = settlement
        self._on_change = on_change
        self._feedback = feedback
        self._clock = clock
        self._baton = baton
        self._assessor = assessor
        self._follow_up = AsyncFollowUp(assessor, runner, baton) if assessor else None
        self._claims = AsyncLockManager()  # of files, by those who join conflicts in them

    async def run(self, task: Task, steps: tuple[Instruction, ...]) -> float | None:
        """Take the task to its landing; returns when the next attempt may start.

        Raises `AgentUnusable`.
        """
        try:
            return await self._run(task, steps)
        except BaseExceptionGroup as group:
            raise first(group) from None

    async def _run(self, task: Task, steps: tuple[Instruction, ...]) -> float | None:
        began = self._clock()
        await self._delivery.phase(task, "preparing")
        try:
            state, skip = await self._prepare(task)
        except BaseExceptionGroup as group:
            error = first(group)
            if not isinstance(error, WorkspaceError):
                raise
            return await self._give_up(task, _unready(error))
        if skip is not None:
            await self._skip(state, skip)
            return None
        await self._delivery.phase(task, "working")
        failure = await self._work(state, steps)
        if failure is not None:
            return await self._recover(state, failure, _position(state.task))
        if state.skip is not None:
            await self._skip(state, state.skip)
            return None
        return await self._deliver(state, began)

    async def _prepare(self, task: Task) -> tuple[_State, Skip | None]:
        """The worktree, and meanwhile the models' word on whether it is needed."""
        async with rt.TaskGroup() as group:
            opening = group.start_soon(self._open, task)
            skip = None if self._assessor is None else await self._assessor.reason_to_skip(task)
            return await opening.wait(), skip

    async def _open(self, task: Task) -> _State:
        """The worktree as the last attempt left it, or as it is to be gone on from."""
        rows = await rt.wait_for_future(self._store.attempts(task.id))
        before = [row for row in rows if row.epoch < task.epoch]
        workspace = await self._workspaces.open(task)
        await rt.wait_for_future(
            self._store.note_attempt(
                task.id, task.epoch, self._clock(), base=workspace.base, branch=workspace.branch
            )
        )
        state = self._start(task, workspace, before)
        if before:
            await self._resume(state, before[-1])
        return state

    def _start(self, task: Task, workspace: Workspace, before: Sequence[AttemptRow]) -> _State:
        name = next(iter(self._agents))
        manner = Manner(workspace=workspace, adapter=self._agents[name])
        accepted = next((row.snapshot for row in reversed(before) if row.snapshot), None)
        return _State(task, manner, name, accepted=accepted if task.completed else None)

    async def _resume(self, state: _State, last: AttemptRow) -> None:
        """Go on as was decided after the last attempt, or from where it was cut off."""
        workspace = state.manner.workspace
        decided = Continuation.from_text(last.recovery)
        if decided is None:
            if await self._workspaces.differs(workspace, state.accepted):
                await self._workspaces.snapshot(workspace, "interrupted")
                state.manner = replace(state.manner, preamble=UNRESTORED)
            return
        if decided.restore:
            await self._workspaces.restore(workspace, state.accepted)
        if decided.step is not Step.PERSON and decided.position == _position(state.task):
            state.history = decided.history  # otherwise a person has said to go on
        self._assign(state, decided.agent, decided.model, decided.session)
        state.manner = replace(state.manner, preamble=decided.preamble)

    async def _work(self, state: _State, steps: tuple[Instruction, ...]) -> Failure | None:
        """Carry out what is left of the instructions; why one failed, None if none did."""
        if self._follow_up is not None:
            looked = await self._follow_up.again(state.task, steps, state.manner)
            if looked is not None and looked.failure is not None:
                return self._heard(state, looked)
        for position in remaining(state.task):
            instruction = steps[position - 1]
            outcome = await self._runner.run(state.task, instruction, state.manner)
            state.task = outcome.task
            self._on_change()
            if (failure := self._heard(state, outcome)) is not None:
                if self._assessor is not None:
                    await self._assessor.comment_on_failure(state.task, instruction, failure.reason)
                return failure
            state.history = ()
            state.manner = replace(state.manner, session=None, preamble="")  # a chat of its own
            async with rt.TaskGroup() as group:
                if position < len(steps):
                    group.start_soon(self._accept, state)
                if self._follow_up is not None:
                    followed = await self._follow_up.follow(
                        state.task, steps, instruction, outcome.report, state.manner
                    )
                    if followed.skip is not None:
                        state.skip = followed.skip
                        return None
                    inserted = followed.inserted
                    if inserted is not None and inserted.failure is not None:
                        return self._heard(state, inserted)
            self._baton.boundary(state.task)
        return None

    async def _accept(self, state: _State) -> None:
        """Keep what is there now, to come back to it if what follows goes wrong."""
        task = state.task
        commit = await self._workspaces.snapshot(state.manner.workspace, "accepted")
        await rt.wait_for_future(
            self._store.note_attempt(task.id, task.epoch, self._clock(), snapshot=commit)
        )
        state.accepted = commit

    async def _deliver(self, state: _State, began: float) -> float | None:
        """Bring the work to the target branch, and have it mended as often as the policy allows."""
        claimed: frozenset[str] = frozenset()
        async with AsyncExitStack() as claims:
            while True:
                workspace = state.manner.workspace
                outcome = await self._delivery.deliver(state.task, workspace)
                if isinstance(outcome, Landed):
                    await rt.shielded(self._landed, state, outcome, began)
                    return None
                conflict = outcome.conflict
                if conflict is not None and not claimed.issuperset(conflict.files):
                    await claims.aclose()
                    claimed |= frozenset(conflict.files)
                    for name in sorted(claimed):
                        await claims.enter_async_context(self._claims.hold(name))
                    continue  # the target may have moved meanwhile
                recovery = self._decide(state, outcome.failure)
                mends = recovery.step in _RUNS and recovery.not_before <= self._clock() + AT_ONCE
                if not mends or not (outcome.request or conflict):
                    return await self._end(state, outcome.failure, recovery, 0)
                failed = await self._mend(state, outcome, recovery)
                if failed is not None:
                    return await self._recover(state, failed, 0)

    async def _mend(
        self, state: _State, trouble: Undelivered, recovery: Recovery
    ) -> Failure | None:
        """Have an agent see to what keeps the work from landing; why it failed, if it did."""
        await self._delivery.phase(state.task, "working")
        request = trouble.request
        if trouble.conflict is not None:
            workspace = state.manner.workspace
            request = await self._delivery.join(state.task, workspace, trouble.conflict)
        state.history += (
            tried(trouble.failure, recovery, model=state.manner.model, agent=state.agent),
        )
        self._assign(state, recovery.agent, recovery.model, recovery.session)
        position = state.task.total_instructions
        outcome = await self._runner.insert(state.task, position, request, state.manner)
        return self._heard(state, outcome)

    async def _landed(self, state: _State, landed: Landed, began: float) -> None:
        marked = landed.marked and landed.checkout == FORWARDED
        await self._settlement.done(state.task, began, marked=marked)
        await self._workspaces.release(state.manner.workspace, landed=True)

    async def _skip(self, state: _State, skip: Skip) -> None:
        await rt.shielded(
            self._settlement.skipped, state.task, skip.reason, skip.comment, skip.details
        )
        await rt.shielded(self._workspaces.release, state.manner.workspace, landed=False)

    def _heard(self, state: _State, outcome: StepOutcome) -> Failure | None:
        """Take note of how a run of the agent went."""
        state.session = outcome.session or state.session
        self._feedback(state.agent, outcome.failure)
        return outcome.failure

    def _decide(self, state: _State, failure: Failure) -> Recovery:
        return decide(
            failure,
            state.history,
            self._policy,
            self._clock(),
            session=state.session if state.manner.adapter.resumes else None,
            model=state.manner.model,
            agent=state.agent,
            models=state.manner.adapter.models,
            agents=tuple(self._agents),
        )

    def _assign(
        self, state: _State, agent: str | None, model: str | None, session: str | None
    ) -> None:
        """Who goes on, with which model, in which chat."""
        if agent is not None and agent in self._agents:
            state.agent = agent
        state.manner = replace(
            state.manner, adapter=self._agents[state.agent], model=model, session=session
        )

    async def _recover(self, state: _State, failure: Failure, position: int) -> float | None:
        return await self._end(state, failure, self._decide(state, failure), position)

    async def _end(
        self, state: _State, failure: Failure, recovery: Recovery, position: int
    ) -> float | None:
        """End the attempt as was decided; returns when the next one may start."""
        task, workspace = state.task, state.manner.workspace
        if recovery.snapshot:
            await self._workspaces.snapshot(workspace, f"failed: {failure.kind}")
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
            await rt.shielded(self._workspaces.release, workspace, landed=False)
        return None

    async def _give_up(self, task: Task, failure: Failure) -> float | None:
        """There is no workspace to make the attempt in."""
        name = next(iter(self._agents))
        recovery = decide(failure, (), self._policy, self._clock(), agent=name)
        return await self._settle(task, None, failure, recovery)


_RUNS = frozenset({Step.SAME_CHAT, Step.FRESH, Step.OTHER_MODEL, Step.OTHER_AGENT})
"""The steps that an agent takes."""


def _position(task: Task) -> int:
    """The instruction that is next, 0 if all are completed."""
    left = remaining(task)
    return left[0] if left else 0


def _unready(error: WorkspaceError) -> Failure:
    if isinstance(error, DiskFull):
        return Failure(FailureKind.DISK_FULL, str(error))
    return Failure(FailureKind.SETUP_FAILED, str(error))
