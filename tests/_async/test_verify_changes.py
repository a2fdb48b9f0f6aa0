"""What a change itself is asked before and after its commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from codeagent._async import verify as module
from codeagent._async.git import GitError
from codeagent._async.verify import AsyncVerifier
from codeagent.core.config.verify import VerifySettings
from codeagent.core.verify import Shortfall
from codeagent.core.workspace import Changes

from ..support.repositories import Repository, make_repository
from .verify_rig import Rig, python

RANDOM = "a8Fj3kL0pQ9zXv7Y"


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


@pytest.fixture
def repository(rig: Rig) -> Repository:
    return make_repository(rig.directory, app__py="one = 1\n")


def changes(repository: Repository, **names: str) -> Changes:
    """What a commit of these files changes."""
    base = repository.git("rev-parse", "HEAD")
    commit = repository.commit(**names) if names else base
    return Changes(
        commit=commit,
        tree=repository.git("rev-parse", f"{commit}^{{tree}}"),
        base=base,
        files=tuple(repository.git("diff", "--name-only", base, commit).splitlines()),
    )


async def test_a_good_change_is_verified_with_its_tree(rig: Rig, repository: Repository) -> None:
    made = changes(repository, app__py="two = 2\n", new__py="x = 1\n")
    found = await rig.verify(rig.verifier(["true"]), made)
    assert (found.ok, found.findings) == (True, ())
    assert (found.tree, found.changed) == (made.tree, ("app.py", "new.py"))


async def test_no_change_is_no_success(rig: Rig, repository: Repository) -> None:
    made = changes(repository)
    found = await rig.verify(rig.verifier(["true"]), made)
    assert (found.ok, found.shortfall, found.commands) == (False, Shortfall.NO_CHANGES, ())
    allowed = await rig.verify(rig.verifier(["true"], allow_no_changes=True), made)
    assert (allowed.ok, len(allowed.commands)) == (True, 1)


async def test_a_secret_in_the_change_is_refused_unrun(rig: Rig, repository: Repository) -> None:
    made = changes(repository, app__py=f"one = 1\n\napi_token = '{RANDOM}'\n")
    found = await rig.verify(rig.verifier(["true"]), made)
    assert (found.ok, found.shortfall, found.commands) == (False, Shortfall.REFUSED, ())
    assert found.findings[0].startswith("app.py:3: a secret for api_token")
    assert RANDOM not in found.to_text()
    allowed = await rig.verify(rig.verifier(["true"], allow=["app.py"]), made)
    assert allowed.ok


async def test_what_the_server_keeps_secret_is_not_landed(rig: Rig, repository: Repository) -> None:
    made = changes(repository, app__py="# a secret of ours\n")
    found = await rig.verify(rig.verifier(["true"]), made)
    assert found.findings[0].startswith("app.py:1: a secret of the server's own")


async def test_removing_a_secret_is_no_leak(rig: Rig, repository: Repository) -> None:
    repository.commit(app__py=f"one = 1\napi_token = '{RANDOM}'\n")
    made = changes(repository, app__py="one = 1\n")
    found = await rig.verify(rig.verifier(["true"]), made)
    assert found.findings == ()


async def test_the_whole_change_is_looked_at(rig: Rig, repository: Repository) -> None:
    (rig.directory / 'caf\xe9 "q".txt').write_bytes(b"<<<<<<< HEAD\r\nx\r\n>>>>>>> b\r\n")
    (rig.directory / "big.bin").write_bytes(b"\0" * 2000)
    (rig.directory / "x.orig").write_text("x", "utf-8")
    (rig.directory / "certs").mkdir()
    (rig.directory / "certs" / "key.pem").write_text("x", "utf-8")
    nested = make_repository(rig.directory / "nested")
    made = changes(repository, deep__txt="fine\n")
    found = await rig.verify(rig.verifier(["true"], max_file_size=1000), made)
    assert [finding.split(";")[0] for finding in found.findings] == [
        "certs/key.pem: the change adds a path of verify.forbidden",
        "nested: a git repository within the repository, whose files would not be landed",
        'caf\xe9 "q".txt:1: a conflict marker <<<<<<<',
        'caf\xe9 "q".txt:3: a conflict marker >>>>>>>',
        "big.bin: 2000 bytes are more than verify.max_file_size (1000)",
        "x.orig: looks like a leftover",
    ]
    assert nested.path.is_dir()


async def test_changes_are_searched_in_batches(
    rig: Rig, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 60)
    line = f"api_token = '{RANDOM}'\n"
    names = {f"m{number}__py": line for number in range(5)}
    found = await rig.verifier().screen(rig.directory, changes(repository, **names))
    assert [finding.text.partition(":")[0] for finding in found] == [
        f"m{number}.py" for number in range(5)
    ]


async def test_file_names_are_no_patterns(rig: Rig, repository: Repository) -> None:
    (rig.directory / "[a]*").write_text(f"api_token = '{RANDOM}'\n", "utf-8")
    found = await rig.verifier().screen(rig.directory, changes(repository, a="fine\n"))
    assert [finding.text.partition(":")[0] for finding in found] == ["[a]*"]


async def test_what_commands_change_is_told(rig: Rig, repository: Repository) -> None:
    made = changes(repository, new__py="x = 1\n")
    code = "open('app.py', 'a').write('y'); open('untracked', 'w')"
    found = await rig.verify(rig.verifier(python(code)), made)
    assert (found.ok, found.findings) == (True, ("changed by the verification: app.py",))


async def test_commits_that_are_not_there_are_an_error(rig: Rig, repository: Repository) -> None:
    made = Changes(
        commit="f" * 40, tree="t", base=repository.git("rev-parse", "HEAD"), files=("x",)
    )
    with pytest.raises(GitError):
        await rig.verify(rig.verifier(["true"]), made)


async def test_without_git_changes_are_taken_as_they_are(rig: Rig) -> None:
    settings = VerifySettings.model_validate({"commands": [["true"]]})
    made = Changes(commit="c", tree="t", base="b", files=("x",))
    found = await rig.verify(AsyncVerifier(settings), made)
    assert (found.ok, found.tree, found.changed) == (True, "t", ("x",))
