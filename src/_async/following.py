"""What is done between two instructions, on the models' advice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.handover import Baton
from ..core.instructions import Instruction
from ..core.task import Task
from .instructions import AsyncInstructionRunner, Manner, StepOutcome

if TYPE_CHECKING:
    from .assessment import AsyncAssessor


class AsyncFollowUp:
    """Has the reports judged, and carries out what the judgement adds."""

    def __init__(
        self, assessor: AsyncAssessor, runner: AsyncInstructionRunner, baton: Baton
    ) -> None:
        self._assessor = assessor
        self._runner = runner
        self._baton = baton

    async def again(
        self, task: Task, steps: tuple[Instruction, ...], manner: Manner
    ) -> StepOutcome | None:
        """Look once more at the report behind which an earlier attempt was stopped."""
        if not task.last_completed or self._baton.was_yielded(task):
            return None
        last = steps[task.last_completed - 1]
        if not last.check_report or last is steps[-1]:
            return None
        report = await self._runner.report_of(task, last, manner)
        return await self.follow(task, steps, last, report, manner)

    async def follow(
        self,
        task: Task,
        steps: tuple[Instruction, ...],
        instruction: Instruction,
        report: str,
        manner: Manner,
    ) -> StepOutcome | None:
        """Do what is to follow on the report of ``instruction``, if it is to be checked.

        How that went, None if there was nothing to do.
        """
        last = instruction.position == len(steps)
        if last or not instruction.check_report or not report.strip():
            return None
        following = steps[instruction.position]
        text = await self._assessor.what_follows(task, instruction, following, report)
        if not text:
            return None
        return await self._runner.insert(task, instruction.position, text, manner)
