"""The project and the agent on which many tasks at once are tried out."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from codeagent.core.config.verify import VerifySettings
from codeagent.core.screening_diff import DiffScreening

from ..support import chaos_agent
from ..support.repositories import ENVIRONMENT
from ..support.sample_project import COMMAND, SHARED, SampleProject, make_sample_project

QUICK = sorted(set(chaos_agent.FAULTS) - {"hang", "heartbeats", "no-exit", "grandchild", "stray"})


class Rig:
    """The project with four tasks, of which the last two share a file."""

    def __init__(self, place: Path) -> None:
        self.sample = make_sample_project(place / "project", 4, shared=(3, 4))
        self.path = self.sample.repository.path
        self.records = place / "records"

    def agent(self, number: int, fault: str = "", prompt: str = "") -> tuple[int, str]:
        """One run of the agent: its exit code and its output."""
        environment = {
            **ENVIRONMENT,
            "CHAOS_RATE": "1" if fault else "0",
            "CHAOS_FAULTS": fault,
            "CHAOS_RECORDS": str(self.records),
        }
        text = prompt or (
            f"Task: {self.sample.tasks[number]}\n\nWhen you are done, write your report to the "
            "file docs/results/r.md\nThe report must end with this line:\nFinished!\n"
        )
        result = subprocess.run(
            [sys.executable, chaos_agent.__file__, "-p"],
            cwd=self.path,
            env=environment,
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        return result.returncode, result.stdout

    def tests_pass(self) -> bool:
        return (
            subprocess.run(COMMAND, cwd=self.path, capture_output=True, check=False).returncode == 0
        )


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_the_agent_does_what_the_tasks_ask_for(rig: Rig) -> None:
    assert rig.tests_pass()
    for number in rig.sample.tasks:
        code, output = rig.agent(number)
        assert code == 0
        assert json.loads(output.splitlines()[-1])["subtype"] == "success"
    rig.sample.repository.commit()
    assert rig.sample.items() == [1, 2, 3, 4]
    assert rig.tests_pass()
    assert (rig.path / "docs/results/r.md").read_text("utf-8").endswith("\nFinished!\n")


@pytest.mark.parametrize("fault", QUICK)
def test_what_goes_wrong_is_mended_by_the_next_run(rig: Rig, fault: str) -> None:
    rig.agent(3, fault)
    rig.agent(3)
    rig.sample.repository.commit()
    assert rig.sample.items() == [3]
    assert rig.tests_pass()
    runs = [json.loads(line) for line in rig.records.read_text("utf-8").splitlines()]
    assert [(run["run"], run["fault"]) for run in runs] == [(0, fault), (1, "")]


def test_a_prompt_that_goes_on_with_a_chat_is_understood(rig: Rig) -> None:
    rig.agent(1, "wrong")
    assert not rig.tests_pass()
    assert rig.agent(1, prompt="The project's own check has failed. Mend it.")[0] == 0
    assert rig.tests_pass()


def test_faults_are_what_they_are_called(rig: Rig) -> None:
    assert rig.agent(1, "die")[0] == 1
    assert rig.agent(1, "killed")[0] == -signal.SIGKILL
    assert rig.agent(2, "nothing")[0] == 0
    assert "overloaded" in rig.agent(1, "overloaded")[1]
    assert not (rig.path / "tally/item_2.py").exists()
    screening = DiffScreening(VerifySettings())
    for fault, what in (("secret", "a secret for SIGNING_KEY"), ("markers", "a conflict marker")):
        rig.agent(1, fault)
        lines = (rig.path / "tally/item_1.py").read_text("utf-8").split("\n")
        found = list(screening.lines("tally/item_1.py", list(enumerate(lines, 1))))
        assert what in str(found[0])


def test_both_sides_of_a_conflict_are_kept(rig: Rig) -> None:
    git = rig.sample.repository.git
    git("checkout", "-q", "-b", "other")
    rig.agent(3)
    rig.sample.repository.commit()
    git("checkout", "-q", "main")
    rig.agent(4)
    rig.sample.repository.commit()
    git("merge", "-q", "other", check=False)
    assert "<<<<<<<" in (rig.path / SHARED).read_text("utf-8")
    rig.agent(4)
    rig.sample.repository.commit()
    assert rig.sample.items() == [3, 4]
    assert rig.tests_pass()


def test_commits_at_which_the_tests_fail_are_found(rig: Rig, tmp_path: Path) -> None:
    sample: SampleProject = rig.sample
    rig.agent(1, "wrong")
    bad = sample.repository.commit()
    rig.agent(1)
    (rig.path / "todo.md").write_text(
        f"- [x] {sample.tasks[1]}\n- [ ] {sample.tasks[2]}\n", "utf-8"
    )
    sample.repository.commit()
    assert list(sample.failing(tmp_path / "scratch")) == [bad]
    assert sample.done() == [1]


def test_chance_depends_on_the_seed_only(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAOS_RATE", "0.2")
    courses = []
    for seed in ("1", "1", "2"):
        monkeypatch.setenv("CHAOS_SEED", seed)
        courses.append([chaos_agent.choose(number) for number in range(300)])
    assert courses[0] == courses[1] != courses[2]
    assert 30 < sum(map(bool, courses[0])) < 90
    assert set(courses[0]) - {""} <= set(chaos_agent.FAULTS)
