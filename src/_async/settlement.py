"""What became of an attempt: recorded, marked in the list, told."""

from __future__ import annotations

import logging
from collections.abc import Callable

from .._runtime import async_runtime as rt
from ..core import status as texts
from ..core.config import Config
from ..core.events import Event, Sink
from ..core.instructions import required_successes
from ..core.schedule import retry_at
from ..core.task import Fenced, Task, TaskState
from ..core.times import local
from ..core.todo import ItemState, TodoError, done_comment, stamped
from ..store import Store
from .status import AsyncStatusManager
from .todo import AsyncTodoManager

logger = logging.getLogger(__name__)

COMMIT_INSTRUCTION = 8
"""Before the instruction with this number the predecessor ticks the task's
line, so that the tick is part of the commit that the instruction makes."""


class AsyncSettlement:
    """Ends attempts: first in the store, then in the list and the status file, then
    for whoever watches.
    """

    def __init__(
        self,
        *,
        config: Config,
        store: Store,
        todo: AsyncTodoManager,
        status: AsyncStatusManager,
        sink: Sink,
        on_change: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._config = config
        self._store = store
        self._todo = todo
        self._status = status
        self._sink = sink
        self._on_change = on_change
        self._clock = clock

    async def started(self, task: Task, kind: str, agent: str, resumed_at: int | None) -> None:
        """An attempt has begun."""
        self._on_change()
        details = texts.details_started(self._clock(), kind, agent)
        entry = texts.task_update(task.text, texts.Status.RUNNING, details)
        await self._status.append(texts.separator() + entry)
        self.say(
            "task.started",
            task,
            text=task.text,
            type=kind,
            instructions=task.total_instructions,
            resumed_at=resumed_at,
        )

    async def skipped(self, task: Task, reason: str, comment: str, details: str) -> None:
        """There is nothing to do."""
        now = self._clock()
        task = await rt.wait_for_future(
            self._store.finish_task(task.id, task.epoch, TaskState.SKIPPED, now, error=reason)
        )
        if await self.mark(task, ItemState.SKIPPED, comment):
            await rt.wait_for_future(self._store.set_marked(task.id, task.state))
        await self._status.append(texts.task_update(task.text, texts.Status.SKIPPED, details))
        self._on_change()
        self.say("task.skipped", task, reason=reason)

    async def done(self, task: Task, began: float, *, marked: bool = False) -> None:
        """The work is done; ``marked``: and its line says so already."""
        completed, total = len(task.completed), task.total_instructions
        task = await rt.wait_for_future(
            self._store.finish_task(task.id, task.epoch, TaskState.DONE, self._clock())
        )
        if marked:
            await rt.wait_for_future(self._store.set_marked(task.id, task.state))
        else:
            await self.mark_final(task)
        details = texts.details_done(completed, total, task.id)
        await self._status.append(texts.task_update(task.text, texts.Status.DONE, details))
        self._on_change()
        seconds = round(self._clock() - began, 3)
        self.say("task.done", task, completed=completed, total=total, seconds=seconds)

    async def mark_final(self, task: Task) -> None:
        """Make the task's line show its final state, and remember that it does."""
        if task.state is TaskState.SKIPPED:
            marked = await self.mark(task, ItemState.SKIPPED, None)
        else:
            comment = done_comment(len(task.completed), task.total_instructions)
            marked = await self.mark(task, ItemState.DONE, comment)
        if marked:
            await rt.wait_for_future(self._store.set_marked(task.id, task.state))

    async def partly_done(self, task: Task) -> float | None:
        """Too few instructions succeeded; returns when the next attempt may start."""
        completed, total = len(task.completed), task.total_instructions
        required = required_successes(total)
        details = texts.details_partly_done(completed, total, required, task.id)
        reason = f"{completed} of {total} instructions succeeded"
        stored = "Задача не выполнена через Cursor"
        return await self._failed(task, texts.Status.PARTLY_DONE, reason, stored, details)

    async def broke(self, task: Task, error: str) -> float | None:
        """The server itself failed at it; returns when the next attempt may start."""
        details = texts.details_error(error)
        return await self._failed(task, texts.Status.ERROR, error, error, details)

    async def _failed(
        self, task: Task, status: texts.Status, reason: str, stored: str, details: str
    ) -> float | None:
        now = self._clock()
        again = retry_at(
            task.attempts,
            self._config.max_attempts,
            now,
            delay=self._config.runtime.retry_delay,
            longest=self._config.runtime.retry_delay_max,
        )
        task = await rt.wait_for_future(
            self._store.finish_task(task.id, task.epoch, TaskState.FAILED, now, error=stored)
        )
        await self.untick(task)
        await self._status.append(texts.task_update(task.text, status, details))
        self._on_change()
        self.say(
            "task.failed",
            task,
            seconds=_seconds(task, now),
            reason=reason,
            attempts=task.attempts,
            retry_at=again,
        )
        return again

    async def tried_again(self, task: Task, reason: str, until: float) -> None:
        """The attempt failed, and the next one goes on at ``until``."""
        await self._ended(task, reason, until, None)

    async def escalated(self, task: Task, reason: str, attention: str) -> None:
        """The attempt failed, and only a person can say what follows."""
        await self._ended(task, reason, 0.0, attention)
        self.say("task.escalated", task, reason=attention)

    async def parked(self, task: Task, message: str, until: float) -> None:
        """The task waits for something that comes back by itself; it costs no attempt."""
        now = self._clock()
        await rt.wait_for_future(
            self._store.interrupt_task(task.id, task.epoch, now, reason=message, not_before=until)
        )
        await self._status.append(texts.task_update(task.text, texts.Status.INTERRUPTED, message))
        self._on_change()
        self.say("task.parked", task, seconds=_seconds(task, now), reason=message, until=until)

    async def _ended(self, task: Task, reason: str, until: float, attention: str | None) -> None:
        now = self._clock()
        task = await rt.wait_for_future(
            self._store.finish_task(
                task.id,
                task.epoch,
                TaskState.FAILED,
                now,
                error=reason,
                not_before=until,
                attention=attention,
            )
        )
        details = texts.details_error(reason)
        await self._status.append(texts.task_update(task.text, texts.Status.ERROR, details))
        self._on_change()
        self.say(
            "task.failed",
            task,
            seconds=_seconds(task, now),
            reason=reason,
            attempts=task.attempts,
            retry_at=until if attention is None else None,
        )

    async def put_back(self, task: Task, details: str | None, reason: str) -> None:
        """Leave the task to a later run; ``details`` are for the status file."""
        now = self._clock()
        try:
            await rt.wait_for_future(
                self._store.interrupt_task(task.id, task.epoch, now, reason=reason)
            )
        except Fenced:  # the stop came when the attempt was over
            return
        if details is not None:
            entry = texts.task_update(task.text, texts.Status.INTERRUPTED, details)
            await self._status.append(entry)
        self._on_change()
        self.say("task.interrupted", task, seconds=_seconds(task, self._clock()), reason=reason)

    async def mark(self, task: Task, state: ItemState, comment: str | None) -> bool:
        """Mark the task's line; a list that no longer has it, or cannot be written, is
        reported and tried again when the list changes."""
        if comment is not None:
            comment = stamped(comment, local(self._clock()))
        try:
            await self._todo.mark(task.source, task.text, state, comment)
        except (TodoError, OSError) as error:
            logger.warning("%s could not be marked in %s: %s", task.id, task.source, error)
            why = getattr(error, "strerror", None) or error
            problem = f"the line of {task.text!r} could not be changed: {why}"
            self.say("list.problem", task, file=task.source, problem=problem)
            return False
        return True

    async def untick(self, task: Task) -> None:
        """Take a tick back that was set ahead of a commit which did not come about."""
        completed, total = len(task.completed), task.total_instructions
        if self._config.predecessor and total >= COMMIT_INSTRUCTION:
            await self.mark(task, ItemState.PENDING, f"Выполнено {completed}/{total}")

    def say(self, name: str, task: Task, /, **data: object) -> None:
        """Tell whoever watches of something about the task."""
        self._sink(Event(name, self._clock(), task.id, task.epoch, data))


def _seconds(task: Task, now: float) -> float:
    return round(now - (task.started_at or now), 3)
