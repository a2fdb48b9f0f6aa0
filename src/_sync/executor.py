# Generated from src/_async/executor.py. Do not edit.
"""Runs one task: its instructions in order, and what has to be said about it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from .._runtime import sync_runtime as rt
from ..core import status as texts
from ..core.agents import Adapter
from ..core.config import Config
from ..core.errors import explain
from ..core.events import Event, Sink
from ..core.instructions import Instruction, builtin_sequence, required_successes, sequence
from ..core.reconcile import IN_COMMIT_COMMENT
from ..core.schedule import retry_at
from ..core.task import Fenced, InvalidTransition, Task, TaskState, remaining
from ..core.times import local
from ..core.todo import ItemState, TodoError, done_comment, instruction_type, stamped
from ..observe.logs import bind
from ..store import Store, StoreError
from .instructions import InstructionRunner
from .status import StatusManager
from .todo import TodoManager

if TYPE_CHECKING:
    from ..core.llm.skips import Skip
    from .assessment import Assessor

logger = logging.getLogger(__name__)

STOPPED = "the server was asked to stop"
"""Why an attempt was interrupted, in events and in the store."""

COMMIT_INSTRUCTION = 8
"""Before the instruction with this number the predecessor ticks the task's
line, so that the tick is part of the commit that the instruction makes."""


class AgentUnusable(Exception):
    """No task can be run with this agent; a person has to see to it first."""


class TaskExecutor:
    """Takes a task from its first instruction, or where it stood, to its end."""

    def __init__(
        self,
        *,
        config: Config,
        adapter: Adapter,
        store: Store,
        runner: InstructionRunner,
        todo: TodoManager,
        status: StatusManager,
        sink: Sink,
        on_change: Callable[[], None],
        clock: Callable[[], float],
        assessor: Assessor | None = None,
    ) -> None:
        self._config = config
        self._adapter = adapter
        self._store = store
        self._runner = runner
        self._todo = todo
        self._status = status
        self._sink = sink
        self._on_change = on_change
        self._clock = clock
        self._assessor = assessor

    def execute(self, task: Task) -> float | None:
        """Run one attempt; returns when the next one may start, None if there is none.

        Raises `AgentUnusable` and `StoreError`, for then there is no use in
        going on, and lets cancellation pass once the task is put back.
        """
        kind = instruction_type(task.text)
        steps = self.sequence(kind)
        first: int | None = 1
        if self._assessor is not None:
            first = self._assessor.where_to_begin(task, len(steps))
        if first is None:  # not now
            return None
        try:
            current = rt.shielded(self._begin, task.id, len(steps), first)
        except rt.Cancelled:
            rt.shielded(self._take_back, task.id)
            raise
        except InvalidTransition as error:  # a person settled it meanwhile
            logger.info("%s", error)
            return None
        with bind(task=current.id, attempt=current.epoch, path=rt.PATH):
            try:
                return self._supervised(current, steps, kind)
            except Fenced as error:
                logger.warning("%s", error)
                return None

    def _begin(self, task_id: str, instructions: int, first: int) -> Task:
        return rt.wait_for_future(
            self._store.begin_attempt(
                task_id, path=rt.PATH, instructions=instructions, now=self._clock(), first=first
            )
        )

    def _take_back(self, task_id: str) -> None:
        """Undo the beginning of an attempt that nobody has heard of."""
        task = rt.wait_for_future(self._store.task(task_id))
        if task is not None and task.state is TaskState.RUNNING:
            rt.wait_for_future(self._store.interrupt_task(task.id, task.epoch, self._clock()))

    def _supervised(self, task: Task, steps: tuple[Instruction, ...], kind: str) -> float | None:
        """The attempt, with its end recorded however it comes about."""
        try:
            return self._attempt(task, steps, kind)
        except rt.Cancelled:
            rt.shielded(self._put_back, task, texts.STOP_REQUESTED, STOPPED)
            raise
        except AgentUnusable as error:
            rt.shielded(self._put_back, task, texts.details_agent_failed(str(error)), str(error))
            raise
        except (Fenced, StoreError):
            raise
        except Exception as error:
            logger.exception("the attempt ended with an error")
            return rt.shielded(self._failed, task, texts.Status.ERROR, explain(error))

    def sequence(self, kind: str) -> tuple[Instruction, ...]:
        """The instructions for a task of one kind. Raises `InstructionError`."""
        if not self._config.instructions and not self._config.predecessor:
            return builtin_sequence()
        timeout = self._config.runtime.instruction_timeout
        return sequence(self._config.instructions, kind, default_timeout=timeout)

    def _attempt(self, task: Task, steps: tuple[Instruction, ...], kind: str) -> float | None:
        began = self._clock()
        todo = remaining(task)
        self._on_change()
        details = texts.details_started(began, kind, self._adapter.label)
        self._status.append(
            texts.separator() + texts.task_update(task.text, texts.Status.RUNNING, details)
        )
        resumed_at = todo[0] if todo and task.completed else None
        self._say(
            "task.started",
            task,
            text=task.text,
            type=kind,
            instructions=len(steps),
            resumed_at=resumed_at,
        )
        if self._assessor is not None:
            if (skip := self._assessor.reason_to_skip(task)) is not None:
                return rt.shielded(self._skipped, task, skip)
            self._follow_earlier(task, steps)
        for position in todo:
            instruction = steps[position - 1]
            if self._config.predecessor and instruction.instruction_id == COMMIT_INSTRUCTION:
                self._mark(task, ItemState.DONE, IN_COMMIT_COMMENT)
            outcome = self._runner.run(task, instruction)
            task = outcome.task
            self._on_change()
            if outcome.unusable:
                raise AgentUnusable(outcome.reason)
            if self._assessor is not None and not outcome.reason:
                if position == 1 and (skip := self._assessor.off_plan(task)) is not None:
                    return rt.shielded(self._skipped, task, skip)
                self._follow(task, steps, instruction, outcome.report)
        if len(task.completed) >= required_successes(len(steps)):
            rt.shielded(self._done, task, began)
            return None
        return rt.shielded(self._failed, task, texts.Status.PARTLY_DONE, None)

    def _follow_earlier(self, task: Task, steps: tuple[Instruction, ...]) -> None:
        """Look again at the report behind which an earlier attempt was stopped."""
        if task.last_completed:
            last = steps[task.last_completed - 1]
            if last.check_report and last is not steps[-1]:
                self._follow(task, steps, last, self._runner.report_of(task, last))

    def _follow(
        self, task: Task, steps: tuple[Instruction, ...], instruction: Instruction, report: str
    ) -> None:
        """Do what is to follow on the report of ``instruction``, if it is to be checked."""
        last = instruction.position == len(steps)
        if self._assessor is None or last or not instruction.check_report or not report.strip():
            return
        following = steps[instruction.position]
        text = self._assessor.what_follows(task, instruction, following, report)
        if text:
            outcome = self._runner.insert(task, instruction.position, text)
            if outcome.unusable:
                raise AgentUnusable(outcome.reason)

    def _skipped(self, task: Task, skip: Skip) -> None:
        reason, now = skip.reason, self._clock()
        task = rt.wait_for_future(
            self._store.finish_task(task.id, task.epoch, TaskState.SKIPPED, now, error=reason)
        )
        if self._mark(task, ItemState.SKIPPED, skip.comment):
            rt.wait_for_future(self._store.set_marked(task.id, task.state))
        self._status.append(texts.task_update(task.text, texts.Status.SKIPPED, skip.details))
        self._on_change()
        self._say("task.skipped", task, reason=reason)

    def _done(self, task: Task, began: float) -> None:
        completed, total = len(task.completed), task.total_instructions
        task = rt.wait_for_future(
            self._store.finish_task(task.id, task.epoch, TaskState.DONE, self._clock())
        )
        self.mark_final(task)
        details = texts.details_done(completed, total, task.id)
        self._status.append(texts.task_update(task.text, texts.Status.DONE, details))
        self._on_change()
        seconds = round(self._clock() - began, 3)
        self._say("task.done", task, completed=completed, total=total, seconds=seconds)

    def mark_final(self, task: Task) -> None:
        """Make the task's line show its final state, and remember that it does."""
        if task.state is TaskState.SKIPPED:
            marked = self._mark(task, ItemState.SKIPPED, None)
        else:
            comment = done_comment(len(task.completed), task.total_instructions)
            marked = self._mark(task, ItemState.DONE, comment)
        if marked:
            rt.wait_for_future(self._store.set_marked(task.id, task.state))

    def _failed(self, task: Task, status: texts.Status, error: str | None) -> float | None:
        completed, total = len(task.completed), task.total_instructions
        if error is None:
            reason = f"{completed} of {total} instructions succeeded"
            required = required_successes(total)
            details = texts.details_partly_done(completed, total, required, task.id)
            stored = "Задача не выполнена через Cursor"
        else:
            reason, details, stored = error, texts.details_error(error), error
        now = self._clock()
        task = rt.wait_for_future(
            self._store.finish_task(task.id, task.epoch, TaskState.FAILED, now, error=stored)
        )
        self._untick(task, completed, total)
        self._status.append(texts.task_update(task.text, status, details))
        self._on_change()
        again = retry_at(
            task.attempts,
            self._config.max_attempts,
            now,
            delay=self._config.runtime.retry_delay,
            longest=self._config.runtime.retry_delay_max,
        )
        self._say(
            "task.failed",
            task,
            seconds=_seconds(task, now),
            reason=reason,
            attempts=task.attempts,
            retry_at=again,
        )
        return again

    def _put_back(self, task: Task, details: str, reason: str) -> None:
        """Leave the task to a later run; ``details`` are for the status file."""
        try:
            rt.wait_for_future(
                self._store.interrupt_task(task.id, task.epoch, self._clock(), reason=reason)
            )
        except Fenced:  # the stop came when the attempt was over
            return
        self._status.append(texts.task_update(task.text, texts.Status.INTERRUPTED, details))
        self._on_change()
        self._say("task.interrupted", task, seconds=_seconds(task, self._clock()), reason=reason)

    def _mark(self, task: Task, state: ItemState, comment: str | None) -> bool:
        """Mark the task's line; a list that no longer has it, or cannot be written, is
        reported and tried again when the list changes."""
        if comment is not None:
            comment = stamped(comment, local(self._clock()))
        try:
            self._todo.mark(task.source, task.text, state, comment)
        except (TodoError, OSError) as error:
            logger.warning("%s could not be marked in %s: %s", task.id, task.source, error)
            why = getattr(error, "strerror", None) or error
            problem = f"the line of {task.text!r} could not be changed: {why}"
            data = {"file": task.source, "problem": problem}
            self._sink(Event("list.problem", self._clock(), task.id, task.epoch, data))
            return False
        return True

    def _untick(self, task: Task, completed: int, total: int) -> None:
        """Take a tick back that was set ahead of a commit which did not come about."""
        if self._config.predecessor and total >= COMMIT_INSTRUCTION:
            comment = f"Выполнено {completed}/{total}"
            self._mark(task, ItemState.PENDING, comment)

    def _say(self, name: str, task: Task, /, **data: object) -> None:
        self._sink(Event(name, self._clock(), task.id, task.epoch, data))


def _seconds(task: Task, now: float) -> float:
    return round(now - (task.started_at or now), 3)
