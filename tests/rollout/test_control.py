"""Everything together: an operator's day, and the example."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from codeagent.rollout.capability import Capability
from codeagent.rollout.control import Rollout, RolloutError
from codeagent.rollout.flagfile import Rung, parse
from codeagent.rollout.guard import Outcome, Verdict
from codeagent.rollout.observation import Beside
from codeagent.rollout.router import assigned
from codeagent.rollout.stages import Colour, Stage
from codeagent.rollout.subject import Subject
from codeagent.rollout.switch import Pair

from .support import CAPABILITIES, LIVE, PREFIX, READ, Clock

ANN = {"actor": "ann", "reason": "because"}
EVEN = Verdict(Outcome.PROMOTE, ())
EXAMPLE = Path(__file__).parents[2] / "examples" / "rollout_httpx.py"


def made(directory: Path, environment: dict[str, str] | None = None) -> Rollout:
    return Rollout(
        directory, CAPABILITIES, prefix=PREFIX, environment=environment or {}, clock=Clock()
    )


@pytest.fixture
def rollout(tmp_path: Path) -> Rollout:
    found = made(tmp_path)
    assert found.install()
    return found


@pytest.fixture
def running(rollout: Rollout) -> Iterator[Rollout]:
    rollout.start(wait=20)
    yield rollout
    rollout.close(wait=20)


def kinds(rollout: Rollout) -> list[tuple[str, str]]:
    return [(record["kind"], record["capability"]) for record in rollout.audit.read()]


def test_an_installation_begins_with_everything_off_and_is_not_made_twice(
    rollout: Rollout,
) -> None:
    before = rollout.flag_file.read_bytes()
    assert not rollout.install()
    assert rollout.flag_file.read_bytes() == before
    assert {rollout.rung(c.name).stage for c in CAPABILITIES} == {Stage.OFF}


def test_a_rung_is_set_and_written_down(rollout: Rollout) -> None:
    rollout.set("files-read", LIVE, **ANN)
    assert rollout.rung("files-read") == LIVE
    (record,) = rollout.audit.read()
    assert (record["from"], record["to"], record["actor"]) == ("off", "live 100 %", "ann")
    assert rollout.audit.verify().ok


def test_what_cannot_be_set_says_why(rollout: Rollout, tmp_path: Path) -> None:
    with pytest.raises(RolloutError, match="no capability fax; there are files-read"):
        rollout.set("fax", LIVE, **ANN)
    with pytest.raises(RolloutError, match="git-write has no stage live; it has off, complete"):
        rollout.set("git-write", LIVE, **ANN)
    with pytest.raises(RolloutError, match="from 0 to 100"):
        rollout.set("files-read", Rung(Stage.LIVE, 200), **ANN)
    streaming = made(tmp_path, {"LAUNCHDARKLY_SDK_KEY": "k"})
    with pytest.raises(RolloutError, match="LaunchDarkly; change them there"):
        streaming.set("files-read", LIVE, **ANN)
    with pytest.raises(RolloutError, match="does not exist"):
        made(tmp_path / "none").rung("files-read")
    rollout.flag_file.write_text("{")
    with pytest.raises(RolloutError, match="not JSON"):
        rollout.rung("files-read")
    assert kinds(rollout) == []


def test_a_rollback_by_a_command_reaches_the_running_process(running: Rollout) -> None:
    running.set("files-read", LIVE, **ANN)
    changed = threading.Event()
    running.flags.add_listener(lambda key: changed.set())
    if running.flags.evaluate("demo.files-read", Subject("t")).stage is not Stage.LIVE:
        assert changed.wait(20)
    task = running.begin(Subject("t"))
    assert task.decision("files-read").stage is Stage.LIVE
    command = made(running.directory)
    command.rollback("files-read", **ANN)
    running.override.entries()  # what the next look, 50 ms later, does
    assert task.decision("files-read").stage is Stage.OFF
    assert running.begin(Subject("u")).decision("files-read").stage is Stage.OFF
    assert command.lift("files-read", **ANN)
    assert not command.lift("files-read", **ANN)
    running.override.entries()
    assert task.decision("files-read").stage is Stage.OFF
    assert running.begin(Subject("v")).decision("files-read").stage is Stage.LIVE
    assert kinds(command)[:3] == [
        ("set", "files-read"),
        ("rollback", "files-read"),
        ("lift", "files-read"),
    ]


def test_a_difference_ends_in_a_rollback_by_the_guard(running: Rollout) -> None:
    async def wrong() -> int:
        return 2

    pair = Pair(READ, lambda: 1, wrong)
    running.set("files-read", Rung(Stage.SHADOW, 100), **ANN)
    changed = threading.Event()
    running.flags.add_listener(lambda key: changed.set())
    while running.begin(Subject("t")).decision("files-read").stage is not Stage.SHADOW:
        assert changed.wait(20)
        changed.clear()
    with assigned(running.begin(Subject("t"))):
        assert running.call(pair) == 1
        assert running.shadow.drain(20)
        assert running.call(pair) == 1
    assert running.shadow.drain(20)
    assert running.metrics["files-read"].differences == 1
    running.watch.close()
    found = list(running.audit.read(kind="rollback"))
    assert [(r["actor"], r["from"]) for r in found] == [("guard", "shadow 100 %")]
    assert len(list((running.directory / "evidence").iterdir())) == 1


def test_an_advance_climbs_or_says_what_is_missing(rollout: Rollout) -> None:
    def go(name: str = "files-read", **how: Any) -> Any:
        return rollout.advance(name, EVEN, actor="ann", instrument=True, **how)

    assert go().to == Rung(Stage.SHADOW, 1)
    assert rollout.rung("files-read") == Rung(Stage.SHADOW, 1)
    assert go("git-write").unmet == ("one capability moves at a time: files-read",)
    assert go("git-write", force="it must").to == Rung(Stage.COMPLETE, 1)
    assert "forced: it must" in list(rollout.audit.read())[-1]["why"]
    rollout.rollback("files-read", **ANN)
    assert go(force="it must").to is None
    assert rollout.rung("files-read") == Rung(Stage.SHADOW, 1)


def test_the_guard_judges_by_the_rung_of_the_file(running: Rollout) -> None:
    running.set("files-read", Rung(Stage.SHADOW, 10), **ANN)
    running._began()
    tests = {test.name: test.why for test in running.watch.verdict("files-read").tests}
    assert tests["tasks"] == "0 of 20 tasks decided"
    assert running.watch._tallies["files-read"].sample().rung == Rung(Stage.SHADOW, 10)


class Hello(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *args: Any) -> None:
        pass


@pytest.mark.parametrize("stage", [Stage.OFF, Stage.SHADOW, Stage.LIVE, Stage.COMPLETE])
def test_the_example_moves_an_http_client(tmp_path: Path, stage: Stage) -> None:
    spec = importlib.util.spec_from_file_location("example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    rollout = Rollout(tmp_path, [Capability("http-get")], prefix="example", environment={})
    rollout.install()
    rollout.set("http-get", Rung(stage, 100), **ANN)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hello)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        done = example.main(str(tmp_path), f"http://127.0.0.1:{server.server_address[1]}/", 5)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    found = done.metrics["http-get"]
    answers = {colour: side.answers for colour, side in found.paths.items()}
    asynchronous = stage in (Stage.LIVE, Stage.COMPLETE)
    assert answers == {Colour.SYNC: 0 if asynchronous else 5, Colour.ASYNC: 5 * asynchronous}
    beside = stage in (Stage.SHADOW, Stage.LIVE)
    assert sum(found.shadows.values()) == 5 * beside
    assert found.matches == found.shadows.get(Beside.DONE, 0)
    assert (found.matches > 0) is beside
    assert done.audit.verify().ok
    assert parse(done.flag_file.read_bytes())


def test_the_example_is_short() -> None:
    assert len(EXAMPLE.read_text().splitlines()) < 40
