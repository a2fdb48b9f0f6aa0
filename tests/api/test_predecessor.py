"""The routes that the predecessor had."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from codeagent.core.lenient import write_time
from codeagent.core.task import StepState, TaskState

from .conftest import NOW, World, opened


def test_answers_have_the_predecessors_form(world: World) -> None:
    world.add("Привет")
    answer = world.ask("GET", "/status")
    assert answer.headers["content-type"] == "application/json"
    text = answer.body.decode("ascii")
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")) + "\n"


def test_the_root_tells_of_the_server_and_its_statistics(tmp_path: Path) -> None:
    with opened(tmp_path, cursor=True) as world:
        world.add("One", "Two")
        world.store.iteration().result()
        assert world.ask("GET", "/").json() == {
            "auto_todo_enabled": False,
            "cursor_cli_available": True,
            "iteration": 1,
            "port": world.port,
            "project_dir": str(tmp_path),
            "session_id": "20231114_221320",
            "statistics": {
                "total_tasks": 2,
                "completed": 0,
                "failed": 0,
                "in_progress": 0,
                "pending": 2,
                "iteration_count": 1,
                "session_id": "20231114_221320",
            },
            "status": "running",
        }


def test_the_status_tells_how_it_stands(world: World, tmp_path: Path) -> None:
    world.add("Работа " * 50, "Two", "Three", "Four")
    world.store.settle_task("task_3", TaskState.SKIPPED, NOW).result()
    world.store.begin_attempt("task_1", path="async", instructions=2, now=NOW).result()
    found = world.ask("GET", "/status").json()
    assert found["server"] == {
        "status": "running",
        "running": True,
        "port": world.port,
        "project_dir": str(tmp_path),
        "cursor_cli_available": None,
        "auto_todo_enabled": False,
    }
    started = write_time(NOW)
    assert found["server_state"] == {
        "clean_shutdown": False,
        "last_start_time": started,
        "last_stop_time": None,
        "session_id": "20231114_221320",
        "iteration_count": 0,
        "current_activity": "Выполнение задачи: " + ("Работа " * 50)[:100],
        "restart_count": 0,
        "pending_restart": False,
    }
    assert found["tasks"] == {
        "in_progress": 1,
        "completed": 1,
        "failed": 0,
        "pending": 2,
        "total": 4,
        "pending_in_todo": 3,
    }
    assert found["current_task"] == {
        "task_id": "task_1",
        "task_text": ("Работа " * 50)[:200],
        "state": "in_progress",
        "start_time": started,
        "attempts": 1,
    }


def test_the_activity_without_a_task_is_what_it_waits_for(world: World) -> None:
    assert world.ask("GET", "/status").json()["server_state"]["current_activity"] == (
        "Все задачи выполнены"
    )
    world.add("One", "Two")
    world.store.begin_attempt("task_1", path="async", instructions=1, now=NOW).result()
    world.store.begin_step("task_1", 1, 1, 1, "work", NOW).result()
    world.store.finish_step("task_1", 1, 1, StepState.FAILED, NOW).result()
    world.store.finish_task("task_1", 1, TaskState.FAILED, NOW, error="no").result()
    found = world.ask("GET", "/status").json()
    assert found["server_state"]["current_activity"] == "Ожидание выполнения 2 задач"
    assert (found["tasks"]["failed"], found["current_task"]) == (1, None)


def test_health_and_the_orders_are_answered_at_once_whatever_the_server_does(
    tmp_path: Path,
) -> None:
    with opened(tmp_path, free=True) as world:
        world.close()  # from here on nobody obeys
        health = world.ask("GET", "/health").json()
        assert health["status"] == "healthy"
        assert datetime.fromisoformat(health["timestamp"]).tzinfo is None
        stopping = world.ask("POST", "/stop").json()
        del stopping["timestamp"]
        assert stopping == {
            "status": "stopping",
            "message": "Сервер будет остановлен немедленно",
        }
        restarting = world.ask("POST", "/restart").json()
        del restarting["timestamp"]
        assert restarting == {
            "status": "restarting",
            "message": "Сервер будет перезапущен после завершения текущей инструкции",
            "restart_count": 0,
        }
        assert world.ask("GET", "/status").status == 200


class _Other(http.server.BaseHTTPRequestHandler):
    """Somebody else's program at the port that is wanted."""

    answers: dict[str, bytes]
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        body = self.answers.get(self.path, b"hello")
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()
        if self.path == "/stop":
            threading.Thread(target=self.server.shutdown).start()

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def other(root: bytes) -> Iterator[tuple[int, list[str]]]:
    """A server whose ``/`` answers ``root``, and which ends at ``POST /stop``."""
    asked: list[str] = []
    handler = type("Other", (_Other,), {"answers": {"/": root}, "asked": asked})
    server = http.server.HTTPServer(("127.0.0.1", 0), handler)

    def serve() -> None:
        with server:
            server.serve_forever(0.01)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.server_address[1], asked
    finally:
        server.shutdown()
        thread.join()


def agent_of(project: Path) -> bytes:
    return json.dumps(
        {"project_dir": str(project), "session_id": "s", "statistics": {}, "status": "running"}
    ).encode()


def test_a_port_of_another_program_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for root, who in ((b"hello", "another program"), (agent_of(tmp_path / "x"), "works on")):
        with other(root) as (port, asked), opened(tmp_path, port=port) as world:
            assert world.port != port
            assert world.ask("GET", "/health").status == 200
        assert "POST /stop" not in asked
        assert who in caplog.text
        assert "server.http_port" in caplog.text


def test_an_old_server_of_the_same_project_is_asked_to_make_room(tmp_path: Path) -> None:
    with other(agent_of(tmp_path)) as (port, asked), opened(tmp_path, port=port) as world:
        assert asked == ["GET /", "POST /stop"]
        assert world.port == port


def test_a_port_that_says_nothing_is_left_alone(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with opened(tmp_path, port=port) as world:
            assert world.port not in (0, port)
