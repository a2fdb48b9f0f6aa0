# Generated from src/_async/isolated.py. Do not edit.
"""An attempt in a worktree of the task's own, from its first instruction to its landing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from .._runtime import sync_runtime as rt
from ..core.agents import Adapter
from ..core.errors import explain, first
from ..core.failure import Failure, FailureKind, Step
from ..core.handover import Baton
from ..core.instructions import Instruction
from ..core.landing import FORWARDED, Landed
from ..core.recovery import UNRESTORED, Continuation, Policy, Recovery, tried
from ..core.repair import in_new_chat
from ..core.task import Task, remaining
from ..core.workspace import Workspace
from ..store import AttemptRow, Store
from .aftermath import TROUBLE, Aftermath, Standing, hindered, unready
from .delivery import Delivery, Undelivered
from .following import FollowUp
from .instructions import InstructionRunner, Manner, StepOutcome
from .keeping import Keeper
from .locks import LockManager
from .settlement import Settlement
from .workspaces import Workspaces

if TYPE_CHECKING:
    from ..core.llm.skips import Skip
    from .assessment import Assessor

logger = logging.getLogger(__name__)

AT_ONCE = 1.0
"""Seconds; what may start so soon is not worth giving up the place for."""


class IsolatedAttempt:
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
        runner: InstructionRunner,
        workspaces: Workspaces,
        delivery: Delivery,
        settlement: Settlement,
        on_change: Callable[[], None],
        feedback: Callable[[str, Failure | None], None],
        clock: Callable[[], float],
        baton: Baton,
        assessor: Assessor | None = None,
    ) -> None:
        self._agents = agents
        self._store = store
        self._runner = runner
        self._workspaces = workspaces
        self._delivery = delivery
        self._settlement = settlement
        self._aftermath = Aftermath(
            agents=tuple(agents),
            policy=policy,
            max_attempts=max_attempts,
            store=store,
            workspaces=workspaces,
            settlement=settlement,
            clock=clock,
        )
        self._on_change = on_change
        self._feedback = feedback
        self._clock = clock
        self._baton = baton
        self._assessor = assessor
        self._follow_up = FollowUp(assessor, runner, baton) if assessor else None
        self._claims = LockManager()  # of files, by those who join conflicts in them

    def run(self, task: Task, steps: tuple[Instruction, ...]) -> float | None:
        """Take the task to its landing; returns when the next attempt may start.

        Raises `AgentUnusable`.
        """
        try:
            return self._run(task, steps)
        except BaseExceptionGroup as group:
            raise first(group) from None

    def _run(self, task: Task, steps: tuple[Instruction, ...]) -> float | None:
        began = self._clock()
        self._delivery.phase(task, "preparing")
        try:
            state, skip = self._prepare(task)
        except BaseExceptionGroup as group:
            error = first(group)
            if not isinstance(error, TROUBLE):
                raise
            return self._aftermath.give_up(task, unready(error))
        if skip is not None:
            self._skip(state, skip)
            return None
        try:
            return self._carry_out(state, steps, began)
        except (*TROUBLE, BaseExceptionGroup) as raised:
            error = first(raised)
            if not isinstance(error, TROUBLE):
                raise
            logger.warning("the attempt cannot go on: %s", explain(error))
            return self._aftermath.follow_up(state, hindered(error), _position(state.task))

    def _carry_out(
        self, state: Standing, steps: tuple[Instruction, ...], began: float
    ) -> float | None:
        self._delivery.phase(state.task, "working")
        failure = self._work(state, steps)
        if failure is not None:
            return self._aftermath.follow_up(state, failure, _position(state.task))
        if state.skip is not None:
            self._skip(state, state.skip)
            return None
        return self._deliver(state, began)

    def _prepare(self, task: Task) -> tuple[Standing, Skip | None]:
        """The worktree, and meanwhile the models' word on whether it is needed."""
        with rt.TaskGroup() as group:
            opening = group.start_soon(self._open, task)
            skip = None if self._assessor is None else self._assessor.reason_to_skip(task)
            return opening.wait(), skip

    def _open(self, task: Task) -> Standing:
        """The worktree as the last attempt left it, or as it is to be gone on from."""
        rows = rt.wait_for_future(self._store.attempts(task.id))
        before = [row for row in rows if row.epoch < task.epoch and row.base is not None]
        workspace = self._workspaces.open(task)
        state = self._start(task, workspace, before)
        if before:
            self._resume(state, before[-1])
        rt.wait_for_future(
            self._store.note_attempt(
                task.id, task.epoch, self._clock(), base=workspace.base, branch=workspace.branch
            )
        )
        return state

    def _start(self, task: Task, workspace: Workspace, before: Sequence[AttemptRow]) -> Standing:
        name = next(iter(self._agents))
        manner = Manner(workspace=workspace, adapter=self._agents[name])
        states = (row.commit_id or row.snapshot for row in reversed(before))
        accepted = next(filter(None, states), None) if task.completed else None
        return Standing(task, manner, name, accepted=accepted)

    def _resume(self, state: Standing, last: AttemptRow) -> None:
        """Go on as was decided after the last attempt, or from where it was cut off."""
        workspace = state.manner.workspace
        decided = Continuation.from_text(last.recovery)
        if decided is None:
            if self._workspaces.differs(workspace, state.accepted):
                self._workspaces.snapshot(workspace, "interrupted")
                state.manner = replace(state.manner, preamble=UNRESTORED)
            return
        if decided.restore:
            self._workspaces.restore(workspace, state.accepted)
        if decided.step is not Step.PERSON and decided.position == _position(state.task):
            state.history = decided.history  # otherwise a person has said to go on
        self._assign(state, decided.agent, decided.model, decided.session)
        state.manner = replace(state.manner, preamble=decided.preamble)

    def _work(self, state: Standing, steps: tuple[Instruction, ...]) -> Failure | None:
        """Carry out what is left of the instructions; why one failed, None if none did."""
        if self._follow_up is not None:
            looked = self._follow_up.again(state.task, steps, state.manner)
            if looked is not None and looked.failure is not None:
                return self._heard(state, looked)
        with rt.TaskGroup() as group:
            keeper = Keeper(self._workspaces, self._store, state, group, clock=self._clock)
            try:
                return self._go_through(state, steps, keeper)
            except Exception:
                keeper.done()
                raise

    def _go_through(
        self, state: Standing, steps: tuple[Instruction, ...], keeper: Keeper
    ) -> Failure | None:
        for position in remaining(state.task):
            instruction = steps[position - 1]
            outcome = self._runner.run(state.task, instruction, state.manner)
            state.task = outcome.task
            self._on_change()
            if (failure := self._heard(state, outcome)) is not None:
                if self._assessor is not None:
                    self._assessor.comment_on_failure(state.task, instruction, failure.reason)
                return failure
            state.history = ()
            state.manner = replace(state.manner, session=None, preamble="")  # a chat of its own
            with rt.TaskGroup() as group:
                if position < len(steps):
                    group.start_soon(keeper.accept)
                if self._follow_up is not None:
                    followed = self._follow_up.follow(
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

    def _deliver(self, state: Standing, began: float) -> float | None:
        """Bring the work to the target branch, and have it mended as often as the policy allows."""
        claimed: frozenset[str] = frozenset()
        with ExitStack() as claims:
            while True:
                workspace = state.manner.workspace
                outcome = self._delivery.deliver(state.task, workspace)
                if isinstance(outcome, Landed):
                    rt.shielded(self._landed, state, outcome, began)
                    return None
                conflict = outcome.conflict
                if conflict is not None and not claimed.issuperset(conflict.files):
                    claims.close()
                    claimed |= frozenset(conflict.files)
                    for name in sorted(claimed):
                        claims.enter_context(self._claims.hold(name))
                    continue  # the target may have moved meanwhile
                recovery = self._aftermath.decide(state, outcome.failure)
                mends = recovery.step in _RUNS and recovery.not_before <= self._clock() + AT_ONCE
                if not mends or not (outcome.request or conflict):
                    return self._aftermath.end(state, outcome.failure, recovery, 0)
                failed = self._mend(state, outcome, recovery)
                if failed is not None:
                    return self._aftermath.follow_up(state, failed, 0)

    def _mend(self, state: Standing, trouble: Undelivered, recovery: Recovery) -> Failure | None:
        """Have an agent see to what keeps the work from landing; why it failed, if it did."""
        self._delivery.phase(state.task, "working")
        request = trouble.request
        if trouble.conflict is not None:
            workspace = state.manner.workspace
            request = self._delivery.join(state.task, workspace, trouble.conflict)
        elif recovery.session is None:
            request = in_new_chat(state.task.text, request)
        state.history += (
            tried(trouble.failure, recovery, model=state.manner.model, agent=state.agent),
        )
        self._assign(state, recovery.agent, recovery.model, recovery.session)
        position = state.task.total_instructions
        outcome = self._runner.insert(state.task, position, request, state.manner)
        failure = self._heard(state, outcome)
        if failure is not None and failure.kind is FailureKind.NO_REPORT:
            return None  # the checks will tell whether it has done it
        return failure

    def _landed(self, state: Standing, landed: Landed, began: float) -> None:
        marked = landed.marked and landed.checkout == FORWARDED
        self._settlement.done(state.task, began, marked=marked)
        self._aftermath.release(state.manner.workspace, landed=True)

    def _skip(self, state: Standing, skip: Skip) -> None:
        rt.shielded(self._settlement.skipped, state.task, skip.reason, skip.comment, skip.details)
        rt.shielded(self._aftermath.release, state.manner.workspace, landed=False)

    def _heard(self, state: Standing, outcome: StepOutcome) -> Failure | None:
        """Take note of how a run of the agent went."""
        state.session = outcome.session or state.session
        self._feedback(state.agent, outcome.failure)
        return outcome.failure

    def _assign(
        self, state: Standing, agent: str | None, model: str | None, session: str | None
    ) -> None:
        """Who goes on, with which model, in which chat."""
        if agent is not None and agent in self._agents:
            state.agent = agent
        state.manner = replace(
            state.manner, adapter=self._agents[state.agent], model=model, session=session
        )


_RUNS = frozenset({Step.SAME_CHAT, Step.FRESH, Step.OTHER_MODEL, Step.OTHER_AGENT})
"""The steps that an agent takes."""


def _position(task: Task) -> int:
    """The instruction that is next, 0 if all are completed."""
    left = remaining(task)
    return left[0] if left else 0
