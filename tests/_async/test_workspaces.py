"""Workspaces of tasks, on the real git."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from codeagent._runtime import async_runtime as rt
from codeagent.core.escape import Expected, Found
from codeagent.core.task import TaskState
from codeagent.core.workspace import DiskFull, Workspace, WorkspaceError

from ..support.repositories import Repository
from .yard import inside, open_yard, prepared


async def test_a_task_gets_a_worktree_of_its_own_outside_the_checkout(tmp_path: Path) -> None:
    async with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        await workspaces.prepare()
        workspace = await workspaces.open(await yard.begun("task_1"))
        head = yard.repository.git("rev-parse", "HEAD")
        assert workspace.path == yard.root / "wt" / "task_1"
        assert (workspace.branch, workspace.base) == ("codeagent/task_1-a1", head)
        assert (workspace.path / "README.md").read_text("utf-8") == "hello\n"
        assert inside(workspace).git("branch", "--show-current") == workspace.branch
        assert inside(workspace).git("status", "--porcelain") == ""
        assert yard.repository.git("status", "--porcelain") == ""
        assert await yard.rows() == [("task_1", "open")]
        assert stat.S_IMODE(yard.root.stat().st_mode) == 0o700


async def test_a_worktree_is_locked_and_tracks_nothing(tmp_path: Path) -> None:
    async with open_yard(tmp_path) as yard:
        await yard.workspaces().open(await yard.begun("task_1"))
        listed = yard.repository.git("worktree", "list", "--porcelain")
        assert "locked codeagent works here" in listed
        assert "[branch" not in (yard.repository.path / ".git/config").read_text("utf-8")


async def test_the_next_attempt_goes_on_in_the_same_place_on_a_branch_of_its_own(
    tmp_path: Path,
) -> None:
    async with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        task = await yard.begun("task_1")
        first = await workspaces.open(task)
        inside(first).commit(work="done\n")
        inside(first).write("more", "not committed\n")
        await workspaces.release(first, landed=False)
        await yard.ended(task, TaskState.FAILED)
        yard.repository.commit(other="newer\n")
        second = await workspaces.open(await yard.begun("task_1"))
        assert second.path == first.path
        assert second.base == first.base
        assert second.branch == "codeagent/task_1-a2"
        assert inside(second).git("rev-parse", "HEAD") == yard.repository.git(
            "rev-parse", "codeagent/task_1-a1"
        )
        assert (second.path / "more").read_text("utf-8") == "not committed\n"


async def test_an_attempt_that_goes_on_nothing_begins_with_the_newest_commit(
    tmp_path: Path,
) -> None:
    async with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces(setup="sh -c 'echo made ready >> ready'", copy=["ready"])
        yard.repository.write(".git/info/exclude", "ready\n")
        task = await yard.begun("task_1")
        first = await workspaces.open(task)
        await workspaces.release(first, landed=False)
        await yard.ended(task, TaskState.FAILED)
        newest = yard.repository.commit(other="newer\n")
        second = await workspaces.open(await yard.begun("task_1"))
        assert second.base == newest != first.base
        assert (second.path / "other").exists()
        assert inside(second).git("rev-parse", "HEAD") == newest
        assert inside(second).git("status", "--porcelain") == ""
        assert (second.path / "ready").read_text("utf-8") == "made ready\n" * 2


async def test_twenty_workspaces_open_at_once_without_a_lock_in_the_way(tmp_path: Path) -> None:
    names = {f"file{number}": "content\n" * 50 for number in range(50)}
    async with open_yard(tmp_path, **names) as yard:
        said: list[str] = []
        call = yard.git._call

        async def noted(*arguments: object) -> object:
            outcome = await call(*arguments)  # type: ignore[arg-type]
            said.append(outcome.err)
            return outcome

        yard.git._call = noted  # type: ignore[assignment,method-assign]
        workspaces = yard.workspaces()
        await workspaces.prepare()
        tasks = [await yard.begun(f"task_{number}") for number in range(20)]
        opened = await rt.map_concurrently(workspaces.open, tasks, limit=20)
        assert not [line for line in said if "lock" in line]
        assert {workspace.slot for workspace in opened} == set(range(20))
        assert len({workspace.path for workspace in opened}) == 20
        assert len({workspace.environment["PORT"] for workspace in opened}) == 20
        for workspace in opened:
            assert inside(workspace).git("status", "--porcelain") == ""
            assert (workspace.path / "file49").exists()

        async def work(workspace: Workspace) -> None:
            (workspace.path / f"{workspace.task_id}.txt").write_text("work\n", "utf-8")
            await workspaces.snapshot(workspace, "before")
            changes = await workspaces.commit(workspace, "work\n")
            assert changes.files == (f"{workspace.task_id}.txt",)
            await workspaces.release(workspace, landed=True)

        await rt.map_concurrently(work, opened, limit=20)
        assert not [line for line in said if "lock" in line]
        assert (yard.repository.worktrees(), yard.repository.branches()) == ([], [])
        assert yard.repository.git("for-each-ref", "refs/codeagent") == ""
        assert await yard.rows() == []
        assert list((yard.root / "wt").iterdir()) == []
        assert list((yard.root / "run").iterdir()) == []
        assert list((yard.root / "trash").iterdir()) == []


async def test_a_slot_is_free_again_once_the_attempt_is_over(tmp_path: Path) -> None:
    async with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        first, second = [await workspaces.open(await yard.begun(name)) for name in ("a", "b")]
        assert (first.slot, second.slot) == (0, 1)
        await workspaces.release(first, landed=False)
        third = await workspaces.open(await yard.begun("c"))
        assert third.slot == 0
        assert third.environment["PORT"] == "21000"


async def test_worktrees_inside_the_checkout_are_refused(tmp_path: Path) -> None:
    async with open_yard(tmp_path) as yard:
        yard.root = tmp_path / "project" / "worktrees"
        with pytest.raises(WorkspaceError, match=r"set workspace\.directory"):
            await yard.workspaces().prepare()


async def test_too_little_disk_space_is_told_with_what_to_free(tmp_path: Path) -> None:
    async with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        kept = await workspaces.open(await yard.begun("task_1"))
        await workspaces.release(kept, landed=False)
        full = yard.workspaces(disk_floor=10**12)
        await full.prepare()
        with pytest.raises(DiskFull, match=rf"(?s)limits\.disk_floor.*{kept.path}"):
            await full.open(await yard.begun("task_2"))
        assert yard.repository.worktrees() == [str(kept.path)]


async def test_the_base_is_fetched_where_landed_work_is_published(tmp_path: Path) -> None:
    async with open_yard(tmp_path) as yard:
        origin = tmp_path / "origin.git"
        yard.repository.git("clone", "-q", "--bare", ".", str(origin))
        yard.repository.git("remote", "add", "origin", str(origin))
        yard.repository.git("clone", "-q", str(origin), str(tmp_path / "colleague"))
        colleague = Repository(tmp_path / "colleague")
        newest = colleague.commit(theirs="x\n")
        colleague.git("push", "-q")
        here = yard.repository.git("rev-parse", "HEAD")
        private = await yard.workspaces(fetch=True).open(await yard.begun("task_1"))
        assert private.base == here
        workspaces = yard.workspaces(fetch=True, published=True)
        shared = await workspaces.open(await yard.begun("task_2"))
        assert shared.base == newest
        assert yard.repository.git("rev-parse", "HEAD") == here


async def test_a_failing_fetch_is_only_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_yard(tmp_path) as yard:
        await yard.workspaces(fetch=True).open(await yard.begun("task_1"))
        assert "there is no remote origin" in caplog.text
        yard.repository.git("remote", "add", "origin", str(tmp_path / "gone"))
        await yard.workspaces(fetch=True).open(await yard.begun("task_2"))
        assert "could not be fetched" in caplog.text


async def test_work_begins_with_what_has_landed_and_the_target_has_not_taken(
    tmp_path: Path,
) -> None:
    async with open_yard(tmp_path) as yard:
        yard.repository.git("checkout", "-q", "-b", "codeagent/landed/main")
        landed = yard.repository.commit(landed="x\n")
        yard.repository.git("checkout", "-q", "main")
        workspace = await yard.workspaces().open(await yard.begun("task_1"))
        assert workspace.base == landed


async def test_work_in_a_workspace_is_no_escape(tmp_path: Path) -> None:
    async with open_yard(tmp_path) as yard:
        workspaces = await prepared(yard)
        workspace = await workspaces.open(await yard.begun("task_1"))
        inside(workspace).commit(work="x\n")
        await workspaces.snapshot(workspace, "x")
        await workspaces.commit(workspace, "x\n")
        assert await workspaces.escapes() == Found()
        await workspaces.release(workspace, landed=True)
        assert await workspaces.escapes() == Found()


async def test_an_agent_that_leaves_its_worktree_is_told_once(tmp_path: Path) -> None:
    async with open_yard(tmp_path) as yard:
        workspaces = await prepared(yard)
        workspace = await workspaces.open(await yard.begun("task_1"))
        tree, main = inside(workspace), yard.repository
        main.write("README.md", "overwritten\n")
        tree.git("branch", "feature")
        tree.git("config", "core.hooksPath", "/x")
        main.write(".git/hooks/pre-commit", "#!/bin/sh\n")
        tree.git("worktree", "add", "-q", "--detach", str(tmp_path / "more"))
        found = await workspaces.escapes()
        told = found.escapes
        assert len(told) == 5
        assert any("README.md" in line for line in told)
        assert any("the branch feature" in line for line in told)
        assert await workspaces.escapes() == Found()
        main.git("stash")
        found = await workspaces.escapes()
        assert sorted(found.escapes) == [
            "files of the main checkout were changed: README.md",
            f"refs/stash was made at {main.git('rev-parse', 'refs/stash')[:10]}",
            "the stash was changed",
        ]


async def test_a_landing_is_no_escape(tmp_path: Path) -> None:
    async with open_yard(tmp_path) as yard:
        workspaces = await prepared(yard)
        landed = yard.repository.commit(work="x\n")
        yard.repository.write("todo.md", "- [x] x\n")
        expected = Expected(frozenset({landed}), frozenset({"todo.md"}))
        assert await workspaces.escapes(expected) == Found()


async def test_a_user_who_goes_to_another_branch_is_told_as_that(tmp_path: Path) -> None:
    async with open_yard(tmp_path) as yard:
        main = yard.repository
        main.git("branch", "other")
        main.commit(more="x\n")
        main.write("README.md", "changed by the user\n")
        workspaces = await prepared(yard)
        await workspaces.open(await yard.begun("task_1"))
        main.git("checkout", "-q", "other")
        told = "the checkout is on branch other now, it was on main"
        assert await workspaces.escapes() == Found(switched=told)
        main.git("checkout", "-q", "-b", "feature")
        found = await workspaces.escapes()
        assert found.switched == ""
        assert len(found.escapes) == 2
