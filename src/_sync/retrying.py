# Generated from src/_async/retrying.py. Do not edit.
"""What follows on a failure where tasks are worked on in place, and nothing can be restored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from .._runtime import sync_runtime as rt
from ..core.agents import Adapter
from ..core.failure import Failure, Step
from ..core.instructions import Instruction, required_successes
from ..core.recovery import (
    UNRESTORED,
    Continuation,
    Policy,
    Recovery,
    continuations_text,
    decide,
    read_continuations,
    tried,
)
from ..core.task import Task, TaskState
from ..core.workspace import Workspace
from ..store import Store
from .falling_back import Runner
from .instructions import AgentUnusable, Manner, StepOutcome
from .settlement import Settlement

AT_ONCE = 1.0
"""Seconds; what can be gone on with so soon is gone on with in the same attempt."""

_AT_ONCE = frozenset({Step.SAME_CHAT, Step.OTHER_MODEL, Step.OTHER_AGENT})
"""The steps that are taken in the same attempt if they can be taken at once."""

_PUT_OFF = frozenset({Step.WAIT, Step.PARK})
"""The steps that end the attempt: the other instructions would meet the same."""


class Course:
    """The course of one attempt: who works, what has failed, and what is to follow.

    A chat that can be gone on with at once is, and where another model or agent
    is to help, it takes over for all that comes after.  A quota that is used up
    ends the attempt.  Any other failure leaves its instruction to the next
    attempt, and those behind it are carried out nevertheless.  A person's turn
    comes when no step is named for a failure, or no attempt is left.

    Of ``agents`` the first is the one that tasks begin with.  Unless it
    ``repeats`` instructions, one that fails has failed, and that is all.
    """

    def __init__(
        self,
        task: Task,
        *,
        place: Workspace,
        agents: Mapping[str, Adapter],
        policy: Policy,
        repeats: bool,
        max_attempts: int,
        runner: Runner,
        store: Store,
        settlement: Settlement,
        clock: Callable[[], float],
    ) -> None:
        self._task = task
        self._agents = agents
        self._policy = policy
        self._repeats = repeats
        self._max_attempts = max_attempts
        self._runner = runner
        self._store = store
        self._settlement = settlement
        self._clock = clock
        self._agent = next(iter(agents))
        self._decided: dict[int, Continuation] = {}
        self._failed: dict[int, tuple[Failure, Recovery]] = {}
        self._broken_off: list[int] = []
        self._session: str | None = None
        self.manner = Manner(workspace=place, adapter=agents[self._agent])
        """Who carries out what comes next, in a chat of its own."""

    def take_over(self) -> None:
        """Take over what earlier attempts have left to this one.

        A task that a person has put back begins anew.
        """
        task = self._task
        if not self._repeats or task.epoch == 1:
            return
        rows = rt.wait_for_future(self._store.attempts(task.id))
        before = [row for row in rows if row.epoch < task.epoch]
        self._broken_off = rt.wait_for_future(self._store.broken_off(task.id))
        if not before or (before[-1].outcome == TaskState.FAILED and task.attempts == 1):
            return
        for each in read_continuations(before[-1].recovery):
            # Behind an interruption a person's turn is over: the server was started again.
            if each.step is not Step.PERSON or before[-1].outcome == TaskState.FAILED:
                self._decided[each.position] = each
        for each in self._decided.values():
            self._assign(each.agent, each.model)
        if self._decided:
            self._note(recovery=continuations_text(self._decided.values()))

    def run(self, task: Task, instruction: Instruction) -> StepOutcome:
        """Carry out an instruction, and go on with it for as long as that can be done at once.

        Raises `AgentUnusable`, and what the runner raises.
        """
        position = instruction.position
        while True:
            manner = self._manner(position)
            outcome = self._runner.run(task, instruction, manner)
            self._session = outcome.session or manner.session
            task = outcome.task
            if outcome.failure is None:
                self._decided.pop(position, None)
                return outcome
            if not self._repeats:
                self._note(agent=self._agent, failure=outcome.failure.kind.value)
                if outcome.unusable:
                    raise AgentUnusable(outcome.reason)
                return outcome
            recovery = self._fail(position, outcome.failure)
            if recovery.step not in _AT_ONCE or not self._is_due(recovery):
                return outcome
            self._settlement.say(
                "instruction.retried",
                task,
                position=position,
                total=task.total_instructions,
                name=instruction.name,
                step=recovery.step.value,
                reason=recovery.message,
            )

    def mend(self, task: Task, failure: Failure, request: str) -> bool:
        """Have an agent do as ``request`` says about what is wrong with the work.

        Without a request no agent can help.  Whether one did; otherwise `settle`
        is next.
        """
        if self._session is None:
            self._session = self._manner(0).session
        policy = self._policy if request else replace(self._policy, max_steps=0)
        recovery = self._fail(0, failure, policy)
        if recovery.step is Step.PERSON or not self._is_due(recovery):
            return False
        manner = self._manner(0)
        outcome = self._runner.insert(task, task.total_instructions, request, manner)
        self._session = outcome.session or manner.session
        if outcome.failure is not None:
            self._fail(0, outcome.failure)
        return outcome.failure is None

    @property
    def is_over(self) -> bool:
        """Whether no instruction can be carried out for the time being."""
        return any(recovery.step in _PUT_OFF for _, recovery in self._failed.values())

    def settle(self, task: Task) -> float | None:
        """End the attempt at a task that is not done; returns when the next one may start."""
        settlement = self._settlement
        for _, recovery in self._failed.values():
            if recovery.step in _PUT_OFF:
                until = recovery.not_before
                rt.shielded(settlement.parked, task, recovery.message, until)
                return until
        if 0 in self._failed:
            return self._settle_work(task, *self._failed[0])
        total = task.total_instructions
        given_up = [
            (failure, recovery)
            for position, (failure, recovery) in self._failed.items()
            if recovery.step is Step.PERSON
            and (self._is_first(position) or task.attempts >= self._max_attempts)
        ]
        if given_up and total - len(given_up) < required_successes(total):
            failure, recovery = given_up[0]
            self._escalate(task, failure, recovery.attention or failure.reason)
            return None
        return rt.shielded(settlement.partly_done, task)

    def _settle_work(self, task: Task, failure: Failure, recovery: Recovery) -> float | None:
        """The instructions are done, but the work is not good."""
        rt.shielded(self._settlement.untick, task)
        attention = None
        if recovery.step is Step.PERSON:
            attention = recovery.attention or failure.reason
        elif task.attempts >= self._max_attempts:
            attention = f"has failed {task.attempts} times, at last: {failure.reason}"
        if attention is not None:
            self._escalate(task, failure, attention)
            return None
        until = recovery.not_before
        rt.shielded(self._settlement.tried_again, task, failure.reason, until)
        return until

    def _escalate(self, task: Task, failure: Failure, attention: str) -> None:
        rt.shielded(self._settlement.escalated, task, failure.reason, attention)

    def _is_first(self, position: int) -> bool:
        """Whether nothing was tried before the failure at ``position``."""
        return len(self._decided[position].history) == 1

    def _fail(self, position: int, failure: Failure, policy: Policy | None = None) -> Recovery:
        """Decide what follows, and keep it."""
        known = self._decided.get(position)
        history = () if known is None else known.history
        model, adapter = self.manner.model, self.manner.adapter
        recovery = decide(
            failure,
            history,
            policy or self._policy,
            self._clock(),
            session=self._session if adapter.resumes else None,
            model=model,
            agent=self._agent,
            models=adapter.models,
            agents=tuple(self._agents),
        )
        entry = tried(failure, recovery, model=model, agent=self._agent)
        self._decided[position] = Continuation.of(recovery, position, (*history, entry))
        self._failed[position] = (failure, recovery)
        self._note(
            agent=self._agent,
            model=model,
            session=self._session,
            failure=failure.kind.value,
            recovery=continuations_text(self._decided.values()),
            tools_ran=int(failure.tools_ran),
        )
        if failure.unusable and recovery.step is Step.PERSON:
            raise AgentUnusable(failure.reason)
        self._assign(recovery.agent, recovery.model)
        return recovery

    def _manner(self, position: int) -> Manner:
        """How the instruction at ``position`` is to be carried out now."""
        decided = self._decided.get(position)
        begun = position in self._broken_off
        if decided is not None:
            if decided.session is not None and decided.agent == self._agent:
                return replace(self.manner, session=decided.session, preamble=decided.preamble)
            begun = begun or decided.restore or decided.session is not None
        return replace(self.manner, preamble=UNRESTORED if begun else "")

    def _assign(self, agent: str | None, model: str | None) -> None:
        if agent is not None and agent in self._agents:
            self._agent = agent
        self.manner = replace(self.manner, adapter=self._agents[self._agent], model=model)

    def _is_due(self, recovery: Recovery) -> bool:
        return recovery.not_before <= self._clock() + AT_ONCE

    def _note(self, **notes: str | int | None) -> None:
        task = self._task
        rt.wait_for_future(self._store.note_attempt(task.id, task.epoch, self._clock(), **notes))
