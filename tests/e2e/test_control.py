"""A running server, looked at and steered from outside."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.installations import Place, masked, predecessor, scripted
from tests.support.processes import PATIENCE, Result, Server, left_of, wait_for_end

PROGRAM = (sys.executable, "-m", "codeagent")

GATED = "- [ ] One (waits at 1)\n- [ ] Two\n"


def serve(place: Place, path: str, command: str = "serve") -> Server:
    return Server(command, "--path", path, "--json", cwd=place.cwd, env=place.env)


def ask(place: Place, *arguments: str) -> Result:
    """Run a command to its end; its output is no stream of events."""
    done = subprocess.run(
        [*PROGRAM, *arguments],
        cwd=place.cwd,
        env=dict(place.env),
        capture_output=True,
        check=False,
        timeout=PATIENCE,
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode(), [])


def note(place: Place) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place.state / "api.json").read_text("utf-8"))
    return found


def request(
    place: Place, method: str, path: str, *, token: bool = False
) -> tuple[int, dict[str, Any]]:
    about = note(place)
    connection = http.client.HTTPConnection(about["url"].removeprefix("http://"), timeout=20)
    try:
        headers = {"Authorization": f"Bearer {about['token']}"} if token else {}
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def open_gate(place: Place) -> None:
    (place.records.parent / "gate").write_bytes(b"")


@contextmanager
def held(directory: Path, path: str, todo: str = GATED, command: str = "serve") -> Iterator[Any]:
    """A server whose first task waits at its gate."""
    place = scripted(directory, todo)
    with serve(place, path, command) as server:
        server.until("agent.started")
        yield place, server


def test_everything_can_be_seen_while_it_works(tmp_path: Path, path: str) -> None:
    with held(tmp_path, path) as (place, server):
        shown = ask(place, "ls")
        assert (shown.code, shown.stderr) == (0, "")
        assert re.search(rf"^a server runs: process {server.pid}, path {path}, http", shown.stdout)
        running, queued = shown.stdout.split("\n\n")[1:]
        assert re.match(r"running \(1\)\n +task_\d+  One \(waits at 1\)\n", running)
        assert re.search(r"instruction 1/2 .*last event \d+ s ago, attempt 1", running)
        assert re.match(r"queued \(1\)\n +task_\d+  Two", queued)
        document = json.loads(ask(place, "ls", "--json").stdout)
        assert document["server"]["pid"] == server.pid
        assert note(place)["token"] not in json.dumps(document)
        told = request(place, "GET", "/v1/tasks")[1]["tasks"]
        assert [(task["text"], task["group"]) for task in told] == [
            (task["text"], task["group"]) for task in document["tasks"]
        ]
        status, about = request(place, "GET", "/v1/server")
        assert (status, about["told"], about["path"], len(about["running"])) == (200, True, path, 1)
        server.signal(signal.SIGTERM)
        assert server.finish().code == 130
    assert not (place.state / "api.json").exists()


def test_a_paused_server_starts_nothing_until_it_is_told_to_go_on(
    tmp_path: Path, path: str
) -> None:
    with held(tmp_path, path) as (place, server):
        assert ask(place, "pause").stdout == "no more tasks are started; what runs goes on\n"
        open_gate(place)
        server.until("task.done")
        assert request(place, "GET", "/v1/server")[1]["paused"] is True
        assert ask(place, "resume", "--json").stdout == '{"paused": false}\n'
        assert server.until("task.started")["text"] == "Two"
        server.until("server.idle", done=2)
        server.signal(signal.SIGTERM)
        assert server.finish().code == 130


def test_a_drained_server_ends_when_what_runs_is_done(tmp_path: Path, path: str) -> None:
    with held(tmp_path, path) as (place, server):
        assert ask(place, "drain").code == 0
        open_gate(place)
        done = server.finish()
    assert done.code == 1  # one task is left
    assert [event["text"] for event in done.named("task.started")] == ["One (waits at 1)"]
    assert len(done.named("task.done")) == 1


def test_a_cancelled_task_ends_with_its_agent_and_runs_when_it_is_asked_for_again(
    tmp_path: Path, path: str
) -> None:
    with held(tmp_path, path) as (place, server):
        cancelled = ask(place, "cancel", "waits at")
        assert (cancelled.code, cancelled.stderr) == (0, "")
        assert "is cancelled: One" in cancelled.stdout
        assert left_of(server.agents) == []
        server.until("server.idle", done=1)
        document = json.loads(ask(place, "ls", "--json").stdout)
        first = document["tasks"][0]
        assert (first["group"], first["text"]) == ("attention", "One (waits at 1)")
        assert first["reason"] == "cancelled by a person"
        assert first["remedy"] == f"to have it done after all: codeagent retry {first['id']}"
        leave_gate_open(place)
        retried = ask(place, "retry", "--all")
        assert (retried.code, retried.stdout) == (
            0,
            f"{first['id']} runs again now: One (waits at 1)\n",
        )
        server.until("task.done")
        again = ask(place, "cancel", first["id"])
        assert again.code == 1
        assert "nothing to cancel" in again.stderr
        assert ask(place, "retry", "--all", "--json").stdout == "[]\n"
        server.signal(signal.SIGTERM)
        assert server.finish().code == 130


def leave_gate_open(place: Place) -> None:
    """Have the gate open whenever the agent comes to it."""
    gate = place.records.parent / "gate"
    gate.unlink()
    gate.write_bytes(b"")


def test_the_logs_are_followed_to_the_tasks_end(tmp_path: Path, path: str) -> None:
    with held(tmp_path, path) as (place, server):
        with subprocess.Popen(
            [*PROGRAM, "logs", "-f", "One"],
            cwd=place.cwd,
            env=dict(place.env),
            stdout=subprocess.PIPE,
        ) as following:
            assert following.stdout is not None
            first = following.stdout.readline().decode()
            assert re.match(r"==> .*/task_task_\d+_\d{8}_\d{6}\.log <==\n", first)
            open_gate(place)
            rest = following.stdout.read().decode()
            assert following.wait(20) == 0
        assert rest.count("\n==> ") >= 2  # the agent's own output, of both instructions
        server.until("server.idle", done=2)
        server.signal(signal.SIGTERM)
        assert server.finish().code == 130
    whole = ask(place, "logs", "One", "--json")
    pieces = [json.loads(line) for line in whole.stdout.splitlines()]
    assert "ЗАДАЧА: One" in pieces[0]["text"]
    assert {Path(piece["file"]).name for piece in pieces[1:]} == {"01-a1.log", "02-a1.log"}


def test_without_a_server_the_state_is_shown_and_orders_say_what_to_do(
    tmp_path: Path, path: str
) -> None:
    place = scripted(tmp_path, "- [ ] One\n- [ ] Bad (fails at 1) (fails at 2)\n")
    nothing = ask(place, "ls")
    assert nothing.code == 2
    assert "nothing was run here yet" in nothing.stderr
    assert ask(place, "run", "--path", path).code == 1
    shown = ask(place, "ls").stdout
    assert shown.startswith("no server runs: start one with `codeagent run`")
    assert re.search(r"needs a person \(1\)\n +(task_\d+)  Bad (?s:.*)codeagent retry \1\n", shown)
    for order in (["pause"], ["resume"], ["drain"], ["cancel", "One"]):
        refused = ask(place, *order)
        assert (refused.code, refused.stdout) == (2, "")
        assert refused.stderr.startswith(f"codeagent: no server runs on {place.project}: start one")
    for command in ("logs", "diff", "retry"):
        unknown = ask(place, command, "nobody")
        assert (unknown.code, unknown.stdout) == (2, "")
        assert "there is no task 'nobody'" in unknown.stderr
        unclear = ask(place, command, "task_")
        assert (unclear.code, unclear.stderr.count("\n  task_")) == (2, 2)
    assert ask(place, "retry").code == 2
    assert ask(place, "retry", "One", "--all").code == 2


def test_what_a_killed_server_left_behind_is_not_taken_for_a_server(
    tmp_path: Path, path: str
) -> None:
    with held(tmp_path, path) as (place, server):
        server.signal(signal.SIGKILL)
        wait_for_end(server.pid)
        server.process.wait()
        assert note(place)["pid"] == server.pid
        shown = ask(place, "ls")
        assert shown.stdout.startswith("no server runs")
        assert "was interrupted when its server ended" in shown.stdout
        refused = ask(place, "pause")
        assert (refused.code, "no server runs" in refused.stderr) == (2, True)


def test_the_changes_of_a_task_in_place_are_those_of_the_project(tmp_path: Path, path: str) -> None:
    place = scripted(tmp_path, "- [ ] One\n", workspace={"mode": "in_place"})
    env = {
        **place.env,
        **{
            f"GIT_{who}_{what}": "t@example.org"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }
    for arguments in (["init", "-q"], ["add", "todo.md"], ["commit", "-qm", "first"]):
        subprocess.run(["git", *arguments], cwd=place.project, env=env, check=True)
    assert ask(place, "run", "--path", path).code == 0
    shown = ask(place, "diff", "One")
    assert (shown.code, "in place" in shown.stderr) == (0, True)
    assert "\n-- [ ] One\n" in shown.stdout
    assert "b/work.txt" in shown.stdout
    document = json.loads(ask(place, "diff", "One", "--json").stdout)
    assert document["diff"] == shown.stdout
    assert "work.txt" in ask(place, "diff", "One", "--stat").stdout


def test_the_predecessors_routes_work_on_its_port_without_a_token(
    tmp_path: Path, path: str
) -> None:
    place = predecessor(tmp_path, "- [ ] One\n")
    with serve(place, path) as server:
        server.until("server.idle")
        status, root = request(place, "GET", "/")
        assert (status, root["status"], root["project_dir"]) == (200, "running", str(place.project))
        assert note(place)["url"] == f"http://127.0.0.1:{root['port']}"
        found = request(place, "GET", "/status")[1]
        assert found["tasks"] == {
            "completed": 1,
            "failed": 0,
            "in_progress": 0,
            "pending": 0,
            "pending_in_todo": 0,
            "total": 1,
        }
        assert found["server"]["cursor_cli_available"] is True
        assert request(place, "POST", "/stop")[1]["status"] == "stopping"
        assert server.finish().code == 130
    text = masked((place.project / "codeAgentProjectStatus.md").read_text("utf-8"))
    assert text.endswith("\n## Code Agent Server остановлен по запросу через API. Время: <ts>\n")


def test_a_restart_begins_anew_in_the_same_process(tmp_path: Path, path: str) -> None:
    place = predecessor(tmp_path, "- [ ] One\n")
    with serve(place, path) as server:
        server.until("server.idle")
        assert request(place, "POST", "/restart")[1]["restart_count"] == 0
        server.until("server.started", pid=server.pid)
        with place.todo.open("a") as file:
            file.write("- [ ] Two\n")
        server.until("task.done")
        assert request(place, "POST", "/restart")[1]["restart_count"] == 1
        server.until("server.started", pid=server.pid)
        assert request(place, "POST", "/stop")[0] == 200
        assert server.finish().code == 130


def test_a_server_without_an_api_says_so(tmp_path: Path, path: str) -> None:
    place = scripted(tmp_path, GATED, api={"enabled": False})
    with serve(place, path) as server:
        server.until("agent.started")
        assert f"process {server.pid}" in ask(place, "ls").stdout
        refused = ask(place, "pause")
        assert (refused.code, "takes no orders: api.enabled" in refused.stderr) == (2, True)
        server.signal(signal.SIGTERM)
        assert server.finish().code == 130


@pytest.mark.parametrize("wrong", [{"port": 70000}, {"port": True}, {"ports": 1}])
def test_a_wrong_setting_of_the_api_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    place = scripted(tmp_path, GATED, api=wrong)
    refused = ask(place, "run")
    assert (refused.code, refused.stdout) == (2, "")
    assert f"api.{next(iter(wrong))}" in refused.stderr


def test_an_idle_server_is_small(tmp_path: Path, path: str) -> None:
    place = scripted(tmp_path, "")
    with serve(place, path) as server:
        server.until("server.idle")
        assert request(place, "GET", "/v1/server")[0] == 200
        pages = int(Path(f"/proc/{server.pid}/statm").read_text("ascii").split()[1])
        assert pages * os.sysconf("SC_PAGE_SIZE") < 64 * 2**20
        server.signal(signal.SIGTERM)
        assert server.finish().code == 130
