"""What may be removed, and what never."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeagent.core.leftovers import Found, Kind, judge
from codeagent.core.task import TaskState

PROJECT = Path("/project")
PATH = Path("/wt/task_1")


def workspace(**about: object) -> Found:
    return Found(kind=Kind.WORKSPACE, name="task_1", path=PATH, task_id="task_1", **about)  # type: ignore[arg-type]


@pytest.mark.parametrize("state", [TaskState.DONE, TaskState.SKIPPED, None])
def test_the_worktree_of_a_task_that_is_over_goes(state: TaskState | None) -> None:
    assert judge(workspace(state=state), 0, PROJECT).removable


@pytest.mark.parametrize("state", [TaskState.PENDING, TaskState.RUNNING])
def test_the_worktree_of_a_task_that_goes_on_stays(state: TaskState) -> None:
    leftover = judge(workspace(state=state, kept_until=1), 2, PROJECT)
    assert not leftover.removable
    assert leftover.why == f"its task is {state}"


def test_the_worktree_of_a_failed_task_stays_for_a_while() -> None:
    failed = workspace(state=TaskState.FAILED, kept_until=100.0)
    assert "it is kept until" in judge(failed, 99, PROJECT).why
    assert judge(failed, 100, PROJECT).removable
    assert not judge(workspace(state=TaskState.FAILED), 1e12, PROJECT).removable


def test_a_worktree_of_nobody_goes_only_if_its_commits_are_elsewhere() -> None:
    found = Found(kind=Kind.WORKTREE, name="x", path=PATH, merged=True)
    assert judge(found, 0, PROJECT).removable
    found = Found(kind=Kind.WORKTREE, name="x", path=PATH)
    assert "commits are in no other branch" in judge(found, 0, PROJECT).why


FOUND = st.builds(
    Found,
    kind=st.sampled_from([Kind.WORKSPACE, Kind.WORKTREE]),
    name=st.just("x"),
    path=st.just(PATH),
    state=st.sampled_from([*TaskState, None]),
    used=st.booleans(),
    dirty=st.booleans(),
    merged=st.booleans(),
    landed=st.booleans(),
    kept_until=st.none() | st.floats(0, 10),
)


@given(FOUND, st.floats(0, 20))
def test_nothing_goes_that_is_used_or_holds_what_is_nowhere_else(found: Found, now: float) -> None:
    leftover = judge(found, now, PROJECT)
    if found.used or found.dirty:
        assert not leftover.removable
    assert leftover.why
    assert str(PATH) in leftover.advice


def test_what_git_does_not_know_is_never_removed() -> None:
    leftover = judge(Found(kind=Kind.DIRECTORY, name="x", path=PATH), 0, PROJECT)
    assert not leftover.removable
    assert leftover.advice == f"if nothing in it is needed: rm -r {PATH}"


def test_a_branch_goes_only_if_it_is_merged() -> None:
    name = "codeagent/x-a1"
    merged = Found(kind=Kind.BRANCH, name=name, branch=name, merged=True)
    assert judge(merged, 0, PROJECT).removable
    leftover = judge(Found(kind=Kind.BRANCH, name=name, branch=name), 0, PROJECT)
    assert not leftover.removable
    assert leftover.advice.endswith(f"git -C {PROJECT} branch -D {name}")


def test_what_could_not_be_deleted_is_tried_again() -> None:
    assert judge(Found(kind=Kind.TRASH, name="x", path=PATH), 0, PROJECT).removable
