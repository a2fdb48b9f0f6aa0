"""Names, ports and what is remembered of workspaces."""

from __future__ import annotations

import string
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.workspace import (
    Changes,
    Ready,
    Workspace,
    WorkspaceError,
    all_but,
    branch_name,
    default_root,
    disk_refusal,
    free_slot,
    ignore_pattern,
    is_attempt,
    is_branch_of,
    is_snapshot_of,
    parse_ready,
    ports,
    safe_name,
    snapshot_order,
    snapshot_ref,
)

PROJECT = Path("/home/user/My Project")
HOME = Path("/home/user")


def test_an_ordinary_id_stays_as_it_is() -> None:
    assert safe_name("task_1700000000") == "task_1700000000"
    assert branch_name("task_1", 3) == "codeagent/task_1-a3"


@pytest.mark.parametrize(
    "task_id",
    ["", ".", "..", "a/b", "-x", "x.lock", "a b", "задача", "a\nb", "@{", "~", "x" * 300, "\ud800"],
)
def test_any_other_id_becomes_a_name_that_git_and_file_systems_take(task_id: str) -> None:
    name = safe_name(task_id)
    assert set(name) <= set(string.ascii_letters + string.digits + "_-")
    assert name[0] != "-"
    assert 0 < len(name) <= 80
    checked = ["git", "check-ref-format", "--branch", branch_name(task_id, 1)]
    assert subprocess.run(checked, capture_output=True, check=False).returncode == 0


@settings(deadline=None, max_examples=200)
@given(st.lists(st.text(max_size=100), min_size=2, unique=True))
def test_different_ids_have_different_names(ids: list[str]) -> None:
    assert len({safe_name(task_id) for task_id in ids}) == len(ids)


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=100))
def test_a_name_cannot_be_taken_by_being_guessed(task_id: str) -> None:
    name = safe_name(task_id)
    assert name == task_id or safe_name(name) != name


def test_branches_and_snapshots_are_told_apart_from_those_of_similar_tasks() -> None:
    assert is_branch_of("codeagent/task_1-a12", "task_1")
    assert not is_branch_of("codeagent/task_12-a1", "task_1")
    assert not is_branch_of("codeagent/task_1-a5-a1", "task_1")
    assert is_branch_of("codeagent/task_1-a5-a1", "task_1-a5")
    assert not is_branch_of("feature/task_1-a1", "task_1")
    assert is_snapshot_of("refs/codeagent/snap/task_1-a1-2", "task_1")
    assert not is_snapshot_of("refs/codeagent/snap/task_1-a5-a1-2", "task_1")
    assert is_attempt("codeagent/task_1-a1")
    assert not is_attempt("codeagent/landed/main")
    assert not is_attempt("codeagent/landed/main-a1")
    assert not is_attempt("main")


def test_a_snapshot_takes_the_next_number_of_its_attempt() -> None:
    branch, prefix = "codeagent/t-a2", "refs/codeagent/snap/t-a2-"
    assert snapshot_ref(branch, []) == f"{prefix}1"
    taken = [f"{prefix}1", f"{prefix}9", "refs/codeagent/snap/t-a20-50", "7", f"{prefix}x"]
    assert snapshot_ref(branch, taken) == f"{prefix}10"


def test_snapshots_are_sorted_by_attempt_and_number() -> None:
    refs = [f"refs/codeagent/snap/task_5-a{a}-{n}" for a, n in ((2, 1), (1, 10), (10, 1), (1, 9))]
    assert [ref[-5:] for ref in sorted(refs, key=snapshot_order)] == [
        "-a1-9",
        "a1-10",
        "-a2-1",
        "a10-1",
    ]


def test_worktrees_lie_in_the_state_directory_apart_for_each_project() -> None:
    root = default_root(None, PROJECT, {}, HOME)
    assert root.parent == HOME / ".local/state/codeagent"
    assert root != default_root(None, Path("/srv/My Project"), {}, HOME)
    configured = {"XDG_STATE_HOME": "/state"}
    assert default_root(None, PROJECT, configured, HOME).parent == Path("/state/codeagent")
    assert default_root(None, PROJECT, {"XDG_STATE_HOME": "relative"}, HOME) == root


def test_worktrees_lie_where_they_are_configured() -> None:
    assert default_root("/data/wt", PROJECT, {}, HOME) == Path("/data/wt")
    assert default_root("~/wt", PROJECT, {}, HOME) == HOME / "wt"
    assert default_root("../wt", PROJECT, {}, HOME) == PROJECT / "../wt"


def test_a_slot_is_kept_if_it_is_free_and_else_the_smallest() -> None:
    assert free_slot(set()) == 0
    assert free_slot({0, 1, 3}) == 2
    assert free_slot({0, 1, 3}, 7) == 7
    assert free_slot({0, 1, 3}, 3) == 2


def test_the_ports_of_slots_do_not_overlap() -> None:
    assert ports(0, first=21000, per_task=10) == (21000, 21009)
    assert ports(1, first=21000, per_task=10) == (21010, 21019)


def test_ports_that_do_not_exist_are_refused() -> None:
    assert ports(0, first=65530, per_task=6) == (65530, 65535)
    with pytest.raises(WorkspaceError, match=r"lower workspace\.ports\.first"):
        ports(1, first=65530, per_task=6)


def test_what_is_left_out_of_a_commit_is_named_literally() -> None:
    assert all_but([".codeagent", "a*"]) == (
        ":(top)",
        ":(exclude,top,literal).codeagent",
        ":(exclude,top,literal)a*",
    )
    assert ignore_pattern("a/b*[c]?\\") == "/a/b\\*\\[c]\\?\\\\"


def test_what_is_remembered_of_a_worktree_comes_back() -> None:
    ready = Ready("abc", (".env", "конфиг"))
    assert parse_ready(ready.to_bytes()) == ready


@pytest.mark.parametrize(
    "data", [None, b"", b"{}", b"[]", b"1", b'{"base": 1, "copied": 2}', b"\xff", b"null"]
)
def test_what_cannot_be_read_is_not_remembered(data: bytes | None) -> None:
    assert parse_ready(data) is None


def test_there_is_room_or_the_largest_directories_are_named() -> None:
    root, kept = Path("/state"), [(Path(f"/wt/{n}"), n * 1_000_000) for n in range(9)]
    assert disk_refusal(10, 10, root, kept) is None
    refusal = disk_refusal(9_000_000, 10_000_000, root, kept)
    assert refusal is not None
    assert "/state has 9 MB of disk space left, and limits.disk_floor is 10 MB" in refusal
    assert "/wt/8 (8 MB)" in refusal
    assert "/wt/1" not in refusal
    assert str(disk_refusal(0, 1, root, [])).endswith(": free some")


def test_the_environment_of_a_workspace_is_not_shown() -> None:
    workspace = Workspace(task_id="t", path=Path("/t"), environment={"KEY": "secret"})
    assert "secret" not in repr(workspace)


def test_changes_without_files_are_none() -> None:
    assert Changes(commit="a", tree="b", base="c", files=()).empty
    assert not Changes(commit="a", tree="b", base="c", files=("f",)).empty
