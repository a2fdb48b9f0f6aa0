from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codeagent.core.config import Config
from codeagent.core.layout import plan, root_of

ROOT, PROJECT = Path("/srv/agent"), Path("/home/me/project")


def config(**sections: Any) -> Config:
    return Config.model_validate(sections)


def test_the_predecessors_places_are_kept() -> None:
    layout = plan(config(predecessor=True), root=ROOT, project=PROJECT)
    assert layout.state == ROOT / "data"
    assert layout.database == ROOT / "data" / "codeagent.db"
    assert (layout.logs, layout.log) == (ROOT / "logs", ROOT / "logs" / "code_agent.log")
    assert layout.status == PROJECT / "codeAgentProjectStatus.md"
    assert layout.checkpoints == (
        ROOT / "data" / ".codeagent_checkpoint.json",
        ROOT / ".codeagent_checkpoint.json",
    )
    exchange = {
        PROJECT / "cursor_commands",
        PROJECT / "cursor_results",
        PROJECT / "docs/results",
        PROJECT / "docs/reviews",
    }
    assert exchange < set(layout.directories)


def test_a_checkpoint_elsewhere_takes_the_state_with_it() -> None:
    moved = config(predecessor=True, server={"checkpoint_file": "var/c.json"})
    layout = plan(moved, root=ROOT, project=PROJECT)
    assert layout.checkpoints == (ROOT / "var" / "c.json",)
    assert layout.state == ROOT / "var"


def test_our_own_places_are_in_one_directory_of_the_project() -> None:
    layout = plan(config(), root=ROOT, project=PROJECT)
    own = PROJECT / ".codeagent"
    assert layout.state == own
    assert layout.database == own / "codeagent.db"
    assert layout.lock == own / "codeagent.lock"
    assert layout.checkpoints == (own / "checkpoint.json",)
    assert layout.log == own / "logs" / "codeagent.log"
    assert layout.directories == (own, own / "logs", own, PROJECT)


@pytest.mark.parametrize("predecessor", [False, True])
@pytest.mark.parametrize(
    ("wanted", "place"), [("var/state", ROOT / "var/state"), ("/var/state", Path("/var/state"))]
)
def test_the_state_can_be_kept_elsewhere(predecessor: bool, wanted: str, place: Path) -> None:
    named = config(predecessor=predecessor, **{"async": {"state_dir": wanted}})
    assert plan(named, root=ROOT, project=PROJECT).state == place


def test_the_status_file_and_the_reports_may_have_other_names() -> None:
    named = config(
        predecessor=True,
        project={"status_file": "notes/status.md"},
        docs={"results_dir": "r", "reviews_dir": "v"},
    )
    layout = plan(named, root=ROOT, project=PROJECT)
    assert layout.status == PROJECT / "notes/status.md"
    assert {PROJECT / "notes", PROJECT / "r", PROJECT / "v"} < set(layout.directories)


@pytest.mark.parametrize(
    ("file", "root"),
    [
        ("/srv/agent/config/config.yaml", "/srv/agent"),
        ("/srv/agent/config/other.yaml", "/srv/agent"),
        ("/srv/agent/config.yaml", "/srv/agent"),
        ("/home/me/project/codeagent.yaml", "/home/me/project"),
        ("/home/me/project/codeagent.yml", "/home/me/project"),
    ],
)
def test_relative_paths_count_from_where_the_configuration_belongs(file: str, root: str) -> None:
    assert root_of(Path(file), PROJECT) == Path(root)
