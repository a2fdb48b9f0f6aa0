"""Many tasks at once with an agent that often goes wrong, left alone, and killed.

Every task ends landed or with a reason for a person, the target branch passes
its tests at every commit, and nothing is left behind.  ``CODEAGENT_NIGHT`` in
the environment is the number of tasks (8 by default, the full test takes 50),
``CODEAGENT_NIGHT_SEED`` makes another course of it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from ..support.overnight import Night, make_night
from ..support.processes import Server, codeagent

TASKS = int(os.environ.get("CODEAGENT_NIGHT", "8"))
SEED = int(os.environ.get("CODEAGENT_NIGHT_SEED", "1"))
QUIET = "die killed nothing idle no-report half-report wrong secret markers commit unknown"
"""Faults that are noticed at once."""


def unfinished(night: Night, reasons: dict[str, str]) -> set[int]:
    """The numbers of the tasks that a person is told of."""
    numbers = {}
    for number, text in night.sample.tasks.items():
        numbers[text] = number
    return {numbers[text] for text in reasons}


@pytest.mark.timeout(120 + 6 * TASKS)
def test_ten_at_once_land_or_are_left_to_a_person(tmp_path: Path, path: str) -> None:
    night = make_night(tmp_path, TASKS, rate=0.2, seed=SEED)
    result = codeagent("run", "--path", path, "--json", cwd=night.project, env=night.env)
    texts = {event["task"]: event["text"] for event in result.named("task.started")}
    left = {texts[event["task"]]: event["reason"] for event in result.named("task.escalated")}
    assert all(left.values())
    assert result.code == (1 if left else 0), result.stderr
    assert result.named("escape.found") == []
    night.check(unfinished(night, left))
    kept = [Path(name).name for name in night.sample.repository.worktrees()]
    assert sorted(kept) == sorted(["_merge", *(t for t in texts if texts[t] in left)])


@pytest.mark.timeout(180 + 8 * TASKS)
def test_a_server_that_is_killed_again_and_again_lands_everything_once(
    tmp_path: Path, path: str
) -> None:
    night = make_night(tmp_path, TASKS, rate=0.2, seed=SEED)
    night.env["CHAOS_FAULTS"] = QUIET
    moments = ["task.phase", "agent.started", "verify.done", "landing.queued", "task.landed"]
    for kill, moment in enumerate(moments):
        with Server("run", "--path", path, "--json", cwd=night.project, env=night.env) as server:
            for seen, event in enumerate(server.events()):
                if event["event"] == moment and seen > 8 * kill:
                    break
            server.process.kill()
            server.finish()
            server.disown()  # what becomes of its agents is the next server's business
    result = codeagent("run", "--path", path, "--json", cwd=night.project, env=night.env)
    listed = codeagent("run", "--path", path, "--json", cwd=night.project, env=night.env)
    told = [event["problem"] for event in listed.named("list.problem")]
    left = {event["file"]: event["problem"] for event in listed.named("list.problem")}
    assert result.code == (1 if left else 0), (result.stderr, told)
    night.check(unfinished(night, left))


def test_more_than_one_at_a_time_in_place_is_refused_with_the_way_out(tmp_path: Path) -> None:
    night = make_night(tmp_path, 1, rate=0, seed=SEED, shared=0)
    file = night.project / "codeagent.yaml"
    text = re.sub("^workspace:$", "workspace:\n  mode: in_place", file.read_text(), flags=re.M)
    file.write_text(text)
    result = codeagent("run", cwd=night.project, env=night.env)
    assert result.code == 2
    assert "set workspace.mode to worktree, or set it to 1" in result.stderr
