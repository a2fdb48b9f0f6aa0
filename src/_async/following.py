"""What is done between two instructions, on the models' advice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.handover import Baton
from ..core.instructions import Instruction
from ..core.task import Task
from .instructions import Manner, StepOutcome

if TYPE_CHECKING:
    from ..core.llm.skips import Skip
    from .assessment import AsyncAssessor
    from .falling_back import Runner


@dataclass(frozen=True, slots=True)
class Followed:
    """Why the task is to be left, and how that went which was to be done first, if anything."""

    skip: Skip | None = None
    inserted: StepOutcome | None = None


class AsyncFollowUp:
    """Has the reports judged, and carries out what the judgement adds."""

    def __init__(self, assessor: AsyncAssessor, runner: Runner, baton: Baton) -> None:
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
        if not report.strip():
            return None
        following = steps[last.position]
        text = await self._assessor.what_follows(task, last, following, report)
        return await self._insert(task, last, text, manner)

    async def follow(
        self,
        task: Task,
        steps: tuple[Instruction, ...],
        instruction: Instruction,
        report: str,
        manner: Manner,
    ) -> Followed:
        """Have plan and report looked at behind ``instruction``, and do what is to follow."""
        last = instruction.position == len(steps)
        skip, text = await self._assessor.after_step(
            task,
            instruction,
            None if last else steps[instruction.position],
            report,
            manner.workspace.path,
        )
        if skip is not None:
            return Followed(skip)
        return Followed(inserted=await self._insert(task, instruction, text, manner))

    async def _insert(
        self, task: Task, instruction: Instruction, text: str, manner: Manner
    ) -> StepOutcome | None:
        if not text:
            return None
        return await self._runner.insert(task, instruction.position, text, manner)
