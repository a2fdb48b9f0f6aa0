"""Git on either path under either core."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from codeagent.core.git import lasts, only_reads
from codeagent.rollout.stages import Colour
from tests.support.repositories import ENVIRONMENT, make_repository

from .rig import rigged

HEX = "0123456789" * 4


@pytest.mark.parametrize("stage", ["off", "shadow", "live", "complete"])
def test_calls_are_answered_alike_and_only_lasting_ones_are_doubled(
    tmp_path: Path, path: str, stage: str
) -> None:
    repository = make_repository(tmp_path / "project")
    project = repository.path
    writes = "complete" if stage == "complete" else "off"
    with rigged(tmp_path, path, dict(ENVIRONMENT), git_read=stage, git_write=writes) as rig:

        def ask(*arguments: str) -> Any:
            return rig.do(lambda ports: ports.git.attempt(project, *arguments))

        head = ask("rev-parse", "HEAD").out.decode().strip()
        assert len(head) == 40
        tree = ask("cat-file", "-p", f"{head}^{{tree}}")
        assert tree.code == 0
        assert ask("cat-file", "-p", HEX).code != 0
        assert ask("branch", "other", head).code == 0
        assert ask("rev-parse", "other").out.decode().strip() == head
        assert rig.compared("git-read") == ((2, 0) if stage in ("shadow", "live") else (0, 0))
        assert rig.counts("git-write") == ((0, 1) if writes == "complete" else (1, 0))


def test_a_git_that_cannot_be_started_counts_as_a_fault_of_the_path(
    tmp_path: Path, path: str
) -> None:
    nowhere = {"PATH": str(tmp_path)}
    with rigged(tmp_path, path, nowhere, git_read="complete") as rig:
        outcome = rig.do(lambda ports: ports.git.attempt(tmp_path, "status"))
        assert outcome.code < 0
        assert rig.counts("git-read") == (0, 1)
        assert rig.rollout.metrics["git-read"].paths[Colour.ASYNC].errors == {"Unanswered": 1}


def test_the_lock_of_a_repository_is_the_cores(tmp_path: Path, path: str) -> None:
    project = make_repository(tmp_path / "project").path
    with rigged(tmp_path, path, dict(os.environ), git_read="complete") as rig:
        lock = rig.own.git.repository_lock(project)
        assert lock is rig.own.git.repository_lock(project)
        assert lock is not rig.theirs.git.repository_lock(project)


@pytest.mark.parametrize(
    ("arguments", "reads", "stays"),
    [
        (("status", "--porcelain"), True, False),
        (("rev-parse", "HEAD"), True, False),
        (("merge-base", "--is-ancestor", HEX, HEX), True, True),
        (("merge-tree", "--write-tree", HEX, "main"), True, False),
        (("cat-file", "-p", f"{HEX}:file"), True, True),
        (("cat-file", "--batch"), True, False),
        (("diff-tree", "-r", HEX, HEX), True, True),
        (("commit", "-m", "x"), False, False),
        (("update-ref", "refs/x", HEX), False, False),
        (("push",), False, False),
        ((), False, False),
    ],
)
def test_what_reads_and_what_lasts_is_told_by_the_command(
    arguments: tuple[str, ...], reads: bool, stays: bool
) -> None:
    assert only_reads(arguments) is reads
    assert lasts(arguments) is stays
