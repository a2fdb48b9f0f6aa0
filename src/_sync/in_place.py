# Generated from src/_async/in_place.py. Do not edit.
"""An attempt in the project's own directory, as the predecessor made it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .._runtime import sync_runtime as rt
from ..core.agents import Adapter
from ..core.config import Config
from ..core.handover import Baton
from ..core.instructions import Instruction, required_successes
from ..core.llm.skips import Skip
from ..core.reconcile import IN_COMMIT_COMMENT
from ..core.task import Task, remaining
from ..core.todo import ItemState
from ..core.workspace import Workspace
from .following import FollowUp
from .instructions import AgentUnusable, InstructionRunner, Manner, StepOutcome
from .settlement import COMMIT_INSTRUCTION, Settlement

if TYPE_CHECKING:
    from .assessment import Assessor


class InPlaceAttempt:
    """Instruction after instruction; one that fails does not keep the next from running."""

    def __init__(
        self,
        *,
        config: Config,
        project: Path,
        adapter: Adapter,
        runner: InstructionRunner,
        settlement: Settlement,
        on_change: Callable[[], None],
        clock: Callable[[], float],
        baton: Baton,
        assessor: Assessor | None = None,
    ) -> None:
        self._config = config
        self._project = project
        self._adapter = adapter
        self._runner = runner
        self._settlement = settlement
        self._on_change = on_change
        self._clock = clock
        self._baton = baton
        self._assessor = assessor
        self._follow_up = FollowUp(assessor, runner, baton) if assessor else None

    def run(self, task: Task, steps: tuple[Instruction, ...]) -> float | None:
        """Take the task to its end; returns when the next attempt may start, None if never.

        Raises `AgentUnusable`.
        """
        began = self._clock()
        place = Workspace(task_id=task.id, path=self._project, in_place=True)
        manner = Manner(workspace=place, adapter=self._adapter)
        if self._assessor is not None:
            if (skip := self._assessor.reason_to_skip(task)) is not None:
                self._skip(task, skip)
                return None
            if self._follow_up is not None:
                _check(self._follow_up.again(task, steps, manner))
        left = remaining(task)
        for position in left:
            instruction = steps[position - 1]
            if self._config.predecessor and instruction.instruction_id == COMMIT_INSTRUCTION:
                self._settlement.mark(task, ItemState.DONE, IN_COMMIT_COMMENT)
            outcome = self._runner.run(task, instruction, manner)
            task = outcome.task
            self._on_change()
            _check(outcome)
            if self._assessor is not None and outcome.failure is not None:
                self._assessor.comment_on_failure(task, instruction, outcome.reason)
            elif self._follow_up is not None:
                followed = self._follow_up.follow(task, steps, instruction, outcome.report, manner)
                if followed.skip is not None:
                    self._skip(task, followed.skip)
                    return None
                _check(followed.inserted)
            if outcome.failure is None and position != left[-1]:
                self._baton.boundary(task)
        if len(task.completed) >= required_successes(len(steps)):
            rt.shielded(self._settlement.done, task, began)
            return None
        return rt.shielded(self._settlement.partly_done, task)

    def _skip(self, task: Task, skip: Skip) -> None:
        rt.shielded(self._settlement.skipped, task, skip.reason, skip.comment, skip.details)


def _check(outcome: StepOutcome | None) -> None:
    if outcome is not None and outcome.unusable:
        raise AgentUnusable(outcome.reason)
