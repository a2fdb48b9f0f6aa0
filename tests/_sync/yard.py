# Generated from tests/_async/yard.py. Do not edit.
"""A repository, a store and the workspaces of the one in the other."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codeagent._runtime import sync_runtime as rt
from codeagent._sync.furnishing import Furnisher
from codeagent._sync.git import Git
from codeagent._sync.starting import StartingPoint
from codeagent._sync.workspaces import Workspaces
from codeagent.core.config.work import WorkspaceSettings
from codeagent.core.task import Task, TaskState
from codeagent.core.workspace import Workspace
from codeagent.store import Store, open_store

from ..support.repositories import ENVIRONMENT, Repository, make_repository


@dataclass
class Yard:
    """Everything that a test of workspaces needs."""

    root: Path
    repository: Repository
    store: Store
    home: Path
    git: Git
    now: float = 1000.0
    numbers: int = 0
    extra: Mapping[str, str] = field(default_factory=dict)

    def workspaces(
        self, *, published: bool = False, disk_floor: int = 0, **settings: Any
    ) -> Workspaces:
        """The workspaces of a new server."""
        chosen = WorkspaceSettings.model_validate(settings)
        project, environment = self.repository.path, {**ENVIRONMENT, **self.extra}
        start = StartingPoint(self.git, chosen, project=project, target=None, published=published)
        furnisher = Furnisher(
            chosen, project=project, root=self.root, git=self.git, environment=environment
        )
        return Workspaces(
            chosen,
            project=project,
            root=self.root,
            git=self.git,
            store=self.store,
            start=start,
            furnisher=furnisher,
            environment=environment,
            home=self.home,
            clock=lambda: self.now,
            disk_floor=disk_floor,
        )

    def begun(self, task_id: str) -> Task:
        """A new attempt at a task, which is added if it is new."""
        self.numbers += 1
        if rt.wait_for_future(self.store.task(task_id)) is None:
            task = Task(id=task_id, text=f"task {self.numbers}")
            rt.wait_for_future(self.store.add_tasks([task]))
        return rt.wait_for_future(
            self.store.begin_attempt(task_id, path=rt.PATH, instructions=1, now=self.now)
        )

    def ended(self, task: Task, state: TaskState) -> None:
        """The attempt is over."""
        rt.wait_for_future(self.store.finish_task(task.id, task.epoch, state, self.now))

    def rows(self) -> list[tuple[str, str]]:
        """The workspaces in the store and their states."""
        rows = rt.wait_for_future(self.store.workspaces())
        return [(row.task_id, row.state) for row in rows]


@contextmanager
def open_yard(place: Path, **names: str) -> Generator[Yard]:
    """A yard with one commit of these files, "__" in a name stands for "."."""
    repository = make_repository(place / "project", **(names or {"README__md": "hello\n"}))
    store = open_store(place / "codeagent.db")
    try:
        git = Git(ENVIRONMENT)
        root = place / "state" / "project-12345678"
        yield Yard(root, repository, store, place / "home", git)
    finally:
        store.close()


def inside(workspace: Workspace) -> Repository:
    """The worktree as a repository."""
    return Repository(workspace.path)


def again(yard: Yard, task_id: str) -> Task:
    """The task as it stands."""
    task = rt.wait_for_future(yard.store.task(task_id))
    assert task is not None
    return task


def prepared(yard: Yard) -> Workspaces:
    """The workspaces of a server that has started."""
    workspaces = yard.workspaces()
    workspaces.prepare()
    return workspaces


def remove(directory: Path) -> None:
    """Delete a directory as a person would who knows nothing of worktrees."""
    for path in sorted(directory.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    directory.rmdir()
