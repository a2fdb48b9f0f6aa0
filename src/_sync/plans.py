# Generated from src/_async/plans.py. Do not edit.
"""The plan of a task: which path each capability takes for it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING

from .._runtime import sync_runtime as rt
from ..core.task import Task
from ..store import Store

if TYPE_CHECKING:
    from ..rollout.router import Assignment

logger = logging.getLogger(__name__)

Assign = Callable[[Task], "Assignment | None"]
"""Decides about a task, or goes on with what was decided; None if nothing is rolled out."""


class Plans:
    """Has plans decided when tasks begin, and keeps them with the tasks."""

    def __init__(self, store: Store, assign: Assign) -> None:
        self._store = store
        self._assign = assign

    def in_force(self, task: Task) -> PlanInForce:
        """A block in which everything is done by the task's plan."""
        return PlanInForce(self._store, task, self._assign(task))


class PlanInForce:
    """The block: before it the plan is on the disk, behind it what it was lowered to."""

    def __init__(self, store: Store, task: Task, assignment: Assignment | None) -> None:
        self._store = store
        self._task = task
        self._assignment = assignment
        self._stored = task.plan
        self._current: AbstractContextManager[object] | None = None

    def __enter__(self) -> None:
        if self._assignment is None:
            return
        from ..rollout.router import assigned

        self._keep(self._assignment)
        self._current = assigned(self._assignment)
        self._current.__enter__()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self._assignment is None or self._current is None:
            return
        self._current.__exit__(None, None, None)
        rt.shielded(self._keep, self._assignment)

    def _keep(self, assignment: Assignment) -> None:
        text = assignment.plan.to_text()
        if text == self._stored:
            return
        stages = {name: str(found.stage) for name, found in assignment.plan.decisions.items()}
        said = ", ".join(f"{name} {stage}" for name, stage in stages.items())
        logger.info("plan %s: %s", assignment.plan_id, said)
        rt.wait_for_future(self._store.set_plan(self._task.id, text))
        self._stored = text
