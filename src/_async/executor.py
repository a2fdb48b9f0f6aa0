"""Runs one attempt at a task: begins it, sees it through, and records its end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from .._runtime import async_runtime as rt
from ..core import status as texts
from ..core.config import Config
from ..core.errors import explain
from ..core.handover import YIELDED, Baton, Yielded
from ..core.instructions import Instruction, builtin_sequence, sequence
from ..core.task import Fenced, InvalidTransition, Task, TaskState, remaining
from ..core.todo import instruction_type
from ..observe.logs import bind
from ..store import Store, StoreError
from .instructions import AgentUnusable
from .plans import AsyncPlans
from .settlement import AsyncSettlement

if TYPE_CHECKING:
    from .assessment import AsyncAssessor

logger = logging.getLogger(__name__)

STOPPED = "the server was asked to stop"
CANCELLED = "a person has cancelled it"
"""Why an attempt was interrupted, in events and in the store."""


class Attempt(Protocol):
    """One way of taking a task from where it stands to its end."""

    async def run(self, task: Task, steps: tuple[Instruction, ...]) -> float | None:
        """Returns when the next attempt may start, None if there is none.

        The task's end is recorded then.  Raises `AgentUnusable`, and what the
        disk and the store raise.
        """


class AsyncTaskExecutor:
    """Takes a task through one attempt, whichever way it is made.

    ``agent`` is the agent's name for people; ``cancelled`` tells whether it is a
    person who ends the task with that id, and not the server.
    """

    def __init__(
        self,
        *,
        config: Config,
        agent: str,
        store: Store,
        attempt: Attempt,
        settlement: AsyncSettlement,
        clock: Callable[[], float],
        baton: Baton,
        plans: AsyncPlans | None = None,
        cancelled: Callable[[str], bool],
        assessor: AsyncAssessor | None = None,
    ) -> None:
        self._config = config
        self._agent = agent
        self._store = store
        self._attempt = attempt
        self._settlement = settlement
        self._clock = clock
        self._baton = baton
        self._plans = plans or AsyncPlans(store, lambda task: None)
        self._cancelled = cancelled
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
        if first is None:
            return self._assessor.postponed.get(task.id) if self._assessor else None
        if self._baton.reason:
            return YIELDED
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

    def sequence(self, kind: str) -> tuple[Instruction, ...]:
        """The instructions for a task of one kind. Raises `InstructionError`."""
        if not self._config.instructions and not self._config.predecessor:
            return builtin_sequence()
        timeout = self._config.runtime.instruction_timeout
        return sequence(self._config.instructions, kind, default_timeout=timeout)

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

    async def _interrupted(self, task: Task) -> None:
        if self._cancelled(task.id):
            await self._settlement.put_back(task, CANCELLED, CANCELLED)
        elif reason := self._baton.reason:
            await self._settlement.put_back(task, None, reason)
        else:
            await self._settlement.put_back(task, texts.STOP_REQUESTED, STOPPED)

    async def _supervised(
        self, task: Task, steps: tuple[Instruction, ...], kind: str
    ) -> float | None:
        """The attempt, with its end recorded however it comes about."""
        try:
            todo = remaining(task)
            resumed_at = todo[0] if todo and task.completed else None
            await self._settlement.started(task, kind, self._agent, resumed_at)
            async with self._plans.in_force(task):
                return await self._attempt.run(task, steps)
        except rt.Cancelled:
            await rt.shielded(self._interrupted, task)
            raise
        except Yielded as yielded:
            await rt.shielded(self._settlement.put_back, task, None, str(yielded))
            return YIELDED
        except AgentUnusable as error:
            details = texts.details_agent_failed(str(error))
            await rt.shielded(self._settlement.put_back, task, details, str(error))
            raise
        except (Fenced, StoreError):
            raise
        except Exception as error:
            logger.exception("the attempt ended with an error")
            return await rt.shielded(self._settlement.broke, task, explain(error))
