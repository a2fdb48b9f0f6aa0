# Generated from tests/_async/test_workspaces.py. Do not edit.
"""Workspaces of tasks, on the real git."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

from codeagent._runtime import sync_runtime as rt
from codeagent._sync.workspaces import Workspaces
from codeagent.core.escape import Expected, Found
from codeagent.core.leftovers import Kind
from codeagent.core.task import Task, TaskState
from codeagent.core.workspace import DiskFull, SetupFailed, Workspace, WorkspaceError
from codeagent.store import LandingRow

from ..support.repositories import Repository, make_repository
from .yard import Yard, open_yard


def inside(workspace: Workspace) -> Repository:
    """The worktree as a repository."""
    return Repository(workspace.path)


def test_a_task_gets_a_worktree_of_its_own_outside_the_checkout(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        workspaces.prepare()
        workspace = workspaces.open(yard.begun("task_1"))
        head = yard.repository.git("rev-parse", "HEAD")
        assert workspace.path == yard.root / "wt" / "task_1"
        assert (workspace.branch, workspace.base) == ("codeagent/task_1-a1", head)
        assert (workspace.path / "README.md").read_text("utf-8") == "hello\n"
        assert inside(workspace).git("branch", "--show-current") == workspace.branch
        assert inside(workspace).git("status", "--porcelain") == ""
        assert yard.repository.git("status", "--porcelain") == ""
        assert yard.rows() == [("task_1", "open")]
        assert stat.S_IMODE(yard.root.stat().st_mode) == 0o700


def test_a_worktree_is_locked_and_tracks_nothing(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        yard.workspaces().open(yard.begun("task_1"))
        listed = yard.repository.git("worktree", "list", "--porcelain")
        assert "locked codeagent works here" in listed
        assert "[branch" not in (yard.repository.path / ".git/config").read_text("utf-8")


def test_the_next_attempt_goes_on_in_the_same_place_on_a_branch_of_its_own(
    tmp_path: Path,
) -> None:
    with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        task = yard.begun("task_1")
        first = workspaces.open(task)
        inside(first).commit(work="done\n")
        inside(first).write("more", "not committed\n")
        workspaces.release(first, landed=False)
        yard.ended(task, TaskState.FAILED)
        yard.repository.commit(other="newer\n")
        second = workspaces.open(yard.begun("task_1"))
        assert second.path == first.path
        assert second.base == first.base
        assert second.branch == "codeagent/task_1-a2"
        assert inside(second).git("rev-parse", "HEAD") == yard.repository.git(
            "rev-parse", "codeagent/task_1-a1"
        )
        assert (second.path / "more").read_text("utf-8") == "not committed\n"


def test_an_attempt_that_goes_on_nothing_begins_with_the_newest_commit(
    tmp_path: Path,
) -> None:
    with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces(setup="sh -c 'echo made ready >> ready'", copy=["ready"])
        yard.repository.write(".git/info/exclude", "ready\n")
        task = yard.begun("task_1")
        first = workspaces.open(task)
        workspaces.release(first, landed=False)
        yard.ended(task, TaskState.FAILED)
        newest = yard.repository.commit(other="newer\n")
        second = workspaces.open(yard.begun("task_1"))
        assert second.base == newest != first.base
        assert (second.path / "other").exists()
        assert inside(second).git("rev-parse", "HEAD") == newest
        assert inside(second).git("status", "--porcelain") == ""
        assert (second.path / "ready").read_text("utf-8") == "made ready\n" * 2


def test_twenty_workspaces_open_at_once_without_a_lock_in_the_way(tmp_path: Path) -> None:
    names = {f"file{number}": "content\n" * 50 for number in range(50)}
    with open_yard(tmp_path, **names) as yard:
        said: list[str] = []
        call = yard.git._call

        def noted(*arguments: object) -> object:
            outcome = call(*arguments)  # type: ignore[arg-type]
            said.append(outcome.err)
            return outcome

        yard.git._call = noted  # type: ignore[assignment,method-assign]
        workspaces = yard.workspaces()
        workspaces.prepare()
        tasks = [yard.begun(f"task_{number}") for number in range(20)]
        opened = rt.map_concurrently(workspaces.open, tasks, limit=20)
        assert not [line for line in said if "lock" in line]
        assert {workspace.slot for workspace in opened} == set(range(20))
        assert len({workspace.path for workspace in opened}) == 20
        assert len({workspace.environment["PORT"] for workspace in opened}) == 20
        for workspace in opened:
            assert inside(workspace).git("status", "--porcelain") == ""
            assert (workspace.path / "file49").exists()

        def work(workspace: Workspace) -> None:
            (workspace.path / f"{workspace.task_id}.txt").write_text("work\n", "utf-8")
            workspaces.snapshot(workspace, "before")
            changes = workspaces.commit(workspace, "work\n")
            assert changes.files == (f"{workspace.task_id}.txt",)
            workspaces.release(workspace, landed=True)

        rt.map_concurrently(work, opened, limit=20)
        assert not [line for line in said if "lock" in line]
        assert (yard.repository.worktrees(), yard.repository.branches()) == ([], [])
        assert yard.repository.git("for-each-ref", "refs/codeagent") == ""
        assert yard.rows() == []
        assert list((yard.root / "wt").iterdir()) == []
        assert list((yard.root / "run").iterdir()) == []
        assert list((yard.root / "trash").iterdir()) == []


def test_a_slot_is_free_again_once_the_attempt_is_over(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        first, second = [workspaces.open(yard.begun(name)) for name in ("a", "b")]
        assert (first.slot, second.slot) == (0, 1)
        workspaces.release(first, landed=False)
        third = workspaces.open(yard.begun("c"))
        assert third.slot == 0
        assert third.environment["PORT"] == "21000"


def test_untracked_files_are_copied_and_stay_out_of_commits(tmp_path: Path) -> None:
    with open_yard(tmp_path, tracked="of the repository\n") as yard:
        yard.repository.write(".env", "SECRET=1\n").chmod(0o600)
        yard.repository.write("config/local/a.ini", "a\n")
        yard.repository.write("tracked", "changed by the user\n")
        (tmp_path / "outside").write_text("outside\n", "utf-8")
        (yard.repository.path / "link").symlink_to(tmp_path / "outside")
        (yard.repository.path / "inner").symlink_to(".env")
        copy = [".env", "config/local", "tracked", "link", "inner", "../outside", "missing"]
        workspaces = yard.workspaces(copy=copy)
        workspace = workspaces.open(yard.begun("task_1"))
        assert (workspace.path / ".env").read_text("utf-8") == "SECRET=1\n"
        assert stat.S_IMODE((workspace.path / ".env").stat().st_mode) == 0o600
        assert (workspace.path / "config/local/a.ini").exists()
        assert (workspace.path / "tracked").read_text("utf-8") == "of the repository\n"
        assert not (workspace.path / "link").exists()
        assert (workspace.path / "inner").read_text("utf-8") == "SECRET=1\n"
        assert not (workspace.path / "inner").is_symlink()
        assert workspace.copied == (".env", "config/local/a.ini", "inner")
        (workspace.path / "work").write_text("done\n", "utf-8")
        changes = workspaces.commit(workspace, "work\n")
        assert changes.files == ("work",)
        workspaces.release(workspace, landed=True)
        assert yard.repository.worktrees() == []


def test_a_copied_file_that_the_agent_changed_is_not_overwritten(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        yard.repository.write(".env", "A=1\n")
        workspaces = yard.workspaces()
        task = yard.begun("task_1")
        workspace = workspaces.open(task)
        (workspace.path / ".env").write_text("A=2\n", "utf-8")
        workspaces.release(workspace, landed=False)
        yard.ended(task, TaskState.FAILED)
        again = workspaces.open(yard.begun("task_1"))
        assert (again.path / ".env").read_text("utf-8") == "A=2\n"
        assert again.copied == (".env",)


def test_a_link_in_the_worktree_does_not_lead_a_copy_outside(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        (tmp_path / "target").mkdir()
        (yard.repository.path / "conf").symlink_to(tmp_path / "target")
        yard.repository.commit()
        (yard.repository.path / "conf").unlink()
        yard.repository.write("conf/secret", "x\n")
        yard.workspaces(copy=["conf/secret"]).open(yard.begun("task_1"))
        assert list((tmp_path / "target").iterdir()) == []


def test_the_environment_holds_what_is_allowed_and_what_is_the_tasks_own(
    tmp_path: Path,
) -> None:
    with open_yard(tmp_path) as yard:
        (yard.home / ".codex").mkdir(parents=True)
        (yard.home / ".codex" / "auth.json").write_text("{}", "utf-8")
        yard.extra = {"DATABASE_URL": "x", "ANTHROPIC_API_KEY": "key", "WANTED": "w"}
        workspaces = yard.workspaces(environment=["WANTED"])
        workspace = workspaces.open(yard.begun("task_1"))
        environment = workspace.environment
        assert "DATABASE_URL" not in environment
        assert environment["ANTHROPIC_API_KEY"] == "key"
        assert environment["WANTED"] == "w"
        assert Path(environment["TMPDIR"]).is_dir()
        assert Path(environment["CURSOR_CONFIG_DIR"]).is_dir()
        login = Path(environment["CODEX_HOME"]) / "auth.json"
        assert stat.S_IMODE(login.stat().st_mode) == 0o600
        assert not Path(environment["TMPDIR"]).is_relative_to(workspace.path)


def test_the_set_up_runs_once_in_the_worktree_with_its_output_kept(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        yard.extra = {"CURSOR_API_KEY": "key"}
        script = "echo in $PWD; echo key=$CURSOR_API_KEY >&2; echo x >> .codeagent/ran"
        workspaces = yard.workspaces(setup={"shell": script})
        task = yard.begun("task_1")
        workspace = workspaces.open(task)
        workspaces.release(workspace, landed=False)
        yard.ended(task, TaskState.FAILED)
        workspaces.open(yard.begun("task_1"))
        assert (workspace.path / ".codeagent/ran").read_text("utf-8") == "x\n"
        log = (yard.root / "run/task_1/setup.log").read_text("utf-8")
        assert sorted(log.splitlines()) == [f"in {workspace.path}", "key="]


def test_a_failed_set_up_is_told_and_done_again(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        script = f"test -e {tmp_path}/go || {{ echo no network >&2; exit 3; }}"
        workspaces = yard.workspaces(setup={"shell": script})
        task = yard.begun("task_1")
        with pytest.raises(SetupFailed, match=r"(?s)ended with code 3, see .*: no network"):
            workspaces.open(task)
        assert yard.rows() == [("task_1", "kept")]
        yard.ended(task, TaskState.FAILED)
        (tmp_path / "go").touch()
        again = workspaces.open(yard.begun("task_1"))
        assert again.slot == 0


def test_a_set_up_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces(setup="sleep 60", setup_timeout=0.2)
        with pytest.raises(SetupFailed, match=r"did not end within 0\.2 s"):
            workspaces.open(yard.begun("task_1"))
        missing = yard.workspaces(setup="no-such-program")
        with pytest.raises(SetupFailed, match="cannot be run"):
            missing.open(yard.begun("task_2"))


def test_set_ups_run_only_so_many_at_once(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        script = f"mkdir {tmp_path}/alone && sleep 0.05 && rmdir {tmp_path}/alone"
        workspaces = yard.workspaces(setup={"shell": script}, setup_jobs=1)
        tasks = [yard.begun(f"task_{number}") for number in range(4)]
        rt.map_concurrently(workspaces.open, tasks, limit=4)
        assert not (tmp_path / "alone").exists()


def test_a_commit_holds_all_that_was_left_and_nothing_of_ours(tmp_path: Path) -> None:
    names = {"changed": "1\n", "deleted": "1\n", "__gitignore": "build/\n"}
    with open_yard(tmp_path, **names) as yard:
        workspaces = yard.workspaces()
        workspace = workspaces.open(yard.begun("task_1"))
        tree = inside(workspace)
        tree.write("changed", "2\n")
        (workspace.path / "deleted").unlink()
        tree.write("new/файл.txt", "new\n")
        tree.write("build/out", "ignored\n")
        tree.write(".codeagent/report.md", "ours\n")
        changes = workspaces.commit(workspace, "The work\n\nof task 1\n")
        assert sorted(changes.files) == ["changed", "deleted", "new/файл.txt"]
        assert not changes.empty
        assert changes.base == workspace.base
        assert yard.repository.git("rev-parse", "codeagent/task_1-a1") == changes.commit
        assert yard.repository.git("log", "-1", "--format=%B", changes.commit) == (
            "The work\n\nof task 1"
        )
        assert tree.git("status", "--porcelain") == ""
        assert workspaces.commit(workspace, "again\n") == changes


def test_nothing_done_is_no_change(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        workspace = workspaces.open(yard.begun("task_1"))
        changes = workspaces.commit(workspace, "nothing\n")
        assert changes.empty
        assert changes.commit == workspace.base
        inside(workspace).commit()
        changes = workspaces.commit(workspace, "nothing\n")
        assert changes.empty


def test_what_the_agent_committed_elsewhere_gets_onto_the_branch(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        workspace = workspaces.open(yard.begun("task_1"))
        tree = inside(workspace)
        tree.git("checkout", "-q", "--detach")
        tree.commit(work="done\n")
        tree.write("more", "left\n")
        changes = workspaces.commit(workspace, "work\n")
        assert sorted(changes.files) == ["more", "work"]
        assert tree.git("branch", "--show-current") == workspace.branch
        assert yard.repository.git("rev-parse", f"{workspace.branch}") == changes.commit


def test_a_merge_that_the_agent_left_is_committed_as_one(tmp_path: Path) -> None:
    with open_yard(tmp_path, file="base\n") as yard:
        workspaces = yard.workspaces()
        workspace = workspaces.open(yard.begun("task_1"))
        tree = inside(workspace)
        tree.commit(file="ours\n", mine="mine\n")
        target = yard.repository.commit(file="theirs\n", other="theirs\n")
        tree.git("merge", "-q", "main", check=False)
        tree.write("file", "both\n")
        changes = workspaces.commit(workspace, "merge\n")
        parents = yard.repository.git("log", "-1", "--format=%P", changes.commit).split()
        assert len(parents) == 2
        assert changes.base == target
        assert sorted(changes.files) == ["file", "mine"]
        assert tree.git("status", "--porcelain") == ""


def test_an_unfinished_rebase_is_refused_and_undone_by_the_next_attempt(
    tmp_path: Path,
) -> None:
    with open_yard(tmp_path, file="base\n") as yard:
        workspaces = yard.workspaces()
        task = yard.begun("task_1")
        workspace = workspaces.open(task)
        tree = inside(workspace)
        mine = tree.commit(file="ours\n")
        yard.repository.commit(file="theirs\n")
        tree.git("rebase", "main", check=False)
        with pytest.raises(WorkspaceError, match="a rebase was begun"):
            workspaces.commit(workspace, "work\n")
        workspaces.release(workspace, landed=False)
        yard.ended(task, TaskState.FAILED)
        again = workspaces.open(yard.begun("task_1"))
        assert inside(again).git("rev-parse", "HEAD") == mine
        assert inside(again).git("branch", "--show-current") == "codeagent/task_1-a2"


def test_what_a_killed_git_left_locked_beside_our_refs_is_unlocked(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        refs = yard.repository.path / ".git" / "refs" / "heads"
        locks = [refs / "codeagent" / "task_1-a1.lock", refs / "codeagent" / "fresh.lock"]
        locks.append(refs / "main.lock")
        for lock in locks:
            lock.parent.mkdir(exist_ok=True)
            lock.touch()
        for lock in (locks[0], locks[2]):
            os.utime(lock, (1, 1))
        workspaces = yard.workspaces()
        workspaces.prepare()
        assert [lock.exists() for lock in locks] == [False, True, True]
        workspace = workspaces.open(yard.begun("task_1"))
        assert workspace.branch == "codeagent/task_1-a1"


def test_work_is_committed_although_its_branch_was_deleted(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        workspace = workspaces.open(yard.begun("task_1"))
        inside(workspace).write("work", "done\n")
        yard.repository.git("update-ref", "-d", f"refs/heads/{workspace.branch}")
        changes = workspaces.commit(workspace, "work\n")
        assert changes.files == ("work",)
        assert inside(workspace).git("rev-parse", "HEAD") == changes.commit


def test_a_repository_inside_the_worktree_is_left_out(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        workspace = workspaces.open(yard.begun("task_1"))
        make_repository(workspace.path / "vendored")
        inside(workspace).write("work", "done\n")
        changes = workspaces.commit(workspace, "work\n")
        assert changes.files == ("work",)


def test_a_repository_inside_the_worktree_of_landed_work_is_never_deleted(
    tmp_path: Path,
) -> None:
    with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        task = yard.begun("task_1")
        workspace = workspaces.open(task)
        make_repository(workspace.path / "vendored")
        workspaces.release(workspace, landed=True)
        yard.ended(task, TaskState.DONE)
        (leftover,) = workspaces.sweep()
        assert leftover.why == "there are changes in it that are in no commit"
        assert (workspace.path / "vendored" / "README.md").exists()


def test_a_snapshot_holds_everything_and_changes_nothing(tmp_path: Path) -> None:
    with open_yard(tmp_path, file="1\n") as yard:
        workspaces = yard.workspaces()
        workspace = workspaces.open(yard.begun("task_1"))
        tree = inside(workspace)
        tree.write("file", "2\n")
        tree.git("add", "file")
        tree.write("file", "3\n")
        tree.write("new", "new\n")
        before = tree.git("status", "--porcelain", "--branch")
        head = tree.git("rev-parse", "HEAD")
        snapshot = workspaces.snapshot(workspace, "before a retry")
        assert tree.git("status", "--porcelain", "--branch") == before
        assert tree.git("rev-parse", "HEAD") == head
        assert yard.repository.git("show", f"{snapshot}:file") == "3"
        assert yard.repository.git("show", f"{snapshot}:new") == "new"
        second = workspaces.snapshot(workspace, "again")
        refs = yard.repository.git("for-each-ref", "--format=%(refname)", "refs/codeagent/snap")
        assert refs.split() == [f"refs/codeagent/snap/task_1-a1-{n}" for n in (1, 2)]
        assert yard.repository.git("rev-parse", refs.split()[1]) == second


def test_what_was_captured_is_kept_though_the_worktree_goes_on(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        workspace = workspaces.open(yard.begun("task_1"))
        inside(workspace).write("file", "first")
        first = workspaces.capture(workspace)
        inside(workspace).commit(file="second", other="new")
        second = workspaces.capture(workspace)
        inside(workspace).write("file", "third")
        kept = workspaces.keep(workspace, first, "first")
        later = workspaces.keep(workspace, second, "second")
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


def test_a_snapshot_is_restored_as_it_was(tmp_path: Path) -> None:
    with open_yard(tmp_path, file="1\n") as yard:
        yard.repository.write(".env", "A=1\n")
        workspaces = yard.workspaces()
        workspace = workspaces.open(yard.begun("task_1"))
        tree = inside(workspace)
        tree.git("commit", "-q", "--allow-empty", "-m", "done")
        head = tree.git("rev-parse", "HEAD")
        tree.write("file", "2\n")
        tree.write("new", "new\n")
        snapshot = workspaces.snapshot(workspace, "good")
        tree.write("file", "spoilt\n")
        tree.git("commit", "-q", "-a", "-m", "bad")
        tree.write("worse", "worse\n")
        (workspace.path / "new").unlink()
        workspaces.restore(workspace, snapshot)
        assert tree.git("rev-parse", "HEAD") == head
        assert (workspace.path / "file").read_text("utf-8") == "2\n"
        assert (workspace.path / "new").exists()
        assert (workspace.path / ".env").exists()
        assert tree.git("status", "--porcelain").split() == ["M", "file", "??", ".env", "??", "new"]
        workspaces.restore(workspace, f"{workspace.base}")
        assert tree.git("rev-parse", "HEAD") == workspace.base
        assert tree.git("status", "--porcelain") == "?? .env"
        assert tree.git("branch", "--show-current") == workspace.branch


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


def again(yard: Yard, task_id: str) -> Task:
    """The task as it stands."""
    task = rt.wait_for_future(yard.store.task(task_id))
    assert task is not None
    return task


def remove(directory: Path) -> None:
    """Delete a directory as a person would who knows nothing of worktrees."""
    for path in sorted(directory.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    directory.rmdir()


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


def test_worktrees_inside_the_checkout_are_refused(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        yard.root = tmp_path / "project" / "worktrees"
        with pytest.raises(WorkspaceError, match=r"set workspace\.directory"):
            yard.workspaces().prepare()


def test_too_little_disk_space_is_told_with_what_to_free(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        kept = workspaces.open(yard.begun("task_1"))
        workspaces.release(kept, landed=False)
        full = yard.workspaces(disk_floor=10**12)
        full.prepare()
        with pytest.raises(DiskFull, match=rf"(?s)limits\.disk_floor.*{kept.path}"):
            full.open(yard.begun("task_2"))
        assert yard.repository.worktrees() == [str(kept.path)]


def test_a_failed_task_is_kept_for_a_while_and_then_goes(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces(keep_failed=100)
        task = yard.begun("task_1")
        workspace = workspaces.open(task)
        inside(workspace).write("work", "unfinished\n")
        workspaces.release(workspace, landed=False)
        yard.ended(task, TaskState.FAILED)
        yard.now += 99
        (leftover,) = yard.workspaces().prepare()
        assert leftover.found.kind is Kind.WORKSPACE
        assert "kept until" in leftover.why
        yard.now += 2
        later = yard.workspaces()
        later.prepare()
        assert yard.repository.worktrees() == []
        assert yard.rows() == []
        assert yard.repository.git("for-each-ref", "refs/codeagent/snap") != ""


def test_what_was_changed_after_the_snapshot_is_never_deleted(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces(keep_failed=0)
        task = yard.begun("task_1")
        workspace = workspaces.open(task)
        inside(workspace).write("work", "unfinished\n")
        workspaces.release(workspace, landed=False)
        inside(workspace).write("work", "and more by a person\n")
        yard.ended(task, TaskState.FAILED)
        (leftover,) = yard.workspaces(keep_failed=0).prepare()
        assert leftover.why == "there are changes in it that are in no commit"
        assert str(workspace.path) in leftover.advice
        assert (workspace.path / "work").exists()


def test_landed_work_that_was_changed_since_is_kept(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        workspace = workspaces.open(yard.begun("task_1"))
        inside(workspace).write("work", "late\n")
        workspaces.release(workspace, landed=True)
        assert (workspace.path / "work").exists()
        assert yard.rows() == [("task_1", "kept")]


def test_a_server_that_died_after_a_landing_leaves_nothing_for_long(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        task = yard.begun("task_1")
        workspace = workspaces.open(task)
        inside(workspace).write("work", "done\n")
        changes = workspaces.commit(workspace, "work\n")
        landing = LandingRow(
            task_id=task.id,
            epoch=task.epoch,
            target="main",
            parent=changes.base,
            commit_id=changes.commit,
            begun_at=yard.now,
        )
        rt.wait_for_future(yard.store.begin_landing(landing))
        rt.wait_for_future(yard.store.landed(task.id, task.epoch, yard.now))
        yard.ended(task, TaskState.DONE)
        assert yard.workspaces().prepare() == []
        assert (yard.repository.worktrees(), yard.repository.branches()) == ([], [])


def test_a_task_that_a_person_ticked_loses_its_worktree_but_not_its_branch(
    tmp_path: Path,
) -> None:
    with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces()
        task = yard.begun("task_1")
        workspace = workspaces.open(task)
        inside(workspace).commit(work="done\n")
        yard.ended(task, TaskState.DONE)
        yard.workspaces().prepare()
        assert yard.repository.worktrees() == []
        assert yard.repository.branches() == ["codeagent/task_1-a1"]


def test_strangers_are_removed_only_if_they_are_clean_and_merged(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
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
        leftovers = yard.workspaces().prepare()
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


def test_a_branch_with_commits_of_its_own_is_only_listed(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        yard.repository.git("checkout", "-q", "-b", "codeagent/old-a1")
        yard.repository.commit(work="x\n")
        yard.repository.git("checkout", "-q", "main")
        (leftover,) = yard.workspaces().prepare()
        assert (leftover.found.kind, leftover.found.name) == (Kind.BRANCH, "codeagent/old-a1")
        assert "branch -D codeagent/old-a1" in leftover.advice


def test_a_workspace_is_not_swept_while_it_is_used(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces(keep_failed=0)
        task = yard.begun("task_1")
        workspace = workspaces.open(task)
        yard.ended(task, TaskState.DONE)
        (leftover,) = workspaces.sweep()
        assert leftover.why == "an attempt is being made in it"
        assert workspace.path.exists()


def test_the_base_is_fetched_where_landed_work_is_published(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        origin = tmp_path / "origin.git"
        yard.repository.git("clone", "-q", "--bare", ".", str(origin))
        yard.repository.git("remote", "add", "origin", str(origin))
        yard.repository.git("clone", "-q", str(origin), str(tmp_path / "colleague"))
        colleague = Repository(tmp_path / "colleague")
        newest = colleague.commit(theirs="x\n")
        colleague.git("push", "-q")
        here = yard.repository.git("rev-parse", "HEAD")
        private = yard.workspaces(fetch=True).open(yard.begun("task_1"))
        assert private.base == here
        workspaces = yard.workspaces(fetch=True, published=True)
        shared = workspaces.open(yard.begun("task_2"))
        assert shared.base == newest
        assert yard.repository.git("rev-parse", "HEAD") == here


def test_a_failing_fetch_is_only_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_yard(tmp_path) as yard:
        yard.workspaces(fetch=True).open(yard.begun("task_1"))
        assert "there is no remote origin" in caplog.text
        yard.repository.git("remote", "add", "origin", str(tmp_path / "gone"))
        yard.workspaces(fetch=True).open(yard.begun("task_2"))
        assert "could not be fetched" in caplog.text


def test_work_begins_with_what_has_landed_and_the_target_has_not_taken(
    tmp_path: Path,
) -> None:
    with open_yard(tmp_path) as yard:
        yard.repository.git("checkout", "-q", "-b", "codeagent/landed/main")
        landed = yard.repository.commit(landed="x\n")
        yard.repository.git("checkout", "-q", "main")
        workspace = yard.workspaces().open(yard.begun("task_1"))
        assert workspace.base == landed


def test_work_in_a_workspace_is_no_escape(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        workspaces = prepared(yard)
        workspace = workspaces.open(yard.begun("task_1"))
        inside(workspace).commit(work="x\n")
        workspaces.snapshot(workspace, "x")
        workspaces.commit(workspace, "x\n")
        assert workspaces.escapes() == Found()
        workspaces.release(workspace, landed=True)
        assert workspaces.escapes() == Found()


def test_an_agent_that_leaves_its_worktree_is_told_once(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        workspaces = prepared(yard)
        workspace = workspaces.open(yard.begun("task_1"))
        tree, main = inside(workspace), yard.repository
        main.write("README.md", "overwritten\n")
        tree.git("branch", "feature")
        tree.git("config", "core.hooksPath", "/x")
        main.write(".git/hooks/pre-commit", "#!/bin/sh\n")
        tree.git("worktree", "add", "-q", "--detach", str(tmp_path / "more"))
        found = workspaces.escapes()
        told = found.escapes
        assert len(told) == 5
        assert any("README.md" in line for line in told)
        assert any("the branch feature" in line for line in told)
        assert workspaces.escapes() == Found()
        main.git("stash")
        found = workspaces.escapes()
        assert sorted(found.escapes) == [
            "files of the main checkout were changed: README.md",
            f"refs/stash was made at {main.git('rev-parse', 'refs/stash')[:10]}",
            "the stash was changed",
        ]


def test_a_landing_is_no_escape(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        workspaces = prepared(yard)
        landed = yard.repository.commit(work="x\n")
        yard.repository.write("todo.md", "- [x] x\n")
        expected = Expected(frozenset({landed}), frozenset({"todo.md"}))
        assert workspaces.escapes(expected) == Found()


def test_a_user_who_goes_to_another_branch_is_told_as_that(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        main = yard.repository
        main.git("branch", "other")
        main.commit(more="x\n")
        main.write("README.md", "changed by the user\n")
        workspaces = prepared(yard)
        workspaces.open(yard.begun("task_1"))
        main.git("checkout", "-q", "other")
        told = "the checkout is on branch other now, it was on main"
        assert workspaces.escapes() == Found(switched=told)
        main.git("checkout", "-q", "-b", "feature")
        found = workspaces.escapes()
        assert found.switched == ""
        assert len(found.escapes) == 2


def prepared(yard: Yard) -> Workspaces:
    """The workspaces of a server that has started."""
    workspaces = yard.workspaces()
    workspaces.prepare()
    return workspaces


def test_commits_of_an_earlier_attempt_that_was_taken_back_are_kept(tmp_path: Path) -> None:
    with open_yard(tmp_path) as yard:
        workspaces = yard.workspaces(keep_failed=0)
        task = yard.begun("task_1")
        first = workspaces.open(task)
        inside(first).commit(work="x\n")
        workspaces.release(first, landed=False)
        yard.ended(task, TaskState.FAILED)
        second = workspaces.open(yard.begun("task_1"))
        workspaces.restore(second, f"{second.base}")
        workspaces.release(second, landed=False)
        yard.ended(again(yard, "task_1"), TaskState.FAILED)
        yard.workspaces().prepare()
        assert yard.repository.worktrees() == []
        assert yard.repository.branches() == ["codeagent/task_1-a1"]


def test_copied_files_may_be_ignored_by_the_project(tmp_path: Path) -> None:
    with open_yard(tmp_path, __gitignore=".env\n.codeagent/\n") as yard:
        yard.repository.write(".env", "A=1\n")
        workspaces = yard.workspaces()
        workspace = workspaces.open(yard.begun("task_1"))
        inside(workspace).write("work", "x\n")
        workspaces.snapshot(workspace, "x")
        changes = workspaces.commit(workspace, "work\n")
        assert changes.files == ("work",)
        workspaces.restore(workspace, f"{workspace.base}")
        assert (workspace.path / ".env").exists()


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
        yard.git._call = self.call  # type: ignore[method-assign]
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
