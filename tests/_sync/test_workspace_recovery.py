# Generated from tests/_async/test_workspace_recovery.py. Do not edit.
"""Workspaces that were lost, cut short or moved, on the real git."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from codeagent._runtime import sync_runtime as rt
from codeagent.core.task import TaskState

from .yard import Yard, again, inside, open_yard, prepared, remove


def test_a_worktree_that_was_deleted_by_hand_is_made_anew(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        yard.repository.write(".env", "A=1\n")
        workspaces = yard.workspaces()
        task = yard.begun("task_1")
        first = workspaces.open(task)
        inside(first).git("add", ".env")
        done = inside(first).commit(work="done\n")
        yard.repository.git("worktree", "remove", "-f", "-f", str(first.path))
        yard.ended(task, TaskState.FAILED)
        second = workspaces.open(yard.begun("task_1"))
        assert inside(second).git("rev-parse", "HEAD") == done
        assert second.base == first.base
        yard.ended(again(yard, "task_1"), TaskState.FAILED)
        remove(second.path)
        workspaces = prepared(yard)
        third = workspaces.open(yard.begun("task_1"))
        assert (third.path / "work").exists()


@pytest.mark.parametrize("lost", ["administration", "pointer"])
def test_a_worktree_that_git_has_forgotten_keeps_its_files(tmp_path: Path, lost: str) -> None:
    with open_yard(tmp_path, file="1\n") as yard:
        workspaces = yard.workspaces()
        task = yard.begun("task_1")
        workspace = workspaces.open(task)
        inside(workspace).commit(work="done\n")
        inside(workspace).write("file", "2\n")
        inside(workspace).write("new", "new\n")
        if lost == "pointer":
            (workspace.path / ".git").unlink()
        else:
            remove(yard.repository.path / ".git/worktrees/task_1")
        yard.ended(task, TaskState.FAILED)
        second = workspaces.open(yard.begun("task_1"))
        status = inside(second).git("status", "--porcelain").split()
        assert status == ["M", "file", "??", "new"]
        assert (second.path / "work").exists()


def test_a_creation_that_was_cut_short_is_finished(tmp_path: Path) -> None:
    with open_yard(tmp_path, file="1\n") as yard:
        path = yard.root / "wt" / "task_1"
        path.parent.mkdir(parents=True)
        branch = "codeagent/task_1-a1"
        yard.repository.git("worktree", "add", "--no-checkout", "-b", branch, str(path))
        yard.repository.write(".git/worktrees/task_1/index.lock", "")
        (path / "file").write_text("half", "utf-8")
        workspace = yard.workspaces().open(yard.begun("task_1"))
        assert workspace.branch == branch
        assert inside(workspace).git("status", "--porcelain") == ""


def test_a_branch_that_exists_already_is_kept_under_another_name(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        base = yard.repository.git("rev-parse", "HEAD")
        yard.repository.git("checkout", "-q", "-b", "codeagent/task_1-a1")
        other = yard.repository.commit(old="work\n")
        yard.repository.git("checkout", "-q", "main")
        workspace = yard.workspaces().open(yard.begun("task_1"))
        assert inside(workspace).git("rev-parse", "HEAD") == base
        kept = yard.repository.git("for-each-ref", "--format=%(objectname)", "refs/codeagent/kept")
        assert kept == other


def test_what_is_no_worktree_in_the_place_of_one_is_taken_in(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        (yard.root / "wt/task_1").mkdir(parents=True)
        (yard.root / "wt/task_1/notes").write_text("mine\n", "utf-8")
        workspace = yard.workspaces().open(yard.begun("task_1"))
        assert inside(workspace).git("status", "--porcelain").split() == [
            "D",
            "README.md",
            "??",
            "notes",
        ]


def test_a_copy_of_a_worktree_is_not_taken_for_it(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        workspace = workspaces.open(yard.begun("task_1"))
        copy = yard.root / "wt" / "task_2"
        shutil.copytree(workspace.path, copy)
        (copy / "README.md").write_text("changed\n", "utf-8")  # nobody loses anything
        second = workspaces.open(yard.begun("task_2"))
        assert inside(second).git("branch", "--show-current") == "codeagent/task_2-a1"
        assert inside(workspace).git("branch", "--show-current") == "codeagent/task_1-a1"
        assert inside(second).git("status", "--porcelain") == "M README.md"


class Interruption:
    """Ends a scope when git has been called so many times."""

    def __init__(self, yard: Yard, calls: int) -> None:
        self.scope = rt.CancelScope()
        self._call = yard.git._call
        self._left = calls
        yard.git._call = self.call  # type: ignore[method-assign, assignment]
        self._yard = yard

    def call(self, *arguments: Any) -> Any:
        """Call git, and end the scope if it was the last time."""
        outcome = self._call(*arguments)
        self._left -= 1
        if not self._left:
            self.scope.cancel()
        return outcome

    def over(self) -> None:
        """Call git as before."""
        self._yard.git._call = self._call  # type: ignore[method-assign]


def test_an_opening_that_was_ended_anywhere_is_finished_by_the_next(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        yard.repository.write(".env", "A=1\n")
        calls, ended_early = 0, True
        while ended_early:
            calls += 1
            task = yard.begun(f"task_{calls}")
            workspaces = yard.workspaces(setup="true")
            interruption = Interruption(yard, calls)
            with interruption.scope as scope:
                workspaces.open(task)
            ended_early = scope.ended_early
            interruption.over()
            workspaces = prepared(yard)
            workspace = workspaces.open(task)
            assert inside(workspace).git("status", "--porcelain") == "?? .env"
            assert inside(workspace).git("branch", "--show-current") == workspace.branch
            assert workspace.base == yard.repository.git("rev-parse", "HEAD")
            workspaces.release(workspace, landed=True)
        assert calls > 5
        assert (yard.repository.worktrees(), yard.repository.branches()) == ([], [])


def test_worktrees_that_were_moved_with_their_directory_are_found_again(
    tmp_path: Path,
) -> None:
    with open_yard(tmp_path) as yard:
        task = yard.begun("task_1")
        workspace = yard.workspaces().open(task)
        inside(workspace).write("work", "x\n")
        (tmp_path / "state").rename(tmp_path / "elsewhere")
        yard.root = tmp_path / "elsewhere" / yard.root.name
        workspaces = prepared(yard)
        moved = workspaces.open(task)
        assert moved.path == yard.root / "wt" / "task_1"
        assert inside(moved).git("branch", "--show-current") == workspace.branch
        assert inside(moved).git("status", "--porcelain") == "?? work"
        assert yard.repository.worktrees() == [str(moved.path)]
