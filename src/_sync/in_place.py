# Generated from src/_async/in_place.py. Do not edit.
"""An attempt in the project's own directory, from its first instruction to its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .._runtime import sync_runtime as rt
from ..core.agents import Adapter
from ..core.config import Config
from ..core.fallback import policy_for
from ..core.handover import Baton
from ..core.instructions import Instruction, required_successes
from ..core.reconcile import IN_COMMIT_COMMENT
from ..core.task import Task, remaining
from ..core.todo import ItemState
from ..core.workspace import Workspace
from ..store import Store
from .falling_back import Runner
from .following import FollowUp
from .instructions import AgentUnusable, StepOutcome
from .retrying import Course
from .settlement import COMMIT_INSTRUCTION, Settlement
from .workbench import Workbench

if TYPE_CHECKING:
    from ..core.llm.skips import Skip
    from .assessment import Assessor


class InPlaceAttempt:
    """Instruction after instruction, then the verification if one is configured.

    What fails is followed as its course says, in the predecessor's dialect by
    the next instruction.
    """

    def __init__(
        self,
        *,
        config: Config,
        project: Path,
        agents: Mapping[str, Adapter],
        store: Store,
        runner: Runner,
        bench: Workbench,
        settlement: Settlement,
        on_change: Callable[[], None],
        clock: Callable[[], float],
        baton: Baton,
        assessor: Assessor | None = None,
    ) -> None:
        self._config = config
        self._project = project
        self._agents = agents
        self._policy = policy_for(config)
        self._store = store
        self._runner = runner
        self._bench = bench
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
        course = self._begin(task)
        if self._assessor is not None:
            if (skip := self._assessor.reason_to_skip(task)) is not None:
                self._skip(task, skip)
                return None
            if self._follow_up is not None:
                _check(self._follow_up.again(task, steps, course.manner))
        left = remaining(task)
        for position in left:
            instruction = steps[position - 1]
            if self._config.predecessor and instruction.instruction_id == COMMIT_INSTRUCTION:
                self._settlement.mark(task, ItemState.DONE, IN_COMMIT_COMMENT)
            outcome = course.run(task, instruction)
            task = outcome.task
            self._on_change()
            if outcome.failure is not None:
                if self._assessor is not None:
                    self._assessor.comment_on_failure(task, instruction, outcome.reason)
                if course.is_over:
                    return course.settle(task)
                continue
            if self._follow_up is not None:
                followed = self._follow_up.follow(
                    task, steps, instruction, outcome.report, course.manner
                )
                if followed.skip is not None:
                    self._skip(task, followed.skip)
                    return None
                _check(followed.inserted)
            self._bench.push_after(task, instruction)
            if position != left[-1]:
                self._baton.boundary(task)
        if len(task.completed) < required_successes(len(steps)):
            return course.settle(task)
        while (found := self._bench.verify(task)) is not None:
            if not course.mend(task, found.failure, found.request):
                return course.settle(task)
        rt.shielded(self._settlement.done, task, began)
        return None

    def _begin(self, task: Task) -> Course:
        course = Course(
            task,
            place=Workspace(task_id=task.id, path=self._project, in_place=True),
            agents=self._agents,
            policy=self._policy,
            repeats=not self._config.predecessor,
            max_attempts=self._config.max_attempts,
            runner=self._runner,
            store=self._store,
            settlement=self._settlement,
            clock=self._clock,
        )
        course.take_over()
        return course

    def _skip(self, task: Task, skip: Skip) -> None:
        rt.shielded(self._settlement.skipped, task, skip.reason, skip.comment, skip.details)


def _check(outcome: StepOutcome | None) -> None:
    if outcome is not None and outcome.unusable:
        raise AgentUnusable(outcome.reason)
