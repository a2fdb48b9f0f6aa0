"""The core is moved while tasks run side by side in worktrees."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.processes import Result, Server, environment
from tests.support.repositories import IDENTITY, Repository, make_repository
from tests.support.rollouts import put, rollout_in

TASKS = 6

AGENT = """
import os, pathlib, sys, time
name, step, report = sys.stdin.read().strip().split("|")
with open(os.environ["RUNS"], "a") as runs:
    runs.write(f"{name}|{step}\\n")
time.sleep(0.1)
with open(name.replace(" ", "_") + ".txt", "a") as work:
    work.write(step + "\\n")
path = pathlib.Path(report)
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text("Ready!")
"""


def project(base: Path) -> Repository:
    base.mkdir()
    agent = base / "agent.py"
    agent.write_text(AGENT, "utf-8")
    todo = "".join(f"- [ ] Task {number}\n" for number in range(TASKS))
    repository = make_repository(base / "project", todo__md=todo)
    report = "docs/results/{task_id}.md"
    settings: dict[str, Any] = {
        "async": {"agent": "small", "max_concurrent_tasks": 3, "exit_grace": 0.2},
        "agents": {
            "small": {
                "command": [sys.executable, "-S", str(agent)],
                "environment": {"RUNS": str(base / "runs")},
            }
        },
        "workspace": {"mode": "worktree", "directory": str(base / "state")},
        "instructions": {
            "default": [
                {
                    "instruction_id": step,
                    "name": f"Step {step}",
                    "template": f"{{task_name}}|{step}|{report}",
                    "wait_for_file": report,
                    "control_phrase": "Ready!",
                }
                for step in (1, 2)
            ]
        },
    }
    (repository.path / "codeagent.yaml").write_text(yaml.safe_dump(settings), "utf-8")
    (repository.path / ".gitignore").write_text(".codeagent\ndocs/results\n", "utf-8")
    repository.commit()
    return repository


def run(repository: Repository, *, flips: int) -> Result:
    env = {**environment(), **IDENTITY}
    rollout = rollout_in(repository.path / ".codeagent")
    if flips:
        rollout.install()
        put(rollout, core="complete", agents="complete", git_write="complete")
    with Server("run", "--json", cwd=repository.path, env=env) as server:
        path, count = "async", 0
        for event in server.events():
            through = event["event"] in ("server.started", "core.switched")
            if through and count < flips:
                assert event["path"] == path
                path, count = ("sync" if path == "async" else "async"), count + 1
                put(rollout, core="off" if path == "sync" else "complete")
        return server.finish()


def tree(repository: Repository) -> str:
    return repository.git("ls-tree", "-r", "HEAD")


def test_flips_change_neither_the_commits_nor_what_agents_are_asked(tmp_path: Path) -> None:
    flipped, plain = project(tmp_path / "flipped"), project(tmp_path / "plain")
    done, other = run(flipped, flips=6), run(plain, flips=0)
    assert (done.code, done.stderr) == (other.code, other.stderr) == (0, "")
    assert len(done.named("core.switched")) >= 3
    runs = Counter((tmp_path / "flipped" / "runs").read_text().splitlines())
    assert runs == Counter((tmp_path / "plain" / "runs").read_text().splitlines())
    assert set(runs.values()) == {1}, "an instruction ran twice"
    subjects = [sorted(each.git("log", "--format=%s").splitlines()) for each in (flipped, plain)]
    assert subjects[0] == subjects[1]
    files = [
        {line.split("\t")[1]: line.split()[2] for line in tree(each).splitlines()}
        for each in (flipped, plain)
    ]
    for found in files:
        for name in ("todo.md", "codeagent.yaml", "codeAgentProjectStatus.md"):
            del found[name]  # with times and paths
    assert files[0] == files[1]
    assert flipped.branches() == []
    assert len(flipped.worktrees()) == len(plain.worktrees())
    assert (
        subprocess.run(
            ["git", "-C", str(flipped.path), "fsck", "--strict"], check=False, capture_output=True
        ).returncode
        == 0
    )


@pytest.mark.parametrize(
    "stages",
    [
        {"core": "complete", "files_read": "shadow", "files_write": "shadow", "git_read": "shadow"},
        {"core": "off", "files_read": "live", "files_write": "live", "git_read": "live"}
        | {"git_write": "complete", "agents": "complete"},
        {"core": "complete", "agents": "complete", "git_read": "live"},
    ],
)
def test_any_mixture_of_paths_does_the_work_and_agrees(
    tmp_path: Path, stages: dict[str, str]
) -> None:
    repository = project(tmp_path / "mixed")
    rollout = rollout_in(repository.path / ".codeagent")
    rollout.install()
    put(rollout, **stages)
    done = run(repository, flips=0)
    assert (done.code, done.stderr) == (0, "")
    assert len(done.named("task.landed")) == TASKS
    assert rollout.override.entries() == {}, "the guard saw a difference"
    rollout.restore()
    compared = sum(rollout.watch.sample(name).compared.n for name in rollout.capabilities)
    assert compared > 0
    assert rollout.audit.verify().ok
