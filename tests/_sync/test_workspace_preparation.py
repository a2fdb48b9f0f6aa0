# Generated from tests/_async/test_workspace_preparation.py. Do not edit.
"""What is put into a workspace before the agent gets it, on the real git."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from codeagent._runtime import sync_runtime as rt
from codeagent.core.task import TaskState
from codeagent.core.workspace import SetupFailed

from .yard import inside, open_yard


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
