# Generated from tests/_async/test_git.py. Do not edit.
"""Calling the real git."""

from __future__ import annotations

from pathlib import Path

import pytest

from codeagent._runtime import sync_runtime as rt
from codeagent._sync import git as module
from codeagent._sync.git import Git, GitError
from codeagent.core import git as core_git
from codeagent.core.git import parse_merge_tree, parse_status, parse_worktrees

from ..support.repositories import ENVIRONMENT, Repository, make_repository
from .helpers import until


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return make_repository(tmp_path / "repository", file="one\n")


@pytest.fixture
def git() -> Git:
    return Git(ENVIRONMENT)


def slow_git(place: Path, course: str = "sleep 60 & wait") -> Git:
    """Calls a git that reports its start in ``place`` and its orderly end, and never answers.

    Or else does what ``course`` says in between.
    """
    program = place / "bin" / "git"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/sh\ntrap 'echo asked > {place}/ended; exit 1' TERM\n"
        f"echo started > {place}/started\n{course}\n",
        "utf-8",
    )
    program.chmod(0o755)
    return Git({"PATH": f"{program.parent}:/usr/bin:/bin"})


def test_an_answer_is_what_git_wrote(git: Git, repository: Repository) -> None:
    assert git.text(repository.path, "rev-parse", "HEAD") == repository.git("rev-parse", "HEAD")
    assert git.run(repository.path, "cat-file", "blob", "HEAD:file") == b"one\n"


def test_a_failed_call_tells_what_git_said(git: Git, repository: Repository) -> None:
    with pytest.raises(GitError, match=r"git rev-parse --verify nothing: fatal: ") as caught:
        git.run(repository.path, "rev-parse", "--verify", "nothing")
    assert caught.value.code == 128
    assert caught.value.argv == ("rev-parse", "--verify", "nothing")


def test_an_attempt_may_fail(git: Git, repository: Repository) -> None:
    outcome = git.attempt(repository.path, "diff", "--quiet", "HEAD")
    assert outcome.code == 0
    repository.write("file", "two\n")
    outcome = git.attempt(repository.path, "diff", "--quiet", "HEAD")
    assert outcome.code == 1


def test_a_directory_that_is_no_repository_is_told(git: Git, tmp_path: Path) -> None:
    with pytest.raises(GitError, match="name the top directory of a git checkout"):
        git.run(tmp_path, "status")


def test_a_directory_that_is_gone_is_told(git: Git, tmp_path: Path) -> None:
    with pytest.raises(GitError, match="could not be started in"):
        git.run(tmp_path / "gone", "status")


def test_a_password_in_an_address_is_not_told(git: Git, repository: Repository) -> None:
    address = "http://user:hunter2hunter2@127.0.0.1:1/x.git"
    with pytest.raises(GitError) as caught:
        git.run(repository.path, "fetch", address)
    assert "hunter2" not in str(caught.value)


def test_the_environment_is_not_shown() -> None:
    assert "secret" not in repr(Git({"TOKEN": "secret"}))


def test_what_is_written_to_git_arrives(git: Git, repository: Repository) -> None:
    blob = git.run(repository.path, "hash-object", "-w", "--stdin", stdin=b"a\0b")
    read = git.run(repository.path, "cat-file", "blob", blob.decode().strip())
    assert read == b"a\0b"


def test_much_output_on_both_streams_does_not_hold_git_up(git: Git, repository: Repository) -> None:
    repository.write("large", "x" * 3_000_000)
    repository.git("add", "-A")
    out = git.run(repository.path, "cat-file", "blob", ":large")
    assert len(out) == 3_000_000
    script = "!head -c 1000000 /dev/zero >&2; head -c 1000000 /dev/zero"
    outcome = git.attempt(repository.path, "-c", f"alias.both={script}", "both")
    assert (outcome.code, len(outcome.out), len(outcome.err)) == (0, 1_000_000, 1_000_000)


def test_hooks_of_the_repository_do_not_run(
    git: Git, repository: Repository, tmp_path: Path
) -> None:
    hook = repository.write(".git/hooks/post-checkout", f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    git.run(repository.path, "checkout", "-q", "-b", "other")
    assert not (tmp_path / "ran").exists()
    repository.git("checkout", "-q", "main")
    assert (tmp_path / "ran").exists()


def test_a_call_in_a_hook_of_another_repository_is_about_its_directory(
    repository: Repository, tmp_path: Path
) -> None:
    other = make_repository(tmp_path / "other")
    git = Git({**ENVIRONMENT, "GIT_DIR": str(other.path / ".git"), "GIT_INDEX_FILE": "x"})
    assert git.text(repository.path, "rev-parse", "--show-toplevel") == str(repository.path)


def test_a_lock_that_goes_away_is_waited_for(
    git: Git, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = repository.write(".git/index.lock", "")
    repository.write("file", "two\n")
    calls: list[int] = []
    call = git._call

    def counted(*arguments: object) -> core_git.GitOutcome:
        outcome = call(*arguments)  # type: ignore[arg-type]
        calls.append(outcome.code)
        if len(calls) == 2:
            lock.unlink()
        return outcome

    monkeypatch.setattr(git, "_call", counted)
    git.run(repository.path, "add", "file")
    assert calls == [128, 128, 0]


def test_a_lock_that_stays_is_named(
    git: Git, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_PAUSE", 0)
    repository.write(".git/index.lock", "")
    repository.write("file", "two\n")
    with pytest.raises(GitError, match=r"delete /.*/\.git/index\.lock"):
        git.run(repository.path, "add", "file")


def test_a_ref_that_moved_is_not_tried_again(git: Git, repository: Repository) -> None:
    old = repository.git("rev-parse", "HEAD")
    new = repository.commit(file="two\n")
    with pytest.raises(GitError, match="but expected") as caught:
        git.run(repository.path, "update-ref", "refs/heads/main", old, old)
    assert not core_git.is_lock_error(caught.value.stderr)
    assert repository.git("rev-parse", "HEAD") == new


def test_a_call_that_takes_too_long_is_asked_to_end(tmp_path: Path) -> None:
    git = slow_git(tmp_path)
    outcome = git.attempt(tmp_path, "fetch", seconds=0.5)
    assert outcome.code < 0
    assert outcome.err == "it did not end within 0.5 s"
    assert (tmp_path / "ended").exists()


def test_a_cancelled_call_is_asked_to_end(tmp_path: Path) -> None:
    git = slow_git(tmp_path)
    with rt.TaskGroup() as group:
        group.start_soon(git.attempt, tmp_path, "fetch")
        until((tmp_path / "started").exists)
        group.cancel()
    assert (tmp_path / "ended").exists()


def test_a_cancelled_call_that_is_about_to_end_is_let_end(tmp_path: Path) -> None:
    course = f"until test -e {tmp_path}/go; do sleep 0.01; done\necho itself > {tmp_path}/ended"
    git = slow_git(tmp_path, course)
    with rt.TaskGroup() as group:
        group.start_soon(git.attempt, tmp_path, "update-ref")
        until((tmp_path / "started").exists)
        group.cancel()
        (tmp_path / "go").touch()
    assert (tmp_path / "ended").read_text("utf-8") == "itself\n"


def test_a_daemon_that_git_leaves_behind_does_not_hold_the_answer_up(
    git: Git, repository: Repository
) -> None:
    script = "!echo answer; sleep 60 &"
    out = git.run(repository.path, "-c", f"alias.leave={script}", "leave")
    assert out == b"answer\n"


def test_all_worktrees_of_a_repository_share_one_lock(
    git: Git, repository: Repository, tmp_path: Path
) -> None:
    repository.git("worktree", "add", "-q", str(tmp_path / "wt"))
    (repository.path / "below").mkdir()
    (tmp_path / "link").symlink_to(repository.path)
    places = (repository.path, repository.path / "below", tmp_path / "wt", tmp_path / "link")
    assert len({id(git.repository_lock(place)) for place in places}) == 1
    other = make_repository(tmp_path / "other")
    assert git.repository_lock(other.path) is not git.repository_lock(repository.path)
    assert git.repository_lock(tmp_path) is not git.repository_lock(repository.path)


def test_a_submodule_has_a_lock_of_its_own(
    git: Git, repository: Repository, tmp_path: Path
) -> None:
    other = make_repository(tmp_path / "other")
    allowed = ("-c", "protocol.file.allow=always")
    repository.git(*allowed, "submodule", "--quiet", "add", str(other.path), "sub")
    inner = git.repository_lock(repository.path / "sub")
    assert inner is not git.repository_lock(repository.path)


def test_the_real_output_is_understood(git: Git, repository: Repository, tmp_path: Path) -> None:
    base = repository.git("rev-parse", "HEAD")
    repository.git("worktree", "add", "-q", "--lock", "-b", "side", str(tmp_path / "w t"))
    repository.write("../w t/file", "side\n")
    repository.git("-C", str(tmp_path / "w t"), "commit", "-qam", "side")
    head = repository.commit(file="main\n")
    first, second = parse_worktrees(
        git.run(repository.path, "worktree", "list", "--porcelain", "-z")
    )
    assert (first.path, first.branch, first.commit) == (str(repository.path), "main", head)
    assert (second.path, second.branch) == (str(tmp_path / "w t"), "side")
    assert second.locked is not None
    outcome = git.attempt(
        repository.path, "merge-tree", "--write-tree", "-z", "--name-only", "main", "side"
    )
    assert outcome.code == 1
    assert parse_merge_tree(outcome.out).conflicts == ("file",)
    clean = git.run(
        repository.path, "merge-tree", "--write-tree", "-z", "--name-only", "main", base
    )
    merged = parse_merge_tree(clean)
    assert (merged.tree, merged.conflicts) == (repository.git("rev-parse", "main^{tree}"), ())
    repository.write("new file", "")
    status = parse_status(git.run(repository.path, "status", "--porcelain=v2", "-b", "-z"))
    assert (status.branch, status.commit, status.clean) == ("main", head, False)
    assert [entry.path for entry in status.entries] == ["new file"]
