"""Tasks with worktrees of their own whose plans, made there, the models look at."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.support.models import Adviser, ModelServer, setup
from tests.support.processes import codeagent, environment
from tests.support.repositories import IDENTITY, make_repository

AGENT = """
import pathlib, sys
name, report, phrase = sys.stdin.read().strip().split("|")
pathlib.Path(name.replace(" ", "_") + ".txt").write_text("done")
path = pathlib.Path(report)
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(f"The plan for {name}. {phrase}")
"""


def instruction(number: int, name: str, report: str) -> dict[str, Any]:
    return {
        "instruction_id": number,
        "name": name,
        "template": f"{{task_name}}|{report}|Ready!",
        "wait_for_file": report,
        "control_phrase": "Ready!",
    }


def test_a_plan_for_something_else_ends_the_task_behind_its_first_instruction(
    tmp_path: Path, path: str
) -> None:
    agent = tmp_path / "agent.py"
    agent.write_text(AGENT, "utf-8")
    repository = make_repository(tmp_path / "project", todo__md="- [ ] Ours\n- [ ] Theirs\n")
    plan = "docs/results/current_plan_{task_id}.md"
    settings = {
        "async": {"agent": "small"},
        "agents": {"small": {"command": [sys.executable, str(agent)]}},
        "workspace": {"mode": "worktree", "directory": str(tmp_path / "state")},
        "instructions": {
            "default": [
                instruction(1, "Plan", plan),
                instruction(2, "Work", "docs/results/work_{task_id}.md"),
            ]
        },
    }
    (repository.path / "codeagent.yaml").write_text(yaml.safe_dump(settings), "utf-8")
    (repository.path / ".env").write_text("OPENAI_API_KEY=sk-0123456789abcdef0123\n", "utf-8")
    (repository.path / ".gitignore").write_text(".codeagent\n.env\n", "utf-8")
    with ModelServer() as server:
        server.answer = adviser = Adviser(
            usefulness={"usefulness_percent": 90},
            plan_match=lambda prompt: json.dumps({"matches": "<task>\nOurs" in prompt}),
        )
        text = setup(("openai", server.url, ["m"]))
        (repository.path / "llm_settings.yaml").write_text(text, "utf-8")
        repository.commit()
        done = codeagent(
            "run", "--path", path, "--json", cwd=repository.path, env={**environment(), **IDENTITY}
        )
    assert done.code == 0, (done.stderr, done.stdout)
    assert adviser.kinds().count("plan_match") == 2
    assert len(done.named("task.landed")) == len(done.named("task.skipped")) == 1
    assert repository.git("show", "main:Ours.txt") == "done"
    assert "Theirs.txt" not in repository.git("ls-tree", "--name-only", "main")
