# Generated from tests/_async/attempt_rig.py. Do not edit.
"""Attempts in place over a real store, with a list of one task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codeagent._runtime import sync_runtime as rt
from codeagent._sync.executor import TaskExecutor
from codeagent._sync.git import Git
from codeagent._sync.in_place import InPlaceAttempt
from codeagent._sync.io import IOManager
from codeagent._sync.settlement import Settlement
from codeagent._sync.status import StatusManager
from codeagent._sync.todo import TodoManager
from codeagent._sync.workbench import Workbench
from codeagent.core.agents import Adapter
from codeagent.core.config import Config
from codeagent.core.handover import Baton, Memory
from codeagent.core.task import Task

from ..support.repositories import ENVIRONMENT
from ..support.world import NOW, Clock, Recorder, SpyStore, layout


class AttemptRig:
    """All that an executor of attempts in place stands on."""

    def __init__(self, directory: Path, store: SpyStore, io: IOManager, settings: Config):
        self.layout = layout(settings, directory)
        self.project = self.layout.project
        self.store = store
        self.clock = Clock()
        self.sink = Recorder()
        self.baton = Baton(Memory())
        self.changes = 0
        self.cancelled: set[str] = set()
        self.list = self.project / "todo.md"
        self.list.write_text("- [ ] one\n", "utf-8")
        self.settings = settings
        self.common: dict[str, Any] = {
            "config": settings,
            "store": store,
            "sink": self.sink,
            "clock": self.clock,
        }
        self.settlement = Settlement(
            todo=TodoManager(io, self.project, "md"),
            status=StatusManager(io, self.layout.status, clock=self.clock),
            on_change=self._changed,
            **self.common,
        )
        self.bench = Workbench(
            layout=self.layout,
            environment=ENVIRONMENT,
            io=io,
            git=Git(ENVIRONMENT),
            **self.common,
        )

    def executor_of(self, agent: str, agents: Mapping[str, Adapter], runner: Any) -> TaskExecutor:
        """An executor called ``agent``, whose instructions are run by ``runner``."""
        about: dict[str, Any] = {
            "config": self.settings,
            "store": self.store,
            "settlement": self.settlement,
            "clock": self.clock,
            "baton": self.baton,
        }
        return TaskExecutor(
            agent=agent,
            attempt=InPlaceAttempt(
                project=self.project,
                agents=agents,
                runner=runner,
                bench=self.bench,
                on_change=self._changed,
                **about,
            ),
            cancelled=lambda task_id: task_id in self.cancelled,
            **about,
        )

    def _changed(self) -> None:
        self.changes += 1

    def add(self) -> Task:
        task = Task("task_1", "one", source="todo.md", created_at=NOW)
        rt.wait_for_future(self.store.add_tasks([task]))
        return task

    def stored(self) -> Task:
        task: Task = rt.wait_for_future(self.store.task("task_1"))
        return task
