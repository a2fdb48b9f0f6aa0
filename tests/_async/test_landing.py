"""Landing on a real repository."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from codeagent._async import git as git_module
from codeagent._runtime import async_runtime as rt
from codeagent.core.landing import (
    BEHIND,
    FORWARDED,
    NOT_CHECKED_OUT,
    Conflict,
    Landed,
    Refusal,
    Rejected,
)
from codeagent.core.task import TaskState
from codeagent.core.workspace import WorkspaceError

from ..support.landings import STATUS, TODO, begin, begin_again, done_in_list, log, request, restart
from ..support.repositories import Repository, make_repository
from ..support.world import SpyStore, spied_store
from .helpers import until
from .landing_rig import all_is_well, landing

LANDED = "codeagent/landed/main"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return make_repository(
        tmp_path / "repository", todo__md=TODO, codeAgentProjectStatus__md="# Status\n", base="1\n"
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SpyStore]:
    with spied_store(tmp_path) as store:
        yield store


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
                await until(lambda n=number: len(rig.told.named("landing.queued")) > n)
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


async def test_a_list_in_a_directory_is_marked_there(
    repository: Repository, store: SpyStore
) -> None:
    repository.write("todo/CURRENT.md", TODO)
    repository.commit()
    work = replace(begin(store, 1), source="todo/CURRENT.md")
    wild = {"todo/CURRENT.md": "gone", "todo/other": "kept\n"}
    async with landing(repository, store) as rig:
        outcome = await rig.must_land(request(repository, work, {"new": "", **wild}))
    assert outcome.marked
    assert rig.verified == []
    assert "- [x] task 1" in (repository.path / "todo" / "CURRENT.md").read_text()
    assert (repository.path / "todo" / "other").read_text() == "kept\n"
    assert done_in_list(repository) == []


async def test_a_list_with_windows_line_ends_keeps_them(
    repository: Repository, store: SpyStore
) -> None:
    windows = b"\xef\xbb\xbf# Work\r\n- [ ] task 1\r\n- [ ] task 2"
    (repository.path / "todo.md").write_bytes(windows)
    repository.git("-c", "core.autocrlf=false", "commit", "-qam", "windows")
    async with landing(repository, store) as rig:
        await rig.must_land(request(repository, begin(store, 1), {"new": ""}))
    after = (repository.path / "todo.md").read_bytes()
    lines = after.split(b"\r\n")
    assert lines[0] == b"\xef\xbb\xbf# Work"
    assert lines[1].startswith(b"- [x] task 1 <!--")
    assert lines[2] == b"- [ ] task 2"


async def test_a_list_that_is_not_under_version_control_stays_alone(
    tmp_path: Path, store: SpyStore
) -> None:
    repository = make_repository(tmp_path / "other", base="1\n")
    repository.write("todo.md", TODO)
    repository.write(STATUS, "# Status\n")
    async with landing(repository, store) as rig:
        outcome = await rig.must_land(request(repository, begin(store, 1), {"new": ""}))
    assert (outcome.marked, outcome.noted, outcome.checkout) == (False, False, FORWARDED)
    assert (repository.path / "todo.md").read_text() == TODO
    assert repository.git("ls-tree", "--name-only", "main").split() == ["base", "new"]


async def test_a_status_file_that_nobody_has_yet_is_made_by_the_first_landing(
    tmp_path: Path, store: SpyStore
) -> None:
    repository = make_repository(tmp_path / "other", todo__md=TODO)
    async with landing(repository, store) as rig:
        first = await rig.must_land(request(repository, begin(store, 1), {"one": ""}))
        await rig.must_land(request(repository, begin(store, 2), {"two": ""}))
    assert (first.noted, first.checkout) == (True, FORWARDED)
    status = (repository.path / STATUS).read_text("utf-8")
    assert status.startswith("# Статус выполнения проекта Code Agent\n")
    assert [f"**Задача:** task {n}\n" in status for n in (1, 2, 3)] == [True, True, False]
    assert repository.git("status", "--porcelain") == ""


async def test_a_status_file_that_is_ignored_is_not_made(tmp_path: Path, store: SpyStore) -> None:
    repository = make_repository(tmp_path / "other", todo__md=TODO)
    repository.write(".gitignore", f"{STATUS}\n")
    repository.git("add", "-A")
    repository.git("commit", "-qm", "ignore")
    async with landing(repository, store) as rig:
        outcome = await rig.must_land(request(repository, begin(store, 1), {"one": ""}))
    assert (outcome.marked, outcome.noted) == (True, False)
    assert STATUS not in repository.git("ls-tree", "--name-only", "main").split()


async def test_a_dirty_checkout_is_left_alone_and_follows_when_it_is_clean(
    repository: Repository, store: SpyStore
) -> None:
    repository.write("base", "what the user is writing\n")
    base = repository.git("rev-parse", "main")
    async with landing(repository, store) as rig:
        first = await rig.must_land(request(repository, begin(store, 1), {"new-1": ""}))
        second = await rig.must_land(request(repository, begin(store, 2), {"new-2": ""}))
        assert first.checkout.startswith(f"{BEHIND}base is changed in ")
        assert f"git merge --ff-only {LANDED}" in first.checkout
        assert repository.git("rev-parse", "main") == base
        assert repository.git("rev-parse", LANDED) == second.commit
        assert repository.git("status", "--porcelain") == "M base"
        (told,) = rig.told.named("landing.behind")
        assert told["target"] == "main"
        repository.git("checkout", "-q", "--", "base")
        await until(lambda: rig.told.named("landing.forwarded"))
    assert repository.git("rev-parse", "main") == second.commit
    assert (repository.path / "new-1").exists()
    assert repository.git("status", "--porcelain") == ""
    assert repository.branches() == []


@pytest.mark.parametrize("ignored", [False, True])
async def test_an_untracked_file_is_never_overwritten(
    repository: Repository, store: SpyStore, ignored: bool
) -> None:
    if ignored:
        repository.commit(__gitignore="new\n")
    repository.write("new", "mine\n")
    async with landing(repository, store) as rig:
        outcome = await rig.must_land(request(repository, begin(store, 1), {"new": "theirs\n"}))
        assert outcome.checkout.startswith(BEHIND)
        assert (repository.path / "new").read_text() == "mine\n"
        (repository.path / "new").unlink()
        await until(lambda: rig.told.named("landing.forwarded"))
    assert (repository.path / "new").read_text() == "theirs\n"


async def test_the_user_may_write_the_list_while_work_lands(
    repository: Repository, store: SpyStore
) -> None:
    edited = TODO.replace("- [ ] task 2\n", "") + "- [ ] one more\n"
    repository.write("todo.md", edited)
    repository.write(STATUS, "# Status\n\n# Code Agent Server\n")
    async with landing(repository, store) as rig:
        outcome = await rig.must_land(request(repository, begin(store, 1), {"new": ""}))
    assert outcome.checkout == FORWARDED
    assert repository.git("rev-parse", "main") == outcome.commit
    text = (repository.path / "todo.md").read_text()
    lines = text.splitlines()
    assert lines[-1] == "- [ ] one more"
    assert "task 2\n" not in text
    assert any(line.startswith("- [x] task 1 <!--") for line in lines)
    assert done_in_list(repository) == ["task 1"]
    status = (repository.path / STATUS).read_text()
    assert status.startswith("# Status\n\n# Code Agent Server\n\n---\n")
    assert repository.git("diff", "--cached", "--name-only") == ""
    assert sorted(repository.git("diff", "--name-only").split()) == [STATUS, "todo.md"]


@pytest.mark.parametrize("ignored", [False, True])
async def test_an_untracked_file_is_safe_when_the_list_is_carried(
    repository: Repository, store: SpyStore, ignored: bool
) -> None:
    if ignored:
        repository.commit(__gitignore="new\n")
    repository.write("todo.md", TODO + "- [ ] one more\n")
    repository.write("new", "mine\n")
    async with landing(repository, store) as rig:
        outcome = await rig.must_land(request(repository, begin(store, 1), {"new": "theirs\n"}))
    assert outcome.checkout.startswith(f"{BEHIND}new is in the way")
    assert (repository.path / "new").read_text() == "mine\n"
    assert (repository.path / "todo.md").read_text() == TODO + "- [ ] one more\n"


async def test_a_staged_change_of_the_list_is_the_users(
    repository: Repository, store: SpyStore
) -> None:
    repository.write("todo.md", TODO + "- [ ] one more\n")
    repository.git("add", "todo.md")
    async with landing(repository, store) as rig:
        outcome = await rig.must_land(request(repository, begin(store, 1), {"new": ""}))
    assert outcome.checkout.startswith(f"{BEHIND}todo.md is changed")
    assert repository.git("show", ":todo.md").endswith("- [ ] one more")


async def test_what_the_user_commits_meanwhile_comes_first(
    repository: Repository, store: SpyStore
) -> None:
    repository.write("base", "what the user is writing\n")
    one, two = (request(repository, begin(store, n), {f"new-{n}": ""}) for n in (1, 2))
    async with landing(repository, store) as rig:
        await rig.must_land(one)
        repository.write("todo.md", TODO.replace("task 1\n", "task 1\n- [ ] in between\n"))
        users = repository.commit(base="what the user wrote\n")
        await rig.must_land(two)
        await until(lambda: rig.told.named("landing.forwarded"))
    assert log(repository) == ["task 2", "task 1", "work", "work"]
    assert repository.git("rev-parse", "main~2") == users
    assert repository.git("rev-parse", "main^") in rig.landing.replayed
    assert done_in_list(repository) == ["task 1", "task 2"]
    assert "- [ ] in between" in (repository.path / "todo.md").read_text()
    assert "replay" in rig.verified
    assert repository.git("status", "--porcelain") == ""


async def test_what_landed_is_not_lost_where_the_user_changed_the_same(
    repository: Repository, store: SpyStore
) -> None:
    repository.write("other", "dirty\n")
    repository.git("add", "other")
    async with landing(repository, store) as rig:
        first = await rig.must_land(request(repository, begin(store, 1), {"base": "ours\n"}))
        users = repository.commit(base="the user's\n")
        second = await rig.must_land(request(repository, begin(store, 2), {"new": ""}, base=LANDED))
    assert repository.git("rev-parse", "main") == users
    assert repository.git("rev-parse", LANDED) == second.commit
    assert repository.git("rev-parse", f"{LANDED}^") == first.commit
    assert "conflicts with" in second.checkout
    assert f"git merge {LANDED}" in second.checkout


async def test_the_user_commits_while_the_work_is_verified(
    repository: Repository, store: SpyStore
) -> None:
    async with landing(repository, store) as rig:
        rig.hold = rt.Event()
        one = request(repository, begin(store, 1), {"new": ""}, verified=False)
        async with rt.TaskGroup() as group:
            group.start_soon(rig.must_land, one)
            await until(lambda: rig.verified)
            users = repository.commit(hot__fix="fast\n")
            rig.hold.set()
    assert log(repository) == ["task 1", "work", "work"]
    assert repository.git("rev-parse", "main^") == users


async def test_a_target_that_is_checked_out_nowhere_moves_by_itself(
    repository: Repository, store: SpyStore
) -> None:
    one = request(repository, begin(store, 1), {"new": ""})
    repository.git("checkout", "-q", "-b", "elsewhere")
    async with landing(repository, store) as rig:
        outcome = await rig.must_land(one)
    assert outcome.checkout == NOT_CHECKED_OUT
    assert repository.git("rev-parse", "main") == outcome.commit
    assert repository.git("branch", "--show-current") == "elsewhere"
    assert not (repository.path / "new").exists()
    assert repository.branches() == []


async def test_a_bare_repository_can_be_landed_in(
    repository: Repository, store: SpyStore, tmp_path: Path
) -> None:
    one = request(repository, begin(store, 1), {"new": ""}, verified=False)
    repository.git("clone", "-q", "--bare", str(repository.path), str(tmp_path / "bare"))
    bare = Repository(tmp_path / "bare")
    bare.git("fetch", "-q", str(repository.path), f"{one.changes.commit}:refs/heads/work")
    async with landing(bare, store) as rig:
        outcome = await rig.must_land(one)
    assert bare.git("rev-parse", "main") == outcome.commit
    assert rig.verified == ["landing-task_1"]
    assert done_in_list(bare) == ["task 1"]


async def test_a_branch_that_is_being_rebased_is_left_alone(
    repository: Repository, store: SpyStore
) -> None:
    repository.git("checkout", "-q", "-b", "other")
    repository.commit(base="other\n")
    repository.git("checkout", "-q", "main")
    base = repository.commit(base="main\n")
    one = request(repository, begin(store, 1), {"new": ""})
    repository.git("rebase", "other", check=False)  # stops at the conflict
    async with landing(repository, store) as rig:
        outcome = await rig.must_land(one)
    assert "is being rebased" in outcome.checkout
    assert repository.git("rev-parse", "main") == base


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
