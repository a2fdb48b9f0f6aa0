"""What is removed of workspaces, and what never is, on the real git."""

from __future__ import annotations

from pathlib import Path

from codeagent._runtime import async_runtime as rt
from codeagent.core.leftovers import Kind
from codeagent.core.task import TaskState
from codeagent.store import LandingRow

from ..support.repositories import Repository
from .yard import inside, open_yard


async def test_a_failed_task_is_kept_for_a_while_and_then_goes(tmp_path: Path) -> None:
    async with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces(keep_failed=100)
        task = await yard.begun("task_1")
        workspace = await workspaces.open(task)
        inside(workspace).write("work", "unfinished\n")
        await workspaces.release(workspace, landed=False)
        await yard.ended(task, TaskState.FAILED)
        yard.now += 99
        (leftover,) = await yard.workspaces().prepare()
        assert leftover.found.kind is Kind.WORKSPACE
        assert "kept until" in leftover.why
        yard.now += 2
        later = yard.workspaces()
        await later.prepare()
        assert yard.repository.worktrees() == []
        assert await yard.rows() == []
        assert yard.repository.git("for-each-ref", "refs/codeagent/snap") != ""


async def test_what_was_changed_after_the_snapshot_is_never_deleted(tmp_path: Path) -> None:
    async with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces(keep_failed=0)
        task = await yard.begun("task_1")
        workspace = await workspaces.open(task)
        inside(workspace).write("work", "unfinished\n")
        await workspaces.release(workspace, landed=False)
        inside(workspace).write("work", "and more by a person\n")
        await yard.ended(task, TaskState.FAILED)
        (leftover,) = await yard.workspaces(keep_failed=0).prepare()
        assert leftover.why == "there are changes in it that are in no commit"
        assert str(workspace.path) in leftover.advice
        assert (workspace.path / "work").exists()


async def test_landed_work_that_was_changed_since_is_kept(tmp_path: Path) -> None:
    async with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        workspace = await workspaces.open(await yard.begun("task_1"))
        inside(workspace).write("work", "late\n")
        await workspaces.release(workspace, landed=True)
        assert (workspace.path / "work").exists()
        assert await yard.rows() == [("task_1", "kept")]


async def test_a_server_that_died_after_a_landing_leaves_nothing_for_long(tmp_path: Path) -> None:
    async with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        task = await yard.begun("task_1")
        workspace = await workspaces.open(task)
        inside(workspace).write("work", "done\n")
        changes = await workspaces.commit(workspace, "work\n")
        landing = LandingRow(
            task_id=task.id,
            epoch=task.epoch,
            target="main",
            parent=changes.base,
            commit_id=changes.commit,
            begun_at=yard.now,
        )
        await rt.wait_for_future(yard.store.begin_landing(landing))
        await rt.wait_for_future(yard.store.landed(task.id, task.epoch, yard.now))
        await yard.ended(task, TaskState.DONE)
        assert await yard.workspaces().prepare() == []
        assert (yard.repository.worktrees(), yard.repository.branches()) == ([], [])


async def test_a_task_that_a_person_ticked_loses_its_worktree_but_not_its_branch(
    tmp_path: Path,
) -> None:
    async with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        task = await yard.begun("task_1")
        workspace = await workspaces.open(task)
        inside(workspace).commit(work="done\n")
        await yard.ended(task, TaskState.DONE)
        await yard.workspaces().prepare()
        assert yard.repository.worktrees() == []
        assert yard.repository.branches() == ["codeagent/task_1-a1"]


async def test_strangers_are_removed_only_if_they_are_clean_and_merged(tmp_path: Path) -> None:
    async with open_yard(tmp_path) as yard:
        place = yard.root / "wt"
        place.mkdir(parents=True)

        def add(name: str) -> Repository:
            branch = f"codeagent/{name}-a1"
            yard.repository.git("worktree", "add", "-q", "-b", branch, str(place / name))
            return Repository(place / name)

        add("clean")
        add("dirty").write("work", "x\n")
        add("ahead").commit(work="x\n")
        yard.repository.git("branch", "codeagent/merged-a1")
        yard.repository.git("branch", "codeagent/landed/main")
        yard.repository.git("worktree", "add", "-q", "--detach", str(place / "_merge"))
        yard.repository.git("worktree", "add", "-q", "-b", "mine", str(tmp_path / "mine"))
        (place / "directory").mkdir()
        leftovers = await yard.workspaces().prepare()
        assert sorted((item.found.kind, item.found.name) for item in leftovers) == [
            (Kind.DIRECTORY, "directory"),
            (Kind.WORKTREE, "ahead"),
            (Kind.WORKTREE, "dirty"),
        ]
        kept = sorted(Path(path).name for path in yard.repository.worktrees())
        assert kept == ["_merge", "ahead", "dirty", "mine"]
        assert yard.repository.branches() == [
            "codeagent/ahead-a1",
            "codeagent/dirty-a1",
            "codeagent/landed/main",
        ]


async def test_a_branch_with_commits_of_its_own_is_only_listed(tmp_path: Path) -> None:
    async with open_yard(tmp_path) as yard:
        yard.repository.git("checkout", "-q", "-b", "codeagent/old-a1")
        yard.repository.commit(work="x\n")
        yard.repository.git("checkout", "-q", "main")
        (leftover,) = await yard.workspaces().prepare()
        assert (leftover.found.kind, leftover.found.name) == (Kind.BRANCH, "codeagent/old-a1")
        assert "branch -D codeagent/old-a1" in leftover.advice


async def test_a_workspace_is_not_swept_while_it_is_used(tmp_path: Path) -> None:
    async with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces(keep_failed=0)
        task = await yard.begun("task_1")
        workspace = await workspaces.open(task)
        await yard.ended(task, TaskState.DONE)
        (leftover,) = await workspaces.sweep()
        assert leftover.why == "an attempt is being made in it"
        assert workspace.path.exists()
