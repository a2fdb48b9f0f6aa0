"""The core is moved from one path to the other under a running server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codeagent.rollout.flagfile import Document, Rung, default_document, set_rung
from codeagent.rollout.stages import Stage
from codeagent.routing.capabilities import CAPABILITIES, PREFIX
from tests.rollout.support import launchdarkly
from tests.support.installations import Place, instruction, masked, scripted
from tests.support.processes import Result, Server, codeagent
from tests.support.rollouts import put, rollout_in

TASKS = int(os.environ.get("CODEAGENT_ROLLOUT_TASKS", "20"))
FLIPS = int(os.environ.get("CODEAGENT_ROLLOUT_FLIPS", "20"))

ONE = [instruction(1, "Only", "docs/results/last_result.md", "Done!")]
THREE = [
    instruction(number, f"Step {number}", "docs/results/last_result.md", "Done!")
    for number in (1, 2, 3)
]


def listed(count: int) -> str:
    return "".join(f"- [ ] Task {number}\n" for number in range(1, count + 1))


def open_gate(place: Place) -> None:
    (place.records.parent / "gate").write_bytes(b"")


def checkpoint(place: Place) -> Any:
    document = json.loads((place.state / "checkpoint.json").read_text("utf-8"))
    ids = {task["task_id"]: f"<{number}>" for number, task in enumerate(document["tasks"])}
    text = masked(json.dumps(document, sort_keys=True, ensure_ascii=False))
    for task_id, name in ids.items():
        text = text.replace(task_id, name)
    return _without_times(json.loads(text))


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_times(item)
            for key, item in value.items()
            if not key.endswith(("_time", "_at", "update", "session_id"))
        }
    return [_without_times(item) for item in value] if isinstance(value, list) else value


def switches(server: Server, path: str) -> dict[str, Any]:
    return server.until("core.switched", path=path)


class Flips:
    """Flips the flag of the core whenever an instruction begins and the last flip is through."""

    def __init__(self, place: Place, most: int) -> None:
        self._rollout = rollout_in(place.state)
        self._rollout.install()
        put(self._rollout, core="complete")
        self._most = most
        self._path, self._through = "async", True
        self.count = 0

    def follow(self, events: Iterator[dict[str, Any]]) -> None:
        for event in events:
            if event["event"] == "core.switched":
                assert event["path"] == self._path
                self._through = True
            elif event["event"] == "instruction.started" and self._may_flip():
                self._flip()

    def _may_flip(self) -> bool:
        return self._through and self.count < self._most

    def _flip(self) -> None:
        self.count += 1
        self._path = "sync" if self._path == "async" else "async"
        self._through = False
        put(self._rollout, core="complete" if self._path == "async" else "off")


def test_flips_during_a_run_leave_what_a_run_without_them_leaves(tmp_path: Path) -> None:
    flipped = scripted(tmp_path / "flipped", listed(TASKS), instructions=ONE)
    plain = scripted(tmp_path / "plain", listed(TASKS), instructions=ONE)
    slow = {**flipped.env, "FAKE_AGENT_SLEEP": "0.2"}
    flips = Flips(flipped, FLIPS)
    with Server("run", "--json", cwd=flipped.cwd, env=slow) as server:
        flips.follow(server.events())
        done = server.finish()
    assert (done.code, done.stderr) == (0, "")
    assert len(done.named("server.started")) == len(done.named("server.stopped")) == 1
    assert len(done.named("core.switched")) >= flips.count - 1 >= min(FLIPS, TASKS // 2) - 1
    runs = Counter(flipped.steps())
    assert len(runs) == TASKS
    assert set(runs.values()) == {1}, "an instruction ran twice"
    assert codeagent("run", "--json", cwd=plain.cwd, env=plain.env).code == 0
    assert masked(flipped.read("todo.md")) == masked(plain.read("todo.md"))
    assert checkpoint(flipped) == checkpoint(plain)


def test_the_core_moves_behind_the_instruction_that_runs(tmp_path: Path) -> None:
    place = scripted(tmp_path, "- [ ] One (waits at 2)\n- [ ] Two\n", instructions=THREE)
    rollout = rollout_in(place.state)
    with Server("run", "--json", cwd=place.cwd, env=place.env) as server:
        assert server.until("server.started")["path"] == "async"
        server.until("instruction.started", position=2)
        rollout.rollback(actor="test", reason="it is enough")
        server.until("core.switching", now=False)
        open_gate(place)
        assert server.until("instruction.done")["position"] == 2
        assert "it is enough" in server.until("task.interrupted")["reason"]
        assert "it is enough" in switches(server, "sync")["reason"]
        assert server.until("task.started")["resumed_at"] == 3
        done = server.finish()
    assert (done.code, done.stderr) == (0, "")
    assert place.steps() == [
        (text, step) for text in ("One (waits at 2)", "Two") for step in (1, 2, 3)
    ]


def test_lifting_a_rollback_takes_the_core_back(tmp_path: Path) -> None:
    place = scripted(tmp_path, "- [ ] One\n")
    with Server("serve", "--json", cwd=place.cwd, env=place.env) as server:
        server.until("server.idle")
        for _ in range(3):
            assert codeagent("rollback", cwd=place.cwd, env=place.env).code == 0
            switches(server, "sync")
            assert codeagent("rollout", "lift", "*", cwd=place.cwd, env=place.env).code == 0
            switches(server, "async")
        server.signal(signal.SIGTERM)
        done = server.finish()
    assert (done.code, done.stderr) == (130, "")
    assert len(done.named("server.idle")) == 1


def test_a_rollback_now_interrupts_the_instruction_and_it_is_run_again(tmp_path: Path) -> None:
    place = scripted(tmp_path, "- [ ] One (waits at 2)\n", instructions=THREE)
    with Server("run", "--json", cwd=place.cwd, env=place.env) as server:
        server.until("instruction.started", position=2)
        server.until("agent.started")
        done = codeagent("rollback", "core", "--now", cwd=place.cwd, env=place.env)
        assert (done.code, done.stderr) == (0, "")
        switches(server, "sync")
        assert server.until("task.started")["resumed_at"] == 2
        open_gate(place)
        result = server.finish()
    assert (result.code, result.stderr) == (0, "")
    counts = Counter(step for _, step in place.steps())
    assert (counts[1], counts[3]) == (1, 1)
    done_positions = [event["position"] for event in result.named("instruction.done")]
    assert done_positions == [1, 2, 3]


def test_a_stop_between_two_servers_is_heard(tmp_path: Path) -> None:
    place = scripted(tmp_path, "- [ ] One (waits at 1)\n", settings={"grace_period": 1})
    with Server("serve", "--json", cwd=place.cwd, env=place.env) as server:
        server.until("agent.started")
        done = codeagent("rollback", "--now", cwd=place.cwd, env=place.env)
        assert done.code == 0
        server.until("task.interrupted")
        server.signal(signal.SIGTERM)  # about when one server makes room for the other
        result = server.finish()
    assert (result.code, result.stderr) == (130, "")
    assert result.events[-1]["clean"] is True


def ask(place: Place, method: str, path: str) -> Any:
    note = json.loads((place.state / "api.json").read_text("utf-8"))
    request = urllib.request.Request(  # noqa: S310 - our own server
        note["url"] + path, method=method, headers={"Authorization": f"Bearer {note['token']}"}
    )
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
        body = response.read()
    return json.loads(body) if body.startswith((b"{", b"[")) else body.decode()


def test_the_api_moves_the_rollout_and_stays_up(tmp_path: Path) -> None:
    place = scripted(tmp_path, "- [ ] One (waits at 2)\n", instructions=THREE)
    rollout = rollout_in(place.state)
    rollout.install()
    put(rollout, core="complete")
    with Server("run", "--json", cwd=place.cwd, env=place.env) as server:
        server.until("instruction.started", position=2)
        url = json.loads((place.state / "api.json").read_text("utf-8"))["url"]
        answer = ask(place, "POST", "/rollout/set?capability=core&stage=off&reason=try&now=1")
        assert answer == {"capability": "core", "rung": "off"}
        switches(server, "sync")
        note = json.loads((place.state / "api.json").read_text("utf-8"))
        assert (note["url"], note["path"]) == (url, "sync")
        listed = codeagent("ls", cwd=place.cwd, env=place.env)
        assert ", path sync, " in listed.stdout
        assert ask(place, "GET", "/v1/server")["path"] == "sync"
        found = ask(place, "GET", "/rollout/status")
        (core,) = [row for row in found["capabilities"] if row["capability"] == "core"]
        assert (core["stage"], core["changed"]["why"]) == ("off", "try")
        text = ask(place, "GET", "/v1/metrics")
        assert 'codeagent_rollout_share{capability="core",stage="off"} 0' in text
        assert 'codeagent_rollout_answers_total{capability="core",path="async"} 1' in text
        open_gate(place)
        done = server.finish()
    assert (done.code, done.stderr) == (0, "")


def status(place: Place) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "codeagent", "rollout", "status", "--json"],
        cwd=place.cwd,
        env=place.env,
        capture_output=True,
        check=True,
    )
    return {row["capability"]: row for row in json.loads(done.stdout)}


def test_the_commands_work_without_a_server(tmp_path: Path) -> None:
    place = scripted(tmp_path, "- [ ] One\n")

    def run(*arguments: str) -> Result:
        return codeagent("rollout", *arguments, cwd=place.cwd, env=place.env)

    assert status(place)["core"]["source"] == "async.path"
    refused = run("set", "core", "complete")
    assert (refused.code, "codeagent init" in refused.stderr) == (2, True)
    assert codeagent("init", cwd=place.cwd, env=place.env).code == 0
    assert run("set", "files", "live", "5").code == 0
    assert codeagent("rollback", "git", cwd=place.cwd, env=place.env).code == 0
    found = status(place)
    assert (found["files-read"]["stage"], found["files-read"]["share"]) == ("live", 5)
    assert "rolled back by hand" in found["git-read"]["source"]
    assert found["agents"]["next"] == "complete 1 %"
    stays = run("advance", "agents")
    assert (stays.code, "files-read" in stays.stdout) == (1, True)
    assert run("advance", "agents", "--force").code == 2
    assert run("advance", "agents", "--force", "--reason", "a test").code == 0
    assert status(place)["agents"]["stage"] == "complete"
    assert "a test" in run("log", "agents").stdout
    assert run("verify").code == 0
    assert run("lift", "git").code == 0
    assert run("lift", "git").code == 1
    assert "in use" in run("retire").stdout
    trail = place.state / "rollout" / "audit.jsonl"
    trail.write_text(trail.read_text("utf-8").replace("a test", "a text"), "utf-8")
    assert run("verify").code == 1


@pytest.mark.parametrize("arguments", [("set", "core", "on"), ("set", "nobody", "off")])
def test_what_there_is_not_is_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    place = scripted(tmp_path, "- [ ] One\n")
    assert codeagent("init", cwd=place.cwd, env=place.env).code == 0
    done = codeagent("rollout", *arguments, cwd=place.cwd, env=place.env)
    assert done.code == 2
    assert done.stderr.startswith("codeagent: there is no ")


def test_flags_from_launchdarkly_move_the_core_and_its_end_does_not(tmp_path: Path) -> None:
    flags = default_document(CAPABILITIES, prefix=PREFIX, salt="salt")
    document = set_stage(flags, "core", "complete")
    place = scripted(tmp_path, "- [ ] One\n")
    with launchdarkly(document["flags"]) as service:
        addresses = {f"LAUNCHDARKLY_{name}_URI": service.url for name in ("STREAM", "EVENTS")}
        env = {**place.env, "LAUNCHDARKLY_SDK_KEY": "sdk-test-key", **addresses}
        with Server("serve", "--json", cwd=place.cwd, env=env) as server:
            assert server.until("server.started")["path"] == "async"
            server.until("server.idle")
            off = set_stage(document, "core", "off")["flags"][f"{PREFIX}.core"]
            service.patch(f"{PREFIX}.core", off)
            switches(server, "sync")
            service.close()
            with place.todo.open("a") as file:
                file.write("- [ ] Two\n")
            server.until("task.done")
            server.signal(signal.SIGTERM)
            done = server.finish()
    assert (done.code, done.stderr) == (130, "")
    assert len(done.named("core.switched")) == 1
    log = (place.state / "logs" / "codeagent.log").read_text("utf-8")
    assert "sdk-test-key" not in log


def set_stage(document: Document, name: str, stage: str) -> Document:
    known = Stage(stage)
    return set_rung(document, f"{PREFIX}.{name}", Rung(known, 0 if known is Stage.OFF else 100))
