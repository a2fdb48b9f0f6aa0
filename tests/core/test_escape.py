"""What an agent changed outside its workspace is told, what the server did itself is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeagent.core.escape import Expected, Found, Survey, compare, watched

A, B, C = "a" * 40, "b" * 40, "c" * 40

SURVEY = Survey(
    branch="main",
    commit=A,
    refs={"refs/heads/main": A, "refs/heads/other": A, "refs/tags/v1": A},
    worktrees={"/w": ("other", A)},
    dirty={"mine.txt": "1"},
    hooks="h",
    config="c",
    stash="s",
)


def test_nothing_changed_is_nothing_to_tell() -> None:
    assert compare(SURVEY, SURVEY) == Found()


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (replace(SURVEY, branch="x"), "the main checkout was switched from main to x"),
        (replace(SURVEY, branch=None), "the main checkout was switched from main to no branch"),
        (replace(SURVEY, hooks="x"), "the repository's hooks were changed"),
        (replace(SURVEY, config="x"), "the repository's configuration was changed"),
        (replace(SURVEY, stash="x"), "the stash was changed"),
        (replace(SURVEY, worktrees={}), "the worktree /w was removed"),
        (
            replace(SURVEY, worktrees={**SURVEY.worktrees, "/n": ("y", B)}),
            "there is a new worktree /n",
        ),
        (replace(SURVEY, worktrees={"/w": ("y", A)}), "the worktree /w was switched to y"),
        (
            replace(SURVEY, refs={**SURVEY.refs, "refs/heads/main": B}),
            "the branch main was moved from aaaaaaaaaa to bbbbbbbbbb",
        ),
        (
            replace(SURVEY, refs={**SURVEY.refs, "refs/heads/new": B}),
            "the branch new was made at bbbbbbbbbb",
        ),
        (
            replace(SURVEY, refs={"refs/heads/main": A, "refs/heads/other": A}),
            "the tag v1 was deleted, it was at aaaaaaaaaa",
        ),
        (
            replace(SURVEY, dirty={"mine.txt": "2"}),
            "files of the main checkout were changed: mine.txt",
        ),
        (replace(SURVEY, dirty={}), "files of the main checkout were changed: mine.txt"),
        (
            replace(SURVEY, dirty={"mine.txt": "1", "new": "1"}),
            "files of the main checkout were changed: new",
        ),
    ],
)
def test_every_change_is_told_in_a_sentence(after: Survey, told: str) -> None:
    assert compare(SURVEY, after) == Found(escapes=(told,))


def test_a_commit_of_the_users_own_files_is_told_as_the_moved_branch_alone() -> None:
    after = replace(SURVEY, commit=B, dirty={}, refs={**SURVEY.refs, "refs/heads/main": B})
    found = compare(SURVEY, after)
    assert found.escapes == ("the branch main was moved from aaaaaaaaaa to bbbbbbbbbb",)


def test_a_landing_is_no_escape() -> None:
    after = replace(SURVEY, commit=B, refs={**SURVEY.refs, "refs/heads/main": B})
    assert compare(SURVEY, after, Expected(commits=frozenset({B, C}))) == Found()
    assert compare(SURVEY, after, Expected(commits=frozenset({C}))) != Found()


def test_a_user_who_goes_to_another_branch_is_no_escape() -> None:
    after = replace(SURVEY, branch="other", commit=B, dirty={})
    told = "the checkout is on branch other now, it was on main"
    assert compare(SURVEY, after) == Found(switched=told)
    landed = replace(after, refs={**SURVEY.refs, "refs/heads/main": C}, dirty={"todo.md": "2"})
    expected = Expected(commits=frozenset({C}), paths=frozenset({"todo.md"}))
    assert compare(SURVEY, landed, expected) == Found(switched=told)


@pytest.mark.parametrize(
    "change",
    [
        {"branch": "new"},
        {"branch": None},
        {"refs": {**SURVEY.refs, "refs/heads/other": B}},
        {"refs": {**SURVEY.refs, "refs/heads/new": B}},
        {"dirty": {"mine.txt": "2"}},
        {"dirty": {"new.txt": "1"}},
        {"hooks": "x"},
        {"config": "x"},
        {"stash": "x"},
        {"worktrees": {}},
    ],
)
def test_another_branch_together_with_anything_else_may_be_an_escape(change: Any) -> None:
    found = compare(SURVEY, replace(SURVEY, **{"branch": "other", "commit": B, **change}))
    assert found.switched == ""
    assert "the main checkout was switched from main to" in found.escapes[0]


def test_files_that_the_server_writes_are_no_escape() -> None:
    after = replace(SURVEY, dirty={"mine.txt": "1", "todo.md": "2"})
    assert compare(SURVEY, after, Expected(paths=frozenset({"todo.md"}))) == Found()


def test_a_detached_checkout_may_be_moved_by_a_landing_only() -> None:
    before = replace(SURVEY, branch=None)
    after = replace(before, commit=B)
    assert compare(before, after).escapes == ("the main checkout was moved to bbbbbbbbbb",)
    assert compare(before, after, Expected(commits=frozenset({B}))) == Found()


def test_many_files_are_counted() -> None:
    after = replace(SURVEY, dirty={**SURVEY.dirty, **{f"f{n}": "1" for n in range(8)}})
    assert compare(SURVEY, after).escapes == (
        "files of the main checkout were changed: f0, f1, f2, f3, f4 and 3 more",
    )


def test_refs_of_the_server_and_of_remotes_are_not_watched() -> None:
    refs = {
        "refs/heads/codeagent/t-a1": A,
        "refs/codeagent/snap/t-a1-1": A,
        "refs/remotes/origin/main": A,
        "refs/heads/main": A,
        "refs/heads/codeagents": A,
        "refs/notes/commits": A,
    }
    assert list(watched(refs)) == ["refs/heads/main", "refs/heads/codeagents", "refs/notes/commits"]


REFS = st.dictionaries(
    st.sampled_from(["refs/heads/a", "refs/heads/b", "refs/x"]), st.sampled_from([A, B, C])
)


@given(REFS, REFS)
def test_any_difference_of_refs_is_told_unless_every_commit_was_expected(
    before: dict[str, str], after: dict[str, str]
) -> None:
    first, second = replace(SURVEY, refs=before), replace(SURVEY, refs=after)
    assert bool(compare(first, second).escapes) == (before != after)
    gone = before.keys() - after.keys()
    found = compare(first, second, Expected(commits=frozenset({A, B, C})))
    assert bool(found.escapes) == bool(gone)
