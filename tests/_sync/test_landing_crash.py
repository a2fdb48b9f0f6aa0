# Generated from tests/_async/test_landing_crash.py. Do not edit.
"""A server that is killed at any moment of a landing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from codeagent._runtime import sync_runtime as rt
from codeagent._sync.io import IOManager
from codeagent.core.landing import Landed, LandingRequest
from codeagent.core.task import Task, TaskState

from ..support.landings import STATUS, TODO, begin, begin_again, done_in_list, log, request, restart
from ..support.repositories import ENVIRONMENT, Repository, make_repository
from ..support.world import SpyStore, spied_store
from .helpers import until
from .landing_rig import Crash, CrashingGit, Rig, all_is_well, make_landing

Scene = Callable[[Repository], None]


def nothing_special(_: Repository) -> None:
    return


def list_being_written(repository: Repository) -> None:
    repository.write("todo.md", TODO + "- [ ] one more\n")
    repository.write(STATUS, "# Status\n\n# Code Agent Server\n")


def landed_and_moved_on(repository: Repository) -> None:
    """Something landed that the checkout has not taken, and the user committed since."""
    repository.git("branch", "codeagent/landed/main")
    place = repository.path.parent / "earlier"
    repository.git("worktree", "add", "-q", str(place), "codeagent/landed/main")
    Repository(place).commit(earlier="landed\n")
    repository.git("worktree", "remove", str(place))
    repository.commit(users="own\n")


def with_remote(repository: Repository) -> None:
    bare = repository.path.parent / "remote"
    repository.git("clone", "-q", "--bare", str(repository.path), str(bare))
    repository.git("remote", "add", "origin", "../remote")


SCENES: dict[str, tuple[Scene, bool]] = {
    "clean": (nothing_special, False),
    "list": (list_being_written, False),
    "replay": (landed_and_moved_on, False),
    "push": (with_remote, True),
}


def live(
    repository: Repository, store: SpyStore, one: LandingRequest, *, push: bool, at: int | None
) -> None:
    """One life of a server: it recovers, and lands the task unless it is done.

    It is killed before its git call number ``at``.
    """
    git = CrashingGit(ENVIRONMENT)
    git.at = at
    rig = Rig(repository, store, all_is_well)
    restart(store)
    with IOManager() as io, rt.TaskGroup() as group:
        landing = make_landing(rig, io, git, push=push)
        landing.settle_open()
        running = group.start_soon(landing.run)
        if state_of(store) is not TaskState.DONE:
            task = begin_again(store, "task_1")
            assert isinstance(landing.land(replace(one, task=task)), Landed)
            store.finish_task(task.id, task.epoch, TaskState.DONE, 0.0).result()
        until(lambda: "task 1" in log(repository) and not repository.branches())
        running.cancel()


def state_of(store: SpyStore) -> TaskState:
    found = store.task("task_1").result()
    assert isinstance(found, Task)
    return found.state


@pytest.mark.parametrize("scene", SCENES)
def test_nothing_is_lost_and_nothing_lands_twice(scene: str, tmp_path: Path) -> None:
    prepare, push = SCENES[scene]
    template = tmp_path / "template"
    repository = make_repository(
        template / "repository", todo__md=TODO, codeAgentProjectStatus__md="# Status\n", base="1\n"
    )
    with spied_store(template) as store:
        one = request(repository, begin(store, 1), {"new": "1\n"})
    prepare(repository)
    for at in count(1, 3):
        place = tmp_path / f"killed-{at}"
        shutil.copytree(template, place)
        here = Repository(place / "repository")
        killed = False
        with spied_store(place) as store:
            try:
                live(here, store, one, push=push, at=at)
            except BaseException as error:
                if not killed_by(error):
                    raise
                killed = True
            check_what_the_user_wrote(here, scene)
            live(here, store, one, push=push, at=None)
            assert state_of(store) is TaskState.DONE
            assert not store.landings(open_only=True).result()
        check(here, scene)
        shutil.rmtree(place)
        if not killed:
            break
    assert at > 20


def killed_by(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(killed_by(inner) for inner in error.exceptions)
    return isinstance(error, Crash)


def check_what_the_user_wrote(repository: Repository, scene: str) -> None:
    if scene != "list":
        return
    listed, status = ((repository.path / name).read_text() for name in ("todo.md", STATUS))
    assert listed.endswith("- [ ] one more\n")
    assert status.startswith("# Status\n\n# Code Agent Server\n")
    if "new" in repository.git("ls-tree", "--name-only", "main"):
        assert "- [x] task 1" in listed
        assert status.count("Выполнено через") == 1


def check(repository: Repository, scene: str) -> None:
    check_what_the_user_wrote(repository, scene)
    subjects = log(repository)
    assert subjects.count("task 1") == 1, subjects
    assert len(subjects) == (4 if scene == "replay" else 2), subjects
    assert done_in_list(repository) == ["task 1"]
    assert repository.git("show", f"main:{STATUS}").count("Выполнено через") == 1
    assert (repository.path / "new").read_text() == "1\n"
    assert repository.git("diff", "--cached", "--name-only") == ""
    changed = repository.git("diff", "--name-only").split()
    assert changed == ([STATUS, "todo.md"] if scene == "list" else [])
    if scene == "push":
        remote = Repository(repository.path.parent / "remote")
        assert remote.git("rev-parse", "main") == repository.git("rev-parse", "main")
