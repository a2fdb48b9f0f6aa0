"""Where tasks are worked on, and how many at a time."""

from __future__ import annotations

import pytest

from codeagent.core.config import Config, parse_config
from codeagent.core.placement import (
    IN_PLACE,
    TASKS_IN_WORKTREES,
    Placement,
    PlacementRefused,
    Repository,
    place,
)

GOOD = Repository(branch="main")
NONE = Repository("/p is not the top of a git repository", exists=False)


def config(text: str, *, predecessor: bool = False) -> Config:
    if predecessor:
        text = "project: {base_dir: .}\nagent: {}\nserver: {}\n" + text
    return parse_config(text, source="test", predecessor=predecessor, environment={})


def test_a_git_checkout_gets_worktrees_and_ten_tasks_at_once() -> None:
    assert place(config(""), GOOD) == Placement(True, TASKS_IN_WORKTREES, "main")


def test_what_is_no_repository_is_worked_on_in_place() -> None:
    assert place(config(""), NONE) == IN_PLACE


def test_the_number_that_is_asked_for_counts() -> None:
    assert place(config("async: {max_concurrent_tasks: 3}"), GOOD).tasks == 3


def test_the_target_is_the_configured_branch() -> None:
    assert place(config("landing: {target: refs/heads/next}"), GOOD).target == "next"


def test_without_a_branch_to_land_on_there_are_no_worktrees() -> None:
    placement = place(config(""), Repository())
    assert (placement.worktrees, placement.tasks) == (False, 1)
    assert "one at a time, for no branch is checked out" in placement.note
    with pytest.raises(PlacementRefused, match="no branch is checked out"):
        place(config("workspace: {mode: worktree}"), Repository())


def test_worktrees_that_are_asked_for_and_impossible_are_refused() -> None:
    with pytest.raises(PlacementRefused, match="not the top of a git repository: mend that"):
        place(config("workspace: {mode: worktree}"), NONE)


@pytest.mark.parametrize(
    ("text", "repository", "way_out"),
    [
        ("workspace: {mode: in_place}", Repository(), "set workspace.mode to worktree"),
        ("", NONE, "not the top of a git repository, so they cannot have worktrees"),
    ],
)
def test_several_at_once_in_place_are_refused_with_the_way_out(
    text: str, repository: Repository, way_out: str
) -> None:
    with pytest.raises(PlacementRefused, match=way_out):
        place(config(f"async: {{max_concurrent_tasks: 2}}\n{text}"), repository)


def test_the_predecessors_configuration_stays_in_place() -> None:
    assert place(config("", predecessor=True), GOOD) == IN_PLACE
