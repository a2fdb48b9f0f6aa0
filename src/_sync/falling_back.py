# Generated from src/_async/falling_back.py. Do not edit.
"""Carries out instructions as the predecessor did: other models, more runs, pauses."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from .._runtime import sync_runtime as rt
from ..core.agents import Adapter, PredecessorCursorAgent, PredecessorGeminiAgent
from ..core.config import Config
from ..core.events import Event, Sink
from ..core.failure import Failure, FailureKind, Step, Streak
from ..core.fallback import predecessors_policy
from ..core.instructions import Instruction
from ..core.recovery import Tried, decide, tried
from ..core.task import Task
from .fallback import ModelFallback
from .instructions import InstructionRunner, Manner, StepOutcome

logger = logging.getLogger(__name__)

_DID_ITS_PART = frozenset({FailureKind.NO_REPORT})
"""Failures at which the agent itself counted as successful."""

_NOT_ASKED = frozenset({FailureKind.REFUSED})
"""Failures at which no agent was started."""


class FallingBack:
    """Runs an instruction again with other models, and after trouble with the network.

    Errors that read alike put the next instruction off; the third in a row ends
    everything where the agent is Gemini, and with Cursor the count begins anew.
    """

    def __init__(
        self,
        runner: InstructionRunner,
        *,
        config: Config,
        adapter: Adapter,
        fallback: ModelFallback,
        sink: Sink,
        clock: Callable[[], float],
        sleep: Callable[[float], rt.Result[None]] = rt.sleep,
    ) -> None:
        resilience = config.cursor.cli.resilience
        self._runner = runner
        self._policy = predecessors_policy(config)
        self._others = adapter.models
        self._first: str | None = None
        if isinstance(adapter, PredecessorCursorAgent) and resilience.enable_fallback:
            self._first = adapter.model
        self._most = resilience.max_fallback_attempts
        self._gives_up = isinstance(adapter, PredecessorGeminiAgent)
        self._fallback = fallback
        self._sink = sink
        self._clock = clock
        self._sleep = sleep
        runtime = config.runtime
        paced = "retry_delay" in runtime.model_fields_set
        self._streak = self._calm = Streak(pause=runtime.retry_delay) if paced else Streak()
        self._loaded = False

    def run(self, task: Task, instruction: Instruction, manner: Manner) -> StepOutcome:
        """Carry out ``instruction``, as often as the predecessor would have.

        Raises what the runner raises.
        """
        if (delay := self._streak.delay) > 0:
            self._say("instruction.delayed", task, instruction, seconds=delay)
            self._sleep(delay)

        def attempt(manner: Manner) -> StepOutcome:
            return self._runner.run(task, instruction, manner)

        outcome = self._persist(task, instruction, manner, attempt)
        failure = outcome.failure
        if failure is None or failure.kind in _DID_ITS_PART | _NOT_ASKED:
            return outcome
        return replace(outcome, failure=self._counted(failure))

    def insert(self, task: Task, position: int, text: str, manner: Manner) -> StepOutcome:
        """Carry out what ``text`` says; that somebody has to pay for it is passed over."""

        def attempt(manner: Manner) -> StepOutcome:
            return self._runner.insert(task, position, text, manner)

        outcome = self._persist(task, None, manner, attempt)
        if outcome.failure is not None and outcome.failure.kind is FailureKind.BILLING:
            logger.warning("what was to follow on a report was not done: %s", outcome.reason)
            return replace(outcome, failure=None)
        return outcome

    def report_of(self, task: Task, instruction: Instruction, manner: Manner) -> str:
        """The report of an instruction of an earlier attempt, "" if it is not there any more."""
        return self._runner.report_of(task, instruction, manner)

    def _persist(
        self,
        task: Task,
        instruction: Instruction | None,
        manner: Manner,
        attempt: Callable[[Manner], rt.Result[StepOutcome]],
    ) -> StepOutcome:
        models = self._models(manner)
        first = manner.model if self._first is None else models[0]
        model = first
        history: tuple[Tried, ...] = ()
        while True:
            outcome = attempt(replace(manner, model=model))
            failure = outcome.failure
            if failure is None or failure.kind in _DID_ITS_PART:
                self._succeeded(fell_back=model != first)
                return outcome
            if failure.kind in _NOT_ASKED:
                return outcome
            if self._first is not None:
                self._fallback.note_failure(failure.kind)
            recovery = decide(
                failure, history, self._policy, self._clock(), model=model, models=models
            )
            if recovery.step is Step.PERSON:
                return outcome
            history = (*history, tried(failure, recovery, model=model))
            model = recovery.model if recovery.step is Step.OTHER_MODEL else first
            if instruction is not None:
                about = {"step": recovery.step.value, "reason": recovery.message}
                self._say("instruction.retried", task, instruction, **about)
            self._sleep(max(0.0, recovery.not_before - self._clock()))

    def _models(self, manner: Manner) -> tuple[str, ...]:
        """The models to ask for, in order; none where the agent's own is the only one."""
        if self._first is None:
            return manner.adapter.models
        if not self._loaded:
            self._loaded = True
            try:
                self._fallback.load()
            except OSError as error:
                logger.warning("the state of the fall-back cannot be read: %s", error)
        return self._fallback.models(self._first, self._others, most=self._most)

    def _succeeded(self, *, fell_back: bool) -> None:
        if self._first is not None:
            self._fallback.note_success(fell_back=fell_back)
        if not fell_back:
            self._streak = self._calm

    def _counted(self, failure: Failure) -> Failure:
        """The failure once it was counted; three that read alike are more than one."""
        # Behind the first colon stands what the agent said last, which is seldom the same.
        self._streak = self._streak.after(failure.reason.partition(": ")[0])
        if not self._streak.is_full:
            return failure
        count, self._streak = self._streak.count, self._calm
        if not self._gives_up:
            return failure
        reason = f"the agent has failed {count} times in the same way: {failure.reason}"
        return replace(failure, unusable=True, reason=reason)

    def _say(self, name: str, task: Task, instruction: Instruction, /, **data: object) -> None:
        about = {
            "position": instruction.position,
            "total": task.total_instructions,
            "name": instruction.name,
        }
        self._sink(Event(name, self._clock(), task.id, task.epoch, {**about, **data}))


Runner = InstructionRunner | FallingBack
"""What carries out instructions, with or without falling back to other models."""
