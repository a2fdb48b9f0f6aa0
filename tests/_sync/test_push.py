# Generated from tests/_async/test_push.py. Do not edit.
"""Pushing to a real remote."""

from __future__ import annotations

from pathlib import Path

import pytest

from codeagent._sync.git import Git
from codeagent._sync.push import AutoPush, Pusher
from codeagent.core.landing import BEHIND, FORWARDED
from codeagent.core.push import COMMITTED, CommitInfo

from ..support.landings import TODO, begin, log, request, task
from ..support.repositories import ENVIRONMENT, Repository, make_repository
from ..support.world import Clock, Recorder, SpyStore
from .landing_rig import landing


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    repository = make_repository(tmp_path / "repository", todo__md=TODO, base="1\n")
    repository.git("clone", "-q", "--bare", str(repository.path), str(tmp_path / "remote"))
    repository.git("remote", "add", "origin", str(tmp_path / "remote"))
    repository.git("fetch", "-q", "origin")
    return repository


@pytest.fixture
def remote(repository: Repository) -> Repository:
    return Repository(repository.path.parent / "remote")


@pytest.fixture
def pusher(repository: Repository) -> Pusher:
    return Pusher(Git(ENVIRONMENT), repository.path)


def somebody_pushes(remote: Repository, **files: str) -> str:
    """A commit of somebody else's on the remote's main."""
    place = remote.path.parent / "somebody"
    remote.git("clone", "-q", str(remote.path), str(place))
    commit = Repository(place).commit(**files)
    Repository(place).git("push", "-q", "origin", "main")
    return commit


def with_hook(remote: Repository, script: str) -> None:
    hook = remote.path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    hook.chmod(0o755)


def test_what_was_committed_is_pushed(
    repository: Repository, remote: Repository, pusher: Pusher
) -> None:
    commit = repository.commit(new="1\n")
    result = pusher.push_commits()
    assert (result.success, result.push_success, result.error) == (True, True, None)
    assert result.branch == "main"
    assert result.commit_info == CommitInfo(commit, commit[:7], "work")
    assert remote.git("rev-parse", "main") == commit


def test_there_may_be_nothing_to_push(pusher: Pusher, remote: Repository) -> None:
    before = remote.git("rev-parse", "main")
    result = pusher.push_commits()
    assert (result.success, result.push_success) == (True, None)
    assert result.push_stdout == "nothing to push"
    assert remote.git("rev-parse", "main") == before


def test_a_branch_that_the_remote_does_not_know_is_pushed(
    repository: Repository, remote: Repository, pusher: Pusher
) -> None:
    repository.git("checkout", "-q", "-b", "feature")
    result = pusher.push_commits()
    assert (result.success, result.branch) == (True, "feature")
    assert remote.git("rev-parse", "feature") == repository.git("rev-parse", "HEAD")


def test_a_detached_head_cannot_be_pushed(repository: Repository, pusher: Pusher) -> None:
    repository.git("checkout", "-q", "--detach")
    result = pusher.push_commits()
    assert (result.success, result.branch, result.push_success) == (False, None, None)
    assert result.error is not None
    assert "no branch" in result.error


def test_a_repository_without_a_commit_has_nothing(tmp_path: Path) -> None:
    empty = Repository(tmp_path / "empty")
    empty.path.mkdir()
    empty.git("init", "-q", "-b", "main")
    result = Pusher(Git(ENVIRONMENT), empty.path).push_commits()
    assert (result.success, result.branch) == (False, "main")
    assert result.error == "there is no commit to push"


def test_a_refused_push_is_told_and_nothing_is_forced(
    repository: Repository, remote: Repository, pusher: Pusher
) -> None:
    other = somebody_pushes(remote, other="1\n")
    repository.commit(new="1\n")
    result = pusher.push_commits()
    assert (result.success, result.push_success) == (False, False)
    assert "rejected" in result.push_stderr
    assert result.error is not None
    assert remote.git("rev-parse", "main") == other


def test_the_predecessors_phrase_is_followed_by_a_push(
    repository: Repository, remote: Repository, pusher: Pusher
) -> None:
    told = Recorder()
    push = AutoPush(pusher, enabled=True, sink=told, clock=Clock())
    commit = repository.commit(new="1\n")
    assert push.push_after(task(1), "Готово!") is None
    result = push.push_after(task(1), f"{COMMITTED} ")
    assert result is not None
    assert result.success
    assert remote.git("rev-parse", "main") == commit
    repository.git("checkout", "-q", "--detach")
    assert push.push_after(task(1), COMMITTED)
    assert told.names() == ["push.done", "push.failed"]
    assert told.named("push.done") == [{"branch": "main", "commit": commit[:7], "pushed": True}]
    off = AutoPush(pusher, enabled=False, sink=told, clock=Clock())
    assert off.push_after(task(1), COMMITTED) is None


def test_a_landing_is_pushed(repository: Repository, remote: Repository, store: SpyStore) -> None:
    with landing(repository, store, push=True) as rig:
        outcome = rig.must_land(request(repository, begin(store, 1), {"new": ""}))
    assert (outcome.pushed, outcome.checkout) == (True, FORWARDED)
    assert remote.git("rev-parse", "main") == outcome.commit
    assert repository.git("rev-parse", "main") == outcome.commit


def test_a_landing_goes_upon_what_others_have_pushed(
    repository: Repository, remote: Repository, store: SpyStore
) -> None:
    requests = [request(repository, begin(store, n), {f"new-{n}": ""}) for n in (1, 2)]
    with landing(repository, store, push=True) as rig:
        rig.must_land(requests[0])
        others = somebody_pushes(remote, other="1\n")
        outcome = rig.must_land(requests[1])
    assert outcome.pushed
    assert remote.git("rev-parse", "main") == outcome.commit
    assert remote.git("rev-parse", "main^") == others
    assert repository.git("rev-parse", "main") == outcome.commit
    assert log(remote) == ["task 2", "work", "task 1", "work"]
    assert rig.verified == ["landing-task_2"] * 2
    assert not store.landings(open_only=True).result()


def test_what_the_remote_has_before_the_start_comes_along(
    repository: Repository, remote: Repository, store: SpyStore
) -> None:
    others = somebody_pushes(remote, other="1\n")
    with landing(repository, store, push=True) as rig:
        outcome = rig.must_land(request(repository, begin(store, 1), {"new": ""}))
    assert repository.git("rev-parse", "main^") == others
    assert remote.git("rev-parse", "main") == outcome.commit


def test_commits_of_the_users_that_are_not_pushed_are_not_in_the_way(
    repository: Repository, remote: Repository, store: SpyStore
) -> None:
    one = request(repository, begin(store, 1), {"new": ""})
    somebody_pushes(remote, other="1\n")
    users = repository.commit(users="own\n")
    with landing(repository, store, push=True) as rig:
        outcome = rig.must_land(one)
    assert outcome.pushed
    assert outcome.checkout.startswith(f"{BEHIND}main and what has landed have diverged")
    assert log(remote) == ["task 1", "work", "work"]
    assert repository.git("rev-parse", "main") == users


def test_a_remote_that_refuses_does_not_keep_work_from_landing(
    repository: Repository, remote: Repository, store: SpyStore
) -> None:
    before = remote.git("rev-parse", "main")
    with_hook(remote, "echo main is protected; exit 1")
    with landing(repository, store, push=True) as rig:
        outcome = rig.must_land(request(repository, begin(store, 1), {"new": ""}))
        assert not outcome.pushed
        assert "pre-receive hook declined" in outcome.warning
        (told,) = rig.told.named("push.failed")
        assert told["remote"] == "origin"
        assert repository.git("rev-parse", "main") == outcome.commit
        assert remote.git("rev-parse", "main") == before
        with_hook(remote, "exit 0")
        outcome = rig.must_land(request(repository, begin(store, 2), {"more": ""}))
    assert outcome.pushed
    assert log(remote) == ["task 2", "task 1", "work"]


def test_a_remote_that_cannot_be_reached_is_a_warning(
    repository: Repository, store: SpyStore
) -> None:
    repository.git("remote", "set-url", "origin", str(repository.path.parent / "gone"))
    with landing(repository, store, push=True) as rig:
        outcome = rig.must_land(request(repository, begin(store, 1), {"new": ""}))
    assert not outcome.pushed
    assert outcome.warning
    assert repository.git("rev-parse", "main") == outcome.commit


def test_an_empty_remote_gets_its_branch(
    repository: Repository, tmp_path: Path, store: SpyStore
) -> None:
    repository.git("init", "-q", "--bare", str(tmp_path / "empty"))
    with landing(repository, store, push=True, remote=str(tmp_path / "empty")) as rig:
        outcome = rig.must_land(request(repository, begin(store, 1), {"new": ""}))
    assert outcome.pushed
    assert Repository(tmp_path / "empty").git("rev-parse", "main") == outcome.commit
