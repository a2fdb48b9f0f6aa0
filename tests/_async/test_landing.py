"""Landing on a real repository."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from codeagent._runtime import async_runtime as rt
from codeagent.core.landing import FORWARDED, Conflict, Landed, Refusal, Rejected
from codeagent.core.task import TaskState
from codeagent.core.workspace import WorkspaceError

from ..support.landings import STATUS, begin, begin_again, done_in_list, log, request, restart
from ..support.repositories import Repository
from ..support.world import SpyStore
from .helpers import until
from .landing_rig import landing


async def test_work_lands_as_one_commit_with_the_mark_and_the_entry(
    repository: Repository, store: SpyStore
) -> None:
    work = begin(store, 3)
    base = repository.git("rev-parse", "main")
    async with landing(repository, store) as rig:
        outcome = await rig.must_land(request(repository, work, {"new": "1\n"}))
    assert outcome.checkout == FORWARDED
    assert (outcome.marked, outcome.noted) == (True, True)
    assert repository.git("rev-parse", "main") == outcome.commit
    assert repository.git("rev-parse", "main^") == base
    assert log(repository) == ["task 3", "work"]
    body = repository.git("log", "-1", "--format=%b")
    assert "Verified:\n- make test (1.5 s)" in body
    assert body.endswith("Codeagent-Task: task_3\nCodeagent-Attempt: task_3-a1")
    assert done_in_list(repository) == ["task 3"]
    assert "**Задача:** task 3\n**Статус:** Выполнено" in (repository.path / STATUS).read_text()
    changed = repository.git("show", "--numstat", "--format=", "main").splitlines()
    assert [line.split("\t")[2] for line in changed] == [STATUS, "new", "todo.md"]
    assert repository.git("status", "--porcelain") == ""
    assert repository.git("log", "-1", "--format=%an <%ae>") == "A User <user@example.org>"
    assert rig.verified == []  # it is what was verified in the workspace
    assert repository.branches() == []
    assert rig.told.named("task.landed") == [{"commit": outcome.commit, "target": "main"}]
    assert rig.told.named("landing.queued") == [{"place": 1}]


async def test_a_conflict_is_told_with_its_files_and_the_merge(
    repository: Repository, store: SpyStore
) -> None:
    first = request(repository, begin(store, 1), {"base": "one\n", "other": ""})
    second = request(repository, begin(store, 2), {"base": "two\n"})
    async with landing(repository, store) as rig:
        landed = await rig.must_land(first)
        outcome = await rig.land(second)
    assert isinstance(outcome, Conflict)
    assert (outcome.files, outcome.target_commit) == (("base",), landed.commit)
    merged = repository.git("show", f"{outcome.tree}:base")
    assert "<<<<<<<" in merged
    assert "two" in merged
    assert log(repository) == ["task 1", "work"]
    assert not rig.store.landings(open_only=True).result()


async def test_the_list_and_the_status_file_never_conflict(
    repository: Repository, store: SpyStore
) -> None:
    wild = {STATUS: "all different\n", "todo.md": "- [x] everything\n"}
    requests = [request(repository, begin(store, n), {f"new-{n}": "", **wild}) for n in (1, 2)]
    async with landing(repository, store) as rig:
        for one in requests:
            await rig.must_land(one)
    assert done_in_list(repository) == ["task 1", "task 2"]
    assert (repository.path / "todo.md").read_text().startswith("# Work\n\n- [ ] task 0\n")
    text = (repository.path / STATUS).read_text()
    assert text.startswith("# Status\n")
    assert text.count("Выполнено через") == 2


async def test_work_that_changed_nothing_but_the_list_does_not_land(
    repository: Repository, store: SpyStore
) -> None:
    async with landing(repository, store) as rig:
        outcome = await rig.land(request(repository, begin(store, 1), {"todo.md": "gone"}))
    assert isinstance(outcome, Rejected)
    assert outcome.refusal is Refusal.EMPTY


async def test_work_that_landed_without_anybody_knowing_does_not_land_again(
    repository: Repository, store: SpyStore
) -> None:
    one = request(repository, begin(store, 1), {"new": ""})
    async with landing(repository, store) as rig:
        landed = await rig.must_land(one)
        store.interrupt_task("task_1", 1, 0.0).result()
        again = replace(one, task=begin_again(store, "task_1"))
        outcome = await rig.must_land(again)
    assert outcome.commit == landed.commit
    assert log(repository) == ["task 1", "work"]
    assert not store.landings(open_only=True).result()


async def test_a_request_is_taken_back_by_cancelling(
    repository: Repository, store: SpyStore
) -> None:
    async with landing(repository, store) as rig:
        rig.hold = rt.Event()
        requests = [
            request(repository, begin(store, n), {f"new-{n}": ""}, verified=False) for n in (1, 2)
        ]
        async with rt.TaskGroup() as group:
            tasks = [group.start_soon(rig.land, requests[0])]
            await until(lambda: rig.verified)
            tasks.append(group.start_soon(rig.land, requests[1]))
            await until(lambda: len(rig.told.named("landing.queued")) == 2)
            for task in tasks:
                task.cancel()
                with pytest.raises(rt.TaskCancelled):
                    await task.wait()
        rig.hold.set()
        await rig.must_land(request(repository, begin(store, 3), {"new-3": ""}))
    assert log(repository) == ["task 3", "work"]
    assert not store.landings(open_only=True).result()


async def test_what_lands_in_spite_of_the_cancelling_is_told(
    repository: Repository, store: SpyStore
) -> None:
    async with landing(repository, store) as rig:
        one = request(repository, begin(store, 1), {"new": ""})
        store.held = {"landed"}
        async with rt.TaskGroup() as group:
            task = group.start_soon(rig.land, one)
            await until(lambda: "landed" in store.calls)
            task.cancel()
            store.release()
            assert isinstance(await task.wait(), Landed)


async def test_an_attempt_that_is_over_does_not_land(
    repository: Repository, store: SpyStore
) -> None:
    stale, good = begin(store, 1), begin(store, 2)
    requests = [request(repository, work, {f"by-{work.id}": ""}) for work in (stale, good)]
    store.interrupt_task(stale.id, stale.epoch, 0.0).result()
    async with landing(repository, store) as rig:
        outcomes = await rt.map_concurrently(rig.land, requests, limit=2)
    assert isinstance(outcomes[0], Rejected)
    assert outcomes[0].refusal is Refusal.STALE
    assert isinstance(outcomes[1], Landed)
    assert log(repository) == ["task 2", "work"]


async def test_a_branch_with_another_history_is_refused(
    repository: Repository, store: SpyStore
) -> None:
    one = request(repository, begin(store, 1), {"new": ""})
    repository.git("checkout", "-q", "--orphan", "fresh")
    repository.git("commit", "-q", "-m", "another beginning")
    repository.git("branch", "-D", "-q", "main")
    repository.git("branch", "-m", "main")
    async with landing(repository, store) as rig:
        outcome = await rig.land(one)
    assert isinstance(outcome, Rejected)
    assert "no history in common" in outcome.reason


async def test_a_target_that_is_gone_is_told(repository: Repository, store: SpyStore) -> None:
    one = request(repository, begin(store, 1), {"new": ""})
    async with landing(repository, store, target="nowhere") as rig:
        outcome = await rig.land(one)
    assert isinstance(outcome, Rejected)
    assert "there is no branch nowhere" in outcome.reason


async def test_what_was_prepared_stays_and_everything_else_is_cleaned_away(
    repository: Repository, store: SpyStore
) -> None:
    repository.write("sub/module", "")
    repository.commit(__gitignore="*.o\nlibs/\n")
    prepared: list[Path] = []
    seen: list[list[str]] = []

    async def prepare(directory: Path) -> None:
        prepared.append(directory)
        Repository(directory).write("libs/a [1].so", "")
        Repository(directory).write("sub/__pycache__/x.pyc", "")

    def judge(directory: Path) -> str:
        names = [str(path.relative_to(directory)) for path in directory.rglob("*")]
        seen.append(sorted(name for name in names if name[0] in "ls"))
        Repository(directory).write("left.o", "")
        Repository(directory).write("libs/b.so", "")
        Repository(directory).write("left-over", "")
        return "outdated" if len(seen) == 3 else ""

    async with landing(repository, store, judge, prepare=prepare) as rig:
        for number in (1, 2, 3):
            one = request(repository, begin(store, number), {f"n-{number}": ""}, verified=False)
            await rig.must_land(one)
    libs = ["libs", "libs/a [1].so"]
    compiled = ["sub", "sub/__pycache__", "sub/__pycache__/x.pyc", "sub/module"]
    assert seen[0] == [*libs, *compiled]
    assert seen[1] == [*libs, "libs/b.so", "sub", "sub/module"]
    assert seen[3] == [*libs, "libs/b.so", *compiled]  # prepared once more
    assert prepared == [repository.path.parent / "root" / "wt" / "_merge"] * 2


async def test_the_integration_worktree_is_made_before_it_is_waited_for(
    repository: Repository, store: SpyStore
) -> None:
    prepared: list[Path] = []
    ready = rt.Event()

    async def prepare(directory: Path) -> None:
        prepared.append(directory)
        ready.set()

    async with landing(repository, store, prepare=prepare) as rig:
        rig.landing.expect_several()
        await ready.wait()
        assert rig.verified == []
        await rig.must_land(
            request(repository, begin(store, 1), {"new": ""}, verified=False),
        )
    assert rig.verified == ["landing-task_1"]
    assert len(prepared) == 1


async def test_an_integration_worktree_that_cannot_be_made_ahead_is_made_when_it_is_needed(
    repository: Repository, store: SpyStore
) -> None:
    tried = rt.Event()

    async def prepare(directory: Path) -> None:
        if not tried.is_set():
            tried.set()
            raise WorkspaceError("no network")

    async with landing(repository, store, prepare=prepare) as rig:
        rig.landing.expect_several()
        await tried.wait()
        await rig.must_land(request(repository, begin(store, 1), {"a": ""}, verified=False))


async def test_a_broken_integration_worktree_is_made_anew(
    repository: Repository, store: SpyStore
) -> None:
    place = repository.path.parent / "root" / "wt" / "_merge"
    async with landing(repository, store) as rig:
        for number in (1, 2, 3):
            one = request(repository, begin(store, number), {f"n-{number}": ""}, verified=False)
            await rig.must_land(one)
            if number == 1:
                (place / ".git").unlink()
            (place.parent / "stale").write_text("")
            admin = repository.path / ".git" / "worktrees" / "_merge"
            if number == 2:
                (admin / "index").write_bytes(b"broken")
    assert rig.verified == ["landing-task_1", "landing-task_2", "landing-task_3"]
    assert len(log(repository)) == 4


async def test_a_task_that_landed_before_the_end_is_done_at_the_next_start(
    repository: Repository, store: SpyStore
) -> None:
    work = begin(store, 1)
    one = request(repository, work, {"new": ""})
    async with landing(repository, store) as rig:
        await rig.must_land(one)
    restart(store)
    async with landing(repository, store) as rig:
        assert await rig.landing.settle_open() == [work.id]
    found = store.task(work.id).result()
    assert found.state is TaskState.DONE
    store.reset_task(work.id, 2.0).result()  # somebody wants it again
    async with landing(repository, store) as rig:
        assert await rig.landing.settle_open() == []
