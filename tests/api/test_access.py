"""Who may ask for what."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from codeagent.api import note

from .conftest import World, opened


@pytest.mark.parametrize("path", ["/v1/pause", "/v1/tasks/task_1/cancel", "/v1/stop", "/stop"])
def test_nothing_is_changed_without_the_token(world: World, path: str) -> None:
    answer = world.ask("POST", path)
    assert answer.status == 401
    assert "api.json" in answer.json()["error"]
    assert world.ask("POST", path, Authorization="Bearer " + "0" * 64).status == 401
    assert world.ask("POST", path, Authorization=f"Basic {world.token}").status == 401
    assert world.obeyed == []


def test_with_the_token_it_is(world: World) -> None:
    world.actions["pause"] = lambda: None
    assert world.ask("POST", "/v1/pause", token=True).json() == {"paused": True}
    assert world.obeyed == [("pause", {})]


def test_whoever_asks_under_another_name_is_refused(world: World) -> None:
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil", ""):
        assert world.ask("GET", "/health", Host=host).status == 403, host
    for host in ("localhost:1", "127.0.0.1", "LOCALHOST", "[::1]:8080"):
        assert world.ask("GET", "/health", Host=host).status == 200, host


def test_pages_of_strangers_are_refused_whatever_they_know(world: World) -> None:
    for origin in ("http://evil.example", "null", f"https://127.0.0.1:{world.port}"):
        answer = world.ask("POST", "/v1/pause", token=True, Origin=origin)
        assert answer.status == 403, origin
    assert world.ask("POST", "/v1/pause", token=True, Sec_Fetch_Site="cross-site").status == 403
    assert world.obeyed == []
    own = f"http://127.0.0.1:{world.port}"
    assert world.ask("GET", "/v1/tasks", Origin=own).status == 200


def test_no_page_may_read_the_answers(world: World) -> None:
    assert not [
        name for name in world.ask("GET", "/v1/tasks").headers if name.startswith("access-control")
    ]


def test_in_the_predecessors_dialect_everybody_may_stop_it_but_no_page(tmp_path: Path) -> None:
    with opened(tmp_path, free=True) as world:
        world.actions["stop"] = lambda reason: None
        page = world.ask("POST", "/stop", Origin="http://evil.example")
        assert page.status == 403
        assert world.ask("POST", "/stop").json()["status"] == "stopping"
        assert world.ask("POST", "/v1/stop").status == 401


def test_the_token_is_for_the_owner_only(tmp_path: Path) -> None:
    with opened(tmp_path) as world:
        file = tmp_path / "state" / "api.json"
        assert file.stat().st_mode & 0o777 == 0o600
        found = note.read(file.parent)
        assert found is not None
        assert (found.token, found.pid) == (world.token, os.getpid())
        assert found.url == f"http://127.0.0.1:{world.port}"
        assert world.token not in repr(found)
        assert len(world.token) == 64
    assert not file.exists()


def test_a_note_of_a_process_that_is_gone_counts_for_nothing(tmp_path: Path) -> None:
    with opened(tmp_path):
        text = (tmp_path / "state" / "api.json").read_text("utf-8")
    for change in ({"started": "another:1"}, {"pid": 2**22 + 1}, {"pid": "x"}, {"more": 1}):
        (tmp_path / "api.json").write_text(json.dumps({**json.loads(text), **change}), "utf-8")
        assert note.read(tmp_path) is None, change
    for broken in ("", "[]", "{", "null", '{"pid": 1}'):
        (tmp_path / "api.json").write_text(broken, "utf-8")
        assert note.read(tmp_path) is None, broken
