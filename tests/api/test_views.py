"""What is told of tasks, events and measurements."""

from __future__ import annotations

import http.client
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from codeagent.api import bridge
from codeagent.core.breaker import BreakerSnapshot, BreakerState
from codeagent.core.dispatch import Snapshot
from codeagent.core.events import Event
from codeagent.core.health import Health
from codeagent.core.http import Histogram, HTTPSnapshot, PoolState
from codeagent.core.live import Live
from codeagent.core.llm.metrics import LLMSnapshot
from codeagent.core.task import InvalidTransition, Task, TaskState
from codeagent.store import UnknownTask

from .conftest import NOW, World, opened


def test_tasks_come_in_the_order_of_their_need(world: World) -> None:
    world.add("One", "Two", "Three")
    world.store.begin_attempt("task_2", path="async", instructions=2, now=NOW).result()
    world.store.begin_step("task_2", 1, 1, 1, "work", NOW).result()
    world.store.hold_task("task_3", NOW, attention="log in").result()
    held = Live(at=NOW, path="async", schedule=Snapshot(held={"task_1": "the disk is full"}))
    world.actions["look"] = lambda: held
    tasks = world.ask("GET", "/v1/tasks").json()["tasks"]
    assert [(task["id"], task["group"], task["reason"]) for task in tasks] == [
        ("task_3", "attention", "log in"),
        ("task_2", "running", None),
        ("task_1", "queued", "the disk is full"),
    ]
    assert tasks[0]["remedy"].endswith("codeagent retry task_3")
    running = tasks[1]
    assert (running["instruction"], running["instruction_name"], running["instructions"]) == (
        1,
        "work",
        2,
    )
    assert running["last_event"] == NOW


def test_a_task_has_its_attempts_and_their_instructions(world: World) -> None:
    world.add("One")
    world.store.begin_attempt("task_1", path="sync", instructions=1, now=NOW).result()
    world.store.begin_step("task_1", 1, 1, 7, "work", NOW).result()
    world.store.note_attempt("task_1", 1, NOW, evidence='{"ok": true}', branch="b").result()
    found = world.ask("GET", "/v1/tasks/task_1").json()
    (attempt,) = found["history"]
    assert (attempt["path"], attempt["branch"], attempt["evidence"]) == ("sync", "b", {"ok": True})
    assert [step["name"] for step in attempt["steps"]] == ["work"]
    missing = world.ask("GET", "/v1/tasks/nobody")
    assert (missing.status, missing.json()["error"]) == (404, "there is no task 'nobody'")


def test_orders_for_a_task_reach_the_server_and_so_does_its_answer(world: World) -> None:
    task = Task(id="task_1", text="One", state=TaskState.PENDING, attention="cancelled")
    world.actions["cancel"] = lambda task: Task(id=task, text="One", attention="cancelled")
    world.actions["retry"] = lambda task: Task(id=task, text="One")
    answer = world.ask("POST", "/v1/tasks/task_1/cancel", token=True).json()
    assert answer == {
        "id": task.id,
        "text": task.text,
        "state": "pending",
        "attention": "cancelled",
    }
    assert world.ask("POST", "/v1/tasks/task_1/retry", token=True).json()["attention"] is None

    def refuse(task: str) -> Task:
        raise InvalidTransition("it is done") if task == "task_1" else UnknownTask("there is none")

    world.actions["cancel"] = refuse
    assert world.ask("POST", "/v1/tasks/task_1/cancel", token=True).status == 409
    assert world.ask("POST", "/v1/tasks/nobody/cancel", token=True).status == 404


def test_a_server_that_is_too_busy_keeps_nobody_from_an_answer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add("One")
    assert world.ask("GET", "/v1/server").json()["told"] is True
    monkeypatch.setattr(bridge, "LOOKED_WITHIN", 0.05)
    busy = threading.Event()
    world.actions["look"] = busy.wait
    try:
        found = world.ask("GET", "/v1/server").json()
        assert (found["told"], found["path"]) == (False, "async")
        assert "codeagent_server_answers 0\n" in world.ask("GET", "/v1/metrics").body.decode()
        assert world.ask("GET", "/v1/tasks").status == 200
    finally:
        busy.set()


def test_once_the_server_has_ended_orders_are_refused(world: World) -> None:
    world.mailbox.close()
    answer = world.ask("POST", "/v1/pause", token=True)
    assert (answer.status, answer.json()) == (503, {"error": "the server is ending"})


def network() -> HTTPSnapshot:
    latency = Histogram()
    latency.add(0.3)
    server = ("https://models.example", "m")
    return HTTPSnapshot(
        pool=PoolState(connections=2, streams=1, requests=10, handshakes=2, reused=8),
        breakers={server: BreakerSnapshot(BreakerState.OPEN, 0, 5, 2.0, 1)},
        pauses={server: 2.0},
        latencies={server: latency},
        attempts=11,
        retries=1,
        failures=0,
    )


def models() -> LLMSnapshot:
    return LLMSnapshot(
        network=network(),
        questions=1,
        shared=0,
        cached=0,
        in_flight=0,
        spending={},
        tasks={},
        statistics={},
    )


def test_prometheus_finds_everything_and_nothing_twice(tmp_path: Path) -> None:
    with opened(tmp_path, metrics=[lambda: "rollout_answers_total 7\n"]) as world:
        world.add("One", "Two")
        world.store.begin_attempt("task_1", path="async", instructions=1, now=NOW).result()
        world.store.note_attempt(
            "task_1", 1, NOW, phase="verifying", agent="cursor", failure="stalled"
        ).result()
        world.actions["look"] = lambda: Live(
            at=NOW,
            path="async",
            schedule=Snapshot(limits={"tasks": (1, 10)}),
            health=Health(lag=0.01, cpu=0.5, memory=40_000_000, files=12),
            llm=models(),
        )
        answer = world.ask("GET", "/v1/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    text = answer.body.decode()
    for line in (
        'codeagent_tasks{state="running"} 1',
        'codeagent_tasks{state="done"} 0',
        'codeagent_task_phases{phase="verifying"} 1',
        'codeagent_attempt_failures_total{agent="cursor",kind="stalled"} 1',
        "codeagent_server_answers 1",
        'codeagent_limit_allowed{limit="tasks"} 10',
        "codeagent_server_memory_bytes 40000000",
        "codeagent_llm_handshakes_total 2",
        "codeagent_llm_reuse_ratio 0.8",
        'codeagent_llm_breaker_state{origin="https://models.example",model="m"} 2',
        "rollout_answers_total 7",
    ):
        assert f"{line}\n" in text, text
    lines = text.splitlines()
    samples = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
    helps = [line.split()[2] for line in lines if line.startswith("# HELP")]
    assert len(samples) == len(set(samples))
    assert len(helps) == len(set(helps))


def test_the_connections_to_the_models_can_be_looked_at(world: World) -> None:
    assert world.ask("GET", "/v1/http").json() == {"told": True, "network": None}
    world.actions["look"] = lambda: Live(at=NOW, path="async", llm=models())
    found = world.ask("GET", "/v1/http").json()["network"]
    assert found["pool"]["reuse_ratio"] == 0.8
    (server,) = found["servers"]
    assert (server["model"], server["breaker"], server["pause"]) == ("m", "open", 2.0)
    assert sum(server["latency"]["counts"]) == 1


class Stream:
    """A client that follows the events."""

    def __init__(self, world: World, path: str = "/v1/events", **headers: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", world.port, timeout=10)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request("GET", path, headers=given)
        self.response = self._connection.getresponse()
        if self.response.status == 200:
            assert self.response.readline() == b"retry: 2000\n"
            assert self.response.readline() == b"\n"

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *exc: object) -> None:
        self.response.close()
        self._connection.close()

    def next(self) -> dict[str, Any]:
        """The next event: its fields, ``data`` parsed."""
        found: dict[str, Any] = {}
        while (line := self.response.readline().decode()) not in ("", "\n"):
            name, _, value = line.rstrip("\n").partition(": ")
            found[name] = json.loads(value) if name == "data" else value
        return found


def test_events_are_followed_as_they_come(world: World) -> None:
    with Stream(world) as stream:
        assert stream.response.getheader("content-type") == "text/event-stream; charset=utf-8"
        world.add("One")
        world.store.begin_attempt("task_1", path="async", instructions=1, now=NOW).result()
        world.api.feed(Event("task.started", NOW, "task_1", 1, {"text": "One"}))
        event = stream.next()
        assert (event["event"], event["data"]["task"], event["id"]) == (
            "task.started",
            "task_1",
            "1",
        )
        world.api.feed(Event("agent.progress", NOW, "task_1", 1, {"text": "line\nbreak\u2028"}))
        fleeting = stream.next()
        assert (fleeting["event"], fleeting["data"]["text"]) == (
            "agent.progress",
            "line\nbreak\u2028",
        )
        assert "id" not in fleeting
        world.api.feed(Event("limit.changed", NOW, data={"name": "cursor", "limit": 2}))
        assert stream.next()["data"] == {
            "event": "limit.changed",
            "at": NOW,
            "name": "cursor",
            "limit": 2,
        }


def test_whoever_comes_back_misses_nothing(world: World) -> None:
    for number in range(600):
        world.store.record(Event("limit.changed", NOW + number)).result()
    with Stream(world, Last_Event_ID="300") as stream:
        assert [stream.next()["id"] for _ in range(300)] == [str(n) for n in range(301, 601)]
    with Stream(world, "/v1/events?after=599") as stream:
        assert stream.next()["id"] == "600"
    with Stream(world) as stream:
        world.api.feed(Event("limit.changed", NOW))
        assert stream.next()["id"] == "601"


def test_a_number_that_is_none_is_refused(world: World) -> None:
    for wrong in ("x", "-1", "1" * 19, "\u0663"):
        with Stream(world, Last_Event_ID=wrong.encode("utf-8").decode("latin-1")) as stream:
            assert stream.response.status == 400


def test_the_end_of_the_api_ends_the_streams(tmp_path: Path) -> None:
    with opened(tmp_path) as world:
        stream = Stream(world)
    with stream:
        assert stream.response.read() == b""


def test_events_are_recorded_once_and_progress_not_at_all(world: World) -> None:
    world.add("One")
    world.store.begin_attempt("task_1", path="async", instructions=1, now=NOW).result()
    for name in ("task.started", "agent.progress", "report.seen", "verify.done"):
        world.api.feed(Event(name, NOW, "task_1", 1))
    names = [event.name for _, event in world.store.events(0, 100).result()]
    assert names == ["task.started", "verify.done"]
