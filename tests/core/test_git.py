"""How git is called, and what its answers mean."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.git import (
    GIT_ENVIRONMENT,
    FileChange,
    MergeTree,
    StatusEntry,
    Worktree,
    advice,
    command_line,
    decoded,
    fields,
    git_environment,
    is_lock_error,
    parse_changes,
    parse_merge_tree,
    parse_status,
    parse_worktrees,
)

COMMIT = "409e387fc97efb9fad368dab1d47f6733a2eb702"
TREE = "18211ad6c750d5403e95c13b1292963e3d7b7ec8"
MODES = "N... 100644 100644 100644 1111111 2222222"

PATHS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


def test_hooks_run_only_where_something_is_pushed() -> None:
    assert "core.hooksPath=/dev/null" in command_line(["worktree", "add", "push"])
    assert "core.hooksPath=/dev/null" not in command_line(["push", "origin", "main"])
    assert "core.hooksPath=/dev/null" not in command_line(["-c", "http.proxy=x", "push"])
    assert command_line(["status"])[0] == "git"
    assert command_line(["status"])[-1] == "status"


def test_a_call_sees_nothing_that_points_at_another_repository() -> None:
    outside = {"PATH": "/bin", "GIT_DIR": "/x", "GIT_INDEX_FILE": "/y", "GIT_SSH_COMMAND": "ssh"}
    made = git_environment({**outside, "LC_ALL": "de_DE.UTF-8", "GIT_EDITOR": "vi"}, {})
    assert made == {"PATH": "/bin", "GIT_SSH_COMMAND": "ssh", **GIT_ENVIRONMENT}


def test_what_a_call_asks_for_goes_before_what_it_inherits() -> None:
    made = git_environment({"GIT_INDEX_FILE": "/y"}, {"GIT_INDEX_FILE": "/z"})
    assert made["GIT_INDEX_FILE"] == "/z"


@pytest.mark.parametrize(
    "said",
    [
        "fatal: Unable to create '/r/.git/index.lock': File exists.\n\nAnother git process",
        "error: could not lock config file .git/config: File exists",
        (
            "error: cannot lock ref 'refs/heads/x': Unable to create '/r/.git/refs/heads/x.lock':"
            " File exists."
        ),
        "Another git process seems to be running in this repository, e.g. an editor",
    ],
)
def test_a_lock_of_another_process_is_recognised(said: str) -> None:
    assert is_lock_error(said)
    assert advice(said)


@pytest.mark.parametrize(
    "said",
    [
        (
            f"fatal: update_ref failed for ref 'refs/heads/main': cannot lock ref 'refs/heads/main':"
            f" is at {COMMIT} but expected {TREE}"
        ),
        "fatal: '/r/wt' already exists",
        "error: Unable to create '/r/x.lock': No space left on device",
        "error: Unable to create '/r/x.lock': Permission denied",
        "",
    ],
)
def test_what_trying_again_does_not_help_is_no_lock(said: str) -> None:
    assert not is_lock_error(said)


def test_a_stale_lock_is_named_with_what_to_do() -> None:
    said = "fatal: Unable to create '/r/.git/index.lock': File exists."
    assert advice(said) == "if no git command is running there, delete /r/.git/index.lock"
    assert advice("fatal: something new") == ""


def test_a_status_with_every_kind_of_entry() -> None:
    data = (
        f"# branch.oid {COMMIT}\0# branch.head main\0# branch.upstream origin/main\0"
        f"# branch.ab +1 -0\0# stash 2\0"
        f"1 .M {MODES} a file\0"
        f"2 R. {MODES} R100 new\0old\0"
        f"1 .M S..U 160000 160000 160000 1111111 2222222 sub\0"
        f"u UU N... 100644 100644 100644 100644 1111111 2222222 3333333 in conflict\0"
        "? новый\nfile\0! ignored/\0"
    )
    status = parse_status(data.encode())
    assert (status.commit, status.branch, status.clean) == (COMMIT, "main", False)
    assert status.entries == (
        StatusEntry(".M", "a file"),
        StatusEntry("R.", "new", "old"),
        StatusEntry(".M", "sub", submodule=True),
        StatusEntry("UU", "in conflict"),
        StatusEntry("??", "новый\nfile"),
        StatusEntry("!!", "ignored/"),
    )
    assert [entry.unmerged for entry in status.entries] == [False, False, False, True, False, False]
    assert [entry.path for entry in status.entries if entry.untracked] == ["новый\nfile"]


def test_a_status_before_the_first_commit_and_without_a_branch() -> None:
    empty = parse_status(b"# branch.oid (initial)\0# branch.head main\0")
    assert (empty.commit, empty.branch, empty.clean) == (None, "main", True)
    detached = parse_status(f"# branch.oid {COMMIT}\0# branch.head (detached)\0".encode())
    assert (detached.commit, detached.branch) == (COMMIT, None)


def test_ignored_files_do_not_make_a_tree_dirty() -> None:
    assert parse_status(b"! build/\0").clean
    assert not parse_status(b"! build/\0? new\0").clean


@settings(deadline=None, max_examples=100)
@given(st.lists(PATHS))
def test_any_path_comes_out_of_a_status_as_it_went_in(paths: list[str]) -> None:
    data = b"".join(f"? {path}\0".encode() for path in paths)
    assert [entry.path for entry in parse_status(data).entries] == paths


def test_a_path_that_is_not_utf_8_comes_out_with_the_same_bytes() -> None:
    name = "файл".encode("cp1251")
    (entry,) = parse_status(b"? " + name + b"\0").entries
    assert entry.path.encode("utf-8", "surrogateescape") == name


def test_worktrees_with_all_their_attributes() -> None:
    data = (
        f"worktree /r\0HEAD {COMMIT}\0branch refs/heads/main\0\0"
        f"worktree /w 1\0HEAD {TREE}\0branch refs/heads/codeagent/t-a1\0locked a\nb\0\0"
        f"worktree /w2\0HEAD {TREE}\0detached\0prunable gitdir file points nowhere\0\0"
        "worktree /bare\0bare\0locked\0\0"
    )
    assert parse_worktrees(data.encode()) == [
        Worktree("/r", COMMIT, "main"),
        Worktree("/w 1", TREE, "codeagent/t-a1", locked="a\nb"),
        Worktree("/w2", TREE, prunable="gitdir file points nowhere"),
        Worktree("/bare", bare=True, locked=""),
    ]
    assert parse_worktrees(b"") == []


def test_changes_with_renames() -> None:
    assert parse_changes(b"M\0a\0R087\0old\0new\0C100\0from\0to\0D\0gone\0T\0l\0") == [
        FileChange("M", "a"),
        FileChange("R", "new", "old"),
        FileChange("C", "to", "from"),
        FileChange("D", "gone"),
        FileChange("T", "l"),
    ]
    assert parse_changes(b"") == []


def test_a_merge_with_conflicts() -> None:
    data = (
        f"{TREE}\0f\0g h\0f\0\0"
        "1\0f\0Auto-merging\0Auto-merging f\n\0"
        "2\0f\0g h\0CONFLICT (rename/rename)\0CONFLICT (rename/rename): f and g h\n\0"
    )
    assert parse_merge_tree(data.encode()) == MergeTree(
        TREE, ("f", "g h"), ("Auto-merging f", "CONFLICT (rename/rename): f and g h")
    )


@pytest.mark.parametrize("end", ["\0", "\0\0"])
def test_a_merge_without_conflicts(end: str) -> None:
    merged = parse_merge_tree((TREE + end).encode())
    assert merged.tree == TREE
    assert merged.messages == ()


def test_fields_end_with_a_nul_but_the_last_one_may_lack_it() -> None:
    assert fields(b"a\0b\0") == ["a", "b"]
    assert fields(b"a\0b") == ["a", "b"]
    assert fields(b"") == []
    assert decoded(b"\xff") == "\udcff"
