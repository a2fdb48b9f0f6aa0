"""What is committed of a workspace and kept of it, on the real git."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from codeagent.core.task import TaskState
from codeagent.core.workspace import WorkspaceError

from ..support.repositories import make_repository
from .yard import again, inside, open_yard


async def test_a_commit_holds_all_that_was_left_and_nothing_of_ours(tmp_path: Path) -> None:
    names = {"changed": "1\n", "deleted": "1\n", "__gitignore": "build/\n"}
    async with open_yard(tmp_path, **names) as yard:
        workspaces = yard.workspaces()
        workspace = await workspaces.open(await yard.begun("task_1"))
        tree = inside(workspace)
        tree.write("changed", "2\n")
        (workspace.path / "deleted").unlink()
        tree.write("new/файл.txt", "new\n")
        tree.write("build/out", "ignored\n")
        tree.write(".codeagent/report.md", "ours\n")
        changes = await workspaces.commit(workspace, "The work\n\nof task 1\n")
        assert sorted(changes.files) == ["changed", "deleted", "new/файл.txt"]
        assert not changes.empty
        assert changes.base == workspace.base
        assert yard.repository.git("rev-parse", "codeagent/task_1-a1") == changes.commit
        assert yard.repository.git("log", "-1", "--format=%B", changes.commit) == (
            "The work\n\nof task 1"
        )
        assert tree.git("status", "--porcelain") == ""
        assert await workspaces.commit(workspace, "again\n") == changes


async def test_nothing_done_is_no_change(tmp_path: Path) -> None:
    async with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        workspace = await workspaces.open(await yard.begun("task_1"))
        changes = await workspaces.commit(workspace, "nothing\n")
        assert changes.empty
        assert changes.commit == workspace.base
        inside(workspace).commit()
        changes = await workspaces.commit(workspace, "nothing\n")
        assert changes.empty


async def test_what_the_agent_committed_elsewhere_gets_onto_the_branch(tmp_path: Path) -> None:
    async with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        workspace = await workspaces.open(await yard.begun("task_1"))
        tree = inside(workspace)
        tree.git("checkout", "-q", "--detach")
        tree.commit(work="done\n")
        tree.write("more", "left\n")
        changes = await workspaces.commit(workspace, "work\n")
        assert sorted(changes.files) == ["more", "work"]
        assert tree.git("branch", "--show-current") == workspace.branch
        assert yard.repository.git("rev-parse", f"{workspace.branch}") == changes.commit


async def test_a_merge_that_the_agent_left_is_committed_as_one(tmp_path: Path) -> None:
    async with open_yard(tmp_path, file="base\n") as yard:
        workspaces = yard.workspaces()
        workspace = await workspaces.open(await yard.begun("task_1"))
        tree = inside(workspace)
        tree.commit(file="ours\n", mine="mine\n")
        target = yard.repository.commit(file="theirs\n", other="theirs\n")
        tree.git("merge", "-q", "main", check=False)
        tree.write("file", "both\n")
        changes = await workspaces.commit(workspace, "merge\n")
        parents = yard.repository.git("log", "-1", "--format=%P", changes.commit).split()
        assert len(parents) == 2
        assert changes.base == target
        assert sorted(changes.files) == ["file", "mine"]
        assert tree.git("status", "--porcelain") == ""


async def test_an_unfinished_rebase_is_refused_and_undone_by_the_next_attempt(
    tmp_path: Path,
) -> None:
    async with open_yard(tmp_path, file="base\n") as yard:
        workspaces = yard.workspaces()
        task = await yard.begun("task_1")
        workspace = await workspaces.open(task)
        tree = inside(workspace)
        mine = tree.commit(file="ours\n")
        yard.repository.commit(file="theirs\n")
        tree.git("rebase", "main", check=False)
        with pytest.raises(WorkspaceError, match="a rebase was begun"):
            await workspaces.commit(workspace, "work\n")
        await workspaces.release(workspace, landed=False)
        await yard.ended(task, TaskState.FAILED)
        again = await workspaces.open(await yard.begun("task_1"))
        assert inside(again).git("rev-parse", "HEAD") == mine
        assert inside(again).git("branch", "--show-current") == "codeagent/task_1-a2"


async def test_what_a_killed_git_left_locked_beside_our_refs_is_unlocked(tmp_path: Path) -> None:
    async with open_yard(tmp_path) as yard:
        refs = yard.repository.path / ".git" / "refs" / "heads"
        locks = [refs / "codeagent" / "task_1-a1.lock", refs / "codeagent" / "fresh.lock"]
        locks.append(refs / "main.lock")
        for lock in locks:
            lock.parent.mkdir(exist_ok=True)
            lock.touch()
        for lock in (locks[0], locks[2]):
            os.utime(lock, (1, 1))
        workspaces = yard.workspaces()
        await workspaces.prepare()
        assert [lock.exists() for lock in locks] == [False, True, True]
        workspace = await workspaces.open(await yard.begun("task_1"))
        assert workspace.branch == "codeagent/task_1-a1"


async def test_work_is_committed_although_its_branch_was_deleted(tmp_path: Path) -> None:
    async with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        workspace = await workspaces.open(await yard.begun("task_1"))
        inside(workspace).write("work", "done\n")
        yard.repository.git("update-ref", "-d", f"refs/heads/{workspace.branch}")
        changes = await workspaces.commit(workspace, "work\n")
        assert changes.files == ("work",)
        assert inside(workspace).git("rev-parse", "HEAD") == changes.commit


async def test_a_repository_inside_the_worktree_is_left_out(tmp_path: Path) -> None:
    async with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        workspace = await workspaces.open(await yard.begun("task_1"))
        make_repository(workspace.path / "vendored")
        inside(workspace).write("work", "done\n")
        changes = await workspaces.commit(workspace, "work\n")
        assert changes.files == ("work",)


async def test_a_repository_inside_the_worktree_of_landed_work_is_never_deleted(
    tmp_path: Path,
) -> None:
    async with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        task = await yard.begun("task_1")
        workspace = await workspaces.open(task)
        make_repository(workspace.path / "vendored")
        await workspaces.release(workspace, landed=True)
        await yard.ended(task, TaskState.DONE)
        (leftover,) = await workspaces.sweep()
        assert leftover.why == "there are changes in it that are in no commit"
        assert (workspace.path / "vendored" / "README.md").exists()


async def test_a_snapshot_holds_everything_and_changes_nothing(tmp_path: Path) -> None:
    async with open_yard(tmp_path, file="1\n") as yard:
        workspaces = yard.workspaces()
        workspace = await workspaces.open(await yard.begun("task_1"))
        tree = inside(workspace)
        tree.write("file", "2\n")
        tree.git("add", "file")
        tree.write("file", "3\n")
        tree.write("new", "new\n")
        before = tree.git("status", "--porcelain", "--branch")
        head = tree.git("rev-parse", "HEAD")
        snapshot = await workspaces.snapshot(workspace, "before a retry")
        assert tree.git("status", "--porcelain", "--branch") == before
        assert tree.git("rev-parse", "HEAD") == head
        assert yard.repository.git("show", f"{snapshot}:file") == "3"
        assert yard.repository.git("show", f"{snapshot}:new") == "new"
        second = await workspaces.snapshot(workspace, "again")
        refs = yard.repository.git("for-each-ref", "--format=%(refname)", "refs/codeagent/snap")
        assert refs.split() == [f"refs/codeagent/snap/task_1-a1-{n}" for n in (1, 2)]
        assert yard.repository.git("rev-parse", refs.split()[1]) == second


async def test_what_was_captured_is_kept_though_the_worktree_goes_on(tmp_path: Path) -> None:
    async with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        workspace = await workspaces.open(await yard.begun("task_1"))
        inside(workspace).write("file", "first")
        first = await workspaces.capture(workspace)
        inside(workspace).commit(file="second", other="new")
        second = await workspaces.capture(workspace)
        inside(workspace).write("file", "third")
        kept = await workspaces.keep(workspace, first, "first")
        later = await workspaces.keep(workspace, second, "second")
        git = yard.repository.git
        assert git("show", f"{kept}:file") == "first"
        assert git("show", f"{later}:file") == "second"
        assert git("rev-parse", f"{kept}^") == workspace.base
        assert git("rev-parse", f"{later}^") == inside(workspace).git("rev-parse", "HEAD")
        assert git("for-each-ref", "--format=%(objectname)", "refs/codeagent/snap").split() == [
            kept,
            later,
        ]
        assert list((yard.root / "run" / "task_1").glob("*.index")) == []


async def test_a_snapshot_is_restored_as_it_was(tmp_path: Path) -> None:
    async with open_yard(tmp_path, file="1\n") as yard:
        yard.repository.write(".env", "A=1\n")
        workspaces = yard.workspaces()
        workspace = await workspaces.open(await yard.begun("task_1"))
        tree = inside(workspace)
        tree.git("commit", "-q", "--allow-empty", "-m", "done")
        head = tree.git("rev-parse", "HEAD")
        tree.write("file", "2\n")
        tree.write("new", "new\n")
        snapshot = await workspaces.snapshot(workspace, "good")
        tree.write("file", "spoilt\n")
        tree.git("commit", "-q", "-a", "-m", "bad")
        tree.write("worse", "worse\n")
        (workspace.path / "new").unlink()
        await workspaces.restore(workspace, snapshot)
        assert tree.git("rev-parse", "HEAD") == head
        assert (workspace.path / "file").read_text("utf-8") == "2\n"
        assert (workspace.path / "new").exists()
        assert (workspace.path / ".env").exists()
        assert tree.git("status", "--porcelain").split() == ["M", "file", "??", ".env", "??", "new"]
        await workspaces.restore(workspace, f"{workspace.base}")
        assert tree.git("rev-parse", "HEAD") == workspace.base
        assert tree.git("status", "--porcelain") == "?? .env"
        assert tree.git("branch", "--show-current") == workspace.branch


async def test_commits_of_an_earlier_attempt_that_was_taken_back_are_kept(tmp_path: Path) -> None:
    async with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces(keep_failed=0)
        task = await yard.begun("task_1")
        first = await workspaces.open(task)
        inside(first).commit(work="x\n")
        await workspaces.release(first, landed=False)
        await yard.ended(task, TaskState.FAILED)
        second = await workspaces.open(await yard.begun("task_1"))
        await workspaces.restore(second, f"{second.base}")
        await workspaces.release(second, landed=False)
        await yard.ended(await again(yard, "task_1"), TaskState.FAILED)
        await yard.workspaces().prepare()
        assert yard.repository.worktrees() == []
        assert yard.repository.branches() == ["codeagent/task_1-a1"]
