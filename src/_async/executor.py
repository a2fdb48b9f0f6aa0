"""Runs one task: its instructions in order, and what has to be said about it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from .._runtime import async_runtime as rt
from ..core import status as texts
from ..core.agents import Adapter
from ..core.config import Config
from ..core.errors import explain
from ..core.instructions import Instruction, builtin_sequence, required_successes, sequence
from ..core.reconcile import IN_COMMIT_COMMENT
from ..core.task import Fenced, InvalidTransition, Task, TaskState, remaining
from ..core.todo import ItemState, instruction_type
from ..observe.logs import bind
from ..store import Store, StoreError
from .instructions import AsyncInstructionRunner
from .settlement import COMMIT_INSTRUCTION, AsyncSettlement

if TYPE_CHECKING:
    from ..core.llm.skips import Skip
    from .assessment import AsyncAssessor

logger = logging.getLogger(__name__)

STOPPED = "the server was asked to stop"
"""Why an attempt was interrupted, in events and in the store."""


class AgentUnusable(Exception):
    """No task can be run with this agent; a person has to see to it first."""


class AsyncTaskExecutor:
    """Takes a task from its first instruction, or where it stood, to its end."""

    def __init__(
        self,
        *,
        config: Config,
        adapter: Adapter,
        store: Store,
        runner: AsyncInstructionRunner,
        settlement: AsyncSettlement,
        on_change: Callable[[], None],
        clock: Callable[[], float],
        assessor: AsyncAssessor | None = None,
    ) -> None:
        self._config = config
        self._adapter = adapter
        self._store = store
        self._runner = runner
        self._settlement = settlement
        self._on_change = on_change
        self._clock = clock
        self._assessor = assessor

    async def execute(self, task: Task) -> float | None:
        """Run one attempt; returns when the next one may start, None if there is none.

        Raises `AgentUnusable` and `StoreError`, for then there is no use in
        going on, and lets cancellation pass once the task is put back.
        """
        kind = instruction_type(task.text)
        steps = self.sequence(kind)
        first: int | None = 1
        if self._assessor is not None:
            first = await self._assessor.where_to_begin(task, len(steps))
        if first is None:  # not now
            return None
        try:
            current = await rt.shielded(self._begin, task.id, len(steps), first)
        except rt.Cancelled:
            await rt.shielded(self._take_back, task.id)
            raise
        except InvalidTransition as error:  # a person settled it meanwhile
            logger.info("%s", error)
            return None
        with bind(task=current.id, attempt=current.epoch, path=rt.PATH):
            try:
                return await self._supervised(current, steps, kind)
            except Fenced as error:
                logger.warning("%s", error)
                return None

    async def _begin(self, task_id: str, instructions: int, first: int) -> Task:
        return await rt.wait_for_future(
            self._store.begin_attempt(
                task_id, path=rt.PATH, instructions=instructions, now=self._clock(), first=first
            )
        )

    async def _take_back(self, task_id: str) -> None:
        """Undo the beginning of an attempt that nobody has heard of."""
        task = await rt.wait_for_future(self._store.task(task_id))
        if task is not None and task.state is TaskState.RUNNING:
            await rt.wait_for_future(self._store.interrupt_task(task.id, task.epoch, self._clock()))

    async def _supervised(
        self, task: Task, steps: tuple[Instruction, ...], kind: str
    ) -> float | None:
        """The attempt, with its end recorded however it comes about."""
        try:
            return await self._attempt(task, steps, kind)
        except rt.Cancelled:
            await rt.shielded(self._settlement.put_back, task, texts.STOP_REQUESTED, STOPPED)
            raise
        except AgentUnusable as error:
            details = texts.details_agent_failed(str(error))
            await rt.shielded(self._settlement.put_back, task, details, str(error))
            raise
        except (Fenced, StoreError):
            raise
        except Exception as error:
            logger.exception("the attempt ended with an error")
            return await rt.shielded(self._settlement.broke, task, explain(error))

    def sequence(self, kind: str) -> tuple[Instruction, ...]:
        """The instructions for a task of one kind. Raises `InstructionError`."""
        if not self._config.instructions and not self._config.predecessor:
            return builtin_sequence()
        timeout = self._config.runtime.instruction_timeout
        return sequence(self._config.instructions, kind, default_timeout=timeout)

    async def _attempt(self, task: Task, steps: tuple[Instruction, ...], kind: str) -> float | None:
        began = self._clock()
        todo = remaining(task)
        resumed_at = todo[0] if todo and task.completed else None
        await self._settlement.started(task, kind, self._adapter.label, resumed_at)
        if self._assessor is not None:
            if (skip := await self._assessor.reason_to_skip(task)) is not None:
                return await self._skipped(task, skip)
            await self._follow_earlier(task, steps)
        for position in todo:
            instruction = steps[position - 1]
            if self._config.predecessor and instruction.instruction_id == COMMIT_INSTRUCTION:
                await self._settlement.mark(task, ItemState.DONE, IN_COMMIT_COMMENT)
            outcome = await self._runner.run(task, instruction)
            task = outcome.task
            self._on_change()
            if outcome.unusable:
                raise AgentUnusable(outcome.reason)
            if self._assessor is not None and not outcome.reason:
                if position == 1 and (skip := await self._assessor.off_plan(task)) is not None:
                    return await self._skipped(task, skip)
                await self._follow(task, steps, instruction, outcome.report)
        if len(task.completed) >= required_successes(len(steps)):
            await rt.shielded(self._settlement.done, task, began)
            return None
        return await rt.shielded(self._settlement.partly_done, task)

    async def _skipped(self, task: Task, skip: Skip) -> None:
        await rt.shielded(self._settlement.skipped, task, skip.reason, skip.comment, skip.details)

    async def _follow_earlier(self, task: Task, steps: tuple[Instruction, ...]) -> None:
        """Look again at the report behind which an earlier attempt was stopped."""
        if task.last_completed:
            last = steps[task.last_completed - 1]
            if last.check_report and last is not steps[-1]:
                await self._follow(task, steps, last, await self._runner.report_of(task, last))

    async def _follow(
        self, task: Task, steps: tuple[Instruction, ...], instruction: Instruction, report: str
    ) -> None:
        """Do what is to follow on the report of ``instruction``, if it is to be checked."""
        last = instruction.position == len(steps)
        if self._assessor is None or last or not instruction.check_report or not report.strip():
            return
        following = steps[instruction.position]
        text = await self._assessor.what_follows(task, instruction, following, report)
        if text:
            outcome = await self._runner.insert(task, instruction.position, text)
            if outcome.unusable:
                raise AgentUnusable(outcome.reason)
