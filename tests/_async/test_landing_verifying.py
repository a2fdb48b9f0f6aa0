"""What is verified before it lands, and who is to blame, on a real repository."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest

from codeagent._async import git as git_module
from codeagent._runtime import async_runtime as rt
from codeagent.core.landing import Landed, Refusal, Rejected

from ..support.landings import begin, done_in_list, log, request
from ..support.repositories import Repository
from ..support.world import SpyStore
from .helpers import until
from .landing_rig import Rig, all_is_well, landing


async def test_what_comes_upon_other_work_is_verified_together_with_it(
    repository: Repository, store: SpyStore
) -> None:
    seen: list[set[str]] = []

    def judge(directory: Path) -> str:
        seen.append({path.name for path in directory.iterdir() if path.name != ".git"})
        return ""

    first, second = (begin(store, number) for number in (1, 2))
    requests = [request(repository, work, {f"by-{work.id}": ""}) for work in (first, second)]
    async with landing(repository, store, judge) as rig:
        for one in requests:
            await rig.must_land(one)
    assert rig.verified == ["landing-task_2"]
    assert {"by-task_1", "by-task_2", "base"} <= seen[0]


async def test_twenty_at_once_all_land_and_every_commit_was_verified(
    repository: Repository, store: SpyStore
) -> None:
    verified: list[str] = []

    def judge(directory: Path) -> str:
        verified.append(Repository(directory).git("rev-parse", "HEAD"))
        return ""

    requests = [
        request(repository, begin(store, number), {f"file-{number % 7}/{number}": "x\n"})
        for number in range(20)
    ]
    async with landing(repository, store, judge) as rig:
        outcomes = await rt.map_concurrently(rig.land, requests, limit=20)
    assert all(isinstance(outcome, Landed) for outcome in outcomes)
    assert sorted(log(repository)) == sorted(["work", *(f"task {n}" for n in range(20))])
    assert done_in_list(repository) == [f"task {number}" for number in range(20)]
    commits = repository.git("rev-list", "--reverse", "main").split()
    assert set(verified) == set(commits[2:])  # the first was verified in its workspace
    assert repository.git("log", "--merges", "--format=%H", "main") == ""
    assert repository.git("status", "--porcelain") == ""
    assert len(rig.told.named("task.landed")) == 20


async def test_a_batch_whose_end_fails_is_searched_for_the_one_to_blame(
    repository: Repository, store: SpyStore
) -> None:
    def judge(directory: Path) -> str:
        return "it is broken" if (directory / "bad-3").exists() else ""

    requests = [
        request(repository, begin(store, n), {f"{'bad' if n == 3 else 'good'}-{n}": ""})
        for n in range(6)
    ]
    async with landing(repository, store, judge, batch=6, verify_each=False) as rig:
        rig.hold = rt.Event()
        outcomes: dict[int, object] = {}

        async def land(number: int) -> None:
            outcomes[number] = await rig.land(requests[number])

        async with rt.TaskGroup() as group:
            for number in range(6):
                group.start_soon(land, number)
            await until(lambda: len(rig.told.named("landing.queued")) == 6)
            rig.hold.set()
    assert [n for n in range(6) if isinstance(outcomes[n], Landed)] == [0, 1, 2, 4, 5]
    blamed = outcomes[3]
    assert isinstance(blamed, Rejected)
    assert (blamed.refusal, "it is broken" in blamed.reason) == (Refusal.VERIFICATION, True)
    assert "task 3" not in log(repository)


def _queued(rig: Rig, number: int) -> bool:
    return len(rig.told.named("landing.queued")) >= number


async def test_nothing_is_verified_behind_what_fails(
    repository: Repository, store: SpyStore
) -> None:
    def judge(directory: Path) -> str:
        return "it is broken" if (directory / "bad").exists() else ""

    requests = [
        request(repository, begin(store, n), {name: ""}, verified=False)
        for n, name in enumerate(["good", "bad", "better"])
    ]
    async with landing(repository, store, judge) as rig:
        rig.hold = rt.Event()
        async with rt.TaskGroup() as group:
            landings = []
            for number, one in enumerate(requests):
                landings.append(group.start_soon(rig.land, one))
                await until(partial(_queued, rig, number + 1))
            rig.hold.set()
        outcomes = [await one.wait() for one in landings]
    assert [type(outcome) for outcome in outcomes] == [Landed, Rejected, Landed]
    assert log(repository) == ["task 2", "task 0", "work"]
    failing = rig.verified.index("landing-task_1")
    assert rig.verified[failing:].count("landing-task_2") == 1


async def test_what_fails_once_is_tried_again(repository: Repository, store: SpyStore) -> None:
    answers = iter(["unsteady", ""])
    async with landing(repository, store, lambda _: next(answers)) as rig:
        work = begin(store, 1)
        await rig.must_land(request(repository, work, {"new": ""}, verified=False))
    assert rig.verified == ["landing-task_1"] * 2


async def test_a_target_that_fails_by_itself_is_nobodys_fault(
    repository: Repository, store: SpyStore
) -> None:
    async with landing(repository, store, lambda _: "broken anyway") as rig:
        outcome = await rig.land(request(repository, begin(store, 1), {"new": ""}, verified=False))
    assert isinstance(outcome, Rejected)
    assert (outcome.refusal, "mend that first" in outcome.reason) == (Refusal.TARGET, True)
    assert log(repository) == ["work"]


async def test_a_failing_target_is_verified_and_told_once(
    repository: Repository, store: SpyStore
) -> None:
    works = [request(repository, begin(store, n), {f"by-{n}": ""}, verified=False) for n in (1, 2)]
    async with landing(repository, store, lambda _: "broken anyway") as rig:
        for one in works:
            assert isinstance(await rig.land(one), Rejected)
        base = repository.git("rev-parse", "main")
        failure = await rig.landing.failure(base)
        assert failure is not None
        assert not await rig.landing.is_mended(base)
        rig.judge = all_is_well
        repository.commit(mended="")
        assert await rig.landing.is_mended(base)
    assert rig.verified.count("target") == 3  # the broken one twice
    assert rig.told.named("target.failing") == [
        {"commit": base, "target": "main", "reason": "broken anyway"}
    ]


async def test_a_lock_that_was_left_behind_is_told_once_and_waited_for(
    repository: Repository, store: SpyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_module, "LOCK_PAUSE", 0)
    one = request(repository, begin(store, 1), {"new": ""})
    repository.git("checkout", "-q", "-b", "elsewhere")
    lock = repository.write(".git/refs/heads/main.lock", "")
    async with landing(repository, store) as rig, rt.TaskGroup() as group:
        group.start_soon(rig.must_land, one)
        await until(lambda: store.calls.count("begin_landing") > 2)
        assert rig.told.named("landing.locked") == []
        os.utime(lock, (1, 1))
        await until(lambda: rig.told.named("landing.locked"))
        tries = store.calls.count("begin_landing")
        await until(lambda: store.calls.count("begin_landing") > tries + 1)
        assert lock.exists()
        lock.unlink()
    assert log(repository) == ["task 1", "work"]
    (told,) = rig.told.named("landing.locked")
    assert Path(told["file"]) == lock
    assert len(rig.told.named("task.landed")) == 1
