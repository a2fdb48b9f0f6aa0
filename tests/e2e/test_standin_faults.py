"""What the stand-in does to a repository, well or badly, and what it does by chance."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from codeagent.core.streams import AgentEventKind, CursorStream
from codeagent.standin import behaviour, faults, task
from codeagent.standin.chaos import FAULTS, Chaos, chaos
from tests.support.processes import environment
from tests.support.world import STAND_IN

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the stand-in forks")

TASK = "add function total to pkg/sums.py"
REPORT = "docs/r.md"


def prompt(what: str = TASK, marker: str = "") -> str:
    return (
        f"Task: {what}\n{marker}\nwrite your report to the file {REPORT}\n"
        "The report must end with this line, exactly:\nFinished!\n"
    )


def run(
    cwd: Path, *arguments: str, text: str | None = None, **env: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*STAND_IN, *arguments],
        cwd=cwd,
        env=environment(**env),
        input=(prompt() if text is None else text).encode(),
        capture_output=True,
        timeout=30,
        check=False,
    )


def kinds(output: bytes) -> list[AgentEventKind]:
    decoder = CursorStream()
    return [event.kind for event in decoder.feed(output) + decoder.close()]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    place = tmp_path / "repository"
    place.mkdir()
    git(place, "init", "--quiet", "-b", "main")
    (place / "pkg").mkdir()
    (place / "pkg/sums.py").write_text("def one() -> int:\n    return 1\n", "utf-8")
    git(place, "add", "--all")
    git(place, "commit", "--quiet", "-m", "Begin")
    return place


def git(cwd: Path, *words: str) -> str:
    identity = {
        f"GIT_{who}_{what}": "t@localhost"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    done = subprocess.run(
        ["git", *words], cwd=cwd, env={**os.environ, **identity}, capture_output=True, check=True
    )
    return done.stdout.decode()


def test_a_function_that_is_asked_for_is_added_once(repository: Path) -> None:
    for _ in range(2):
        assert run(repository).returncode == 0
    module = (repository / "pkg/sums.py").read_text("utf-8")
    assert module == (
        'def one() -> int:\n    return 1\n\n\ndef total() -> str:\n    return "total"\n'
    )
    assert (repository / REPORT).read_text("utf-8").endswith("\nFinished!\n")
    assert not (repository / "notes").exists()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (TASK, ("total", "pkg/sums.py")),
        ("Please add the function `f1` to `a.py`, thanks", ("f1", "a.py")),
        ("add function total to ../sums.py", None),
        ("add function total to /sums.py", None),
        ("add a page", None),
    ],
)
def test_a_task_that_can_be_done_is_recognised(text: str, wanted: tuple[str, str] | None) -> None:
    assert task.addition(text) == wanted


@pytest.mark.parametrize("damage", ["markers", "break"])
def test_a_module_that_was_broken_is_mended_the_next_time(repository: Path, damage: str) -> None:
    run(repository, text=prompt(marker=f"[standin: {damage}]"))
    module = repository / "pkg/sums.py"
    assert not runs(module)
    run(repository)
    assert runs(module)


def runs(module: Path) -> bool:
    check = subprocess.run([sys.executable, module], capture_output=True, check=False)
    return check.returncode == 0


def test_a_test_that_was_broken_goes_again(repository: Path) -> None:
    run(repository, text=prompt("Add a page", "[standin: break]"))
    assert (repository / faults.BROKEN_TEST).exists()
    run(repository, text=prompt("Add a page"))
    assert not (repository / faults.BROKEN_TEST).exists()


def test_of_a_conflict_both_sides_are_kept(repository: Path) -> None:
    shared = repository / "CHANGELOG.md"
    shared.write_text("a\n<<<<<<< ours\nb\n||||||| base\nx\n=======\nc\n>>>>>>> theirs\nd\n")
    heading = repository / "README.rst"
    heading.write_text("Heading\n=======\n")
    run(repository, text=prompt("Resolve CHANGELOG.md and README.rst"))
    assert shared.read_text() == "a\nb\nc\nd\n"
    assert heading.read_text() == "Heading\n=======\n"


def test_all_tasks_edit_the_same_line_of_a_shared_file(repository: Path) -> None:
    for name in ("a", "b"):
        text = prompt(f"add function {name} to pkg/{name}.py", "[standin: shared]")
        run(repository, text=text, CODEAGENT_STANDIN_SHARED="NEWS.md")
    assert (repository / "NEWS.md").read_text("utf-8").splitlines()[2:] == [
        "- add function b to pkg/b.py",
        "- add function a to pkg/a.py",
    ]


def test_it_commits_if_it_is_to(repository: Path) -> None:
    run(repository, text=prompt(marker="[standin: commit]"))
    assert git(repository, "log", "-1", "--format=%an %s") == f"Stand-in {TASK}\n"
    assert "total" in git(repository, "show", "HEAD:pkg/sums.py")


def test_from_a_linked_worktree_it_escapes_into_the_main_checkout(repository: Path) -> None:
    tree = repository.parent / "tree"
    git(repository, "worktree", "add", "--quiet", str(tree))
    run(tree, text=prompt(marker="[standin: escape]"))
    assert (repository / "escaped-by-standin.txt").read_text("utf-8") == f"{TASK}\n"


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("rate-limit:7", 1, b"retry after 7 s"),
        ("quota:60", 1, b"reset at 2"),
        ("quota", 1, b"monthly cycle ends on"),
        ("network", 1, b"ENOTFOUND"),
        ("auth", 1, b"Authentication required"),
        ("untrusted", 0, b"Do you trust the contents"),
        ("idle", 0, b""),
    ],
)
def test_it_fails_in_the_words_of_real_agents(
    repository: Path, name: str, code: int, words: bytes
) -> None:
    done = run(repository, text=prompt(marker=f"[standin: {name}]"))
    assert done.returncode == code
    assert words in done.stderr + done.stdout
    assert not (repository / REPORT).exists()
    assert git(repository, "status", "--porcelain") == ""


def test_killed_in_the_middle_of_an_edit_it_leaves_half_of_one(repository: Path) -> None:
    done = run(repository, text=prompt(marker="[standin: crash]"))
    assert done.returncode == -9
    assert kinds(done.stdout)[-1] is AgentEventKind.TOOL_STARTED
    assert (repository / "pkg/sums.py").read_text("utf-8").endswith("def half_a_")


def test_what_may_go_wrong_by_chance_exists_and_nothing_escapes_unless_named() -> None:
    assert behaviour.parse(FAULTS)
    assert not [fault for fault in FAULTS if fault.startswith("escape")]


def test_chance_is_the_same_again_for_the_same_seed_and_has_its_rate() -> None:
    def drawn(seed: str) -> list[str]:
        return [Chaos(0.2, seed).fault(f"task-{n}", run) for n in range(500) for run in range(2)]

    assert drawn("1") == drawn("1")
    assert drawn("1") != drawn("2")
    count = Counter(drawn("1"))
    assert 150 < 1000 - count[""] < 250
    assert set(count) == {"", *FAULTS}
    assert {Chaos(0.0, "1").fault(str(n), 0) for n in range(100)} == {""}


def test_faults_can_be_chosen_and_the_number_of_the_run_counts(tmp_path: Path) -> None:
    state = tmp_path / "state.txt"
    asked = ("--faults", "0.5=idle,network", "--seed", "5")
    codes = [
        run(tmp_path, *asked, CODEAGENT_STANDIN_STATE=str(state)).returncode for _ in range(12)
    ]
    assert set(codes) == {0, 1}
    assert len(state.read_text("utf-8").splitlines()) == 12
    expected = Chaos(0.5, "5", ("idle", "network"))
    key = f"add-function-total-to-pkg-sums-py:{REPORT}"
    assert codes == [int(expected.fault(key, number) == "network") for number in range(12)]


def test_the_environment_can_ask_for_chance_too(tmp_path: Path) -> None:
    done = run(tmp_path, CODEAGENT_STANDIN_FAULTS="1=fail", CODEAGENT_STANDIN_SEED="x")
    assert json.loads(done.stdout.splitlines()[-1])["is_error"] is True


@pytest.mark.parametrize(
    ("asked", "problem"),
    [("2", "from 0 to 1"), ("often", "from 0 to 1"), ("0.5=hungs", "unknown behaviour 'hungs'")],
)
def test_wrong_chances_are_explained(tmp_path: Path, asked: str, problem: str) -> None:
    with pytest.raises(behaviour.BehaviourError, match=problem):
        chaos(asked, None, {})
    done = run(tmp_path, "--faults", asked)
    assert (done.returncode, problem in done.stderr.decode()) == (2, True)
