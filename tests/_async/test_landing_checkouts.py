"""What a landing does to lists and checkouts that people use, on a real repository."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from codeagent._runtime import async_runtime as rt
from codeagent.core.landing import BEHIND, FORWARDED, NOT_CHECKED_OUT

from ..support.landings import LANDED, STATUS, TODO, begin, done_in_list, log, request
from ..support.repositories import Repository, make_repository
from ..support.world import SpyStore
from .helpers import until
from .landing_rig import landing


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
