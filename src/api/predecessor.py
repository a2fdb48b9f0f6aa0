"""The routes that the predecessor had, with the answers that it gave."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.lenient import write_time
from ..core.status import API_REQUEST
from ..store.overview import Overview
from .bridge import Bridge
from .messages import Request, Response, Route, json_response


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What does not change while the server runs.

    ``cursor`` is None where the agent is another one, else whether it was found.
    """

    project: Path
    database: Path
    cursor: bool | None
    restarts: Callable[[], int] = lambda: 0


class Predecessor:
    """Handlers of the predecessor's routes."""

    def __init__(self, about: About, bridge: Bridge, port: Callable[[], int]) -> None:
        self._about = about
        self._bridge = bridge
        self._port = port

    def routes(self, *, free: bool) -> list[Route]:
        """The table; ``free``: stopping needs no token, as it was with the predecessor."""
        return [
            Route("GET", "/", self.root),
            Route("GET", "/status", self.status),
            Route("GET", "/health", self.health),
            Route("POST", "/stop", self.stop, free),
            Route("POST", "/restart", self.restart, free),
        ]

    def root(self, request: Request) -> Response:
        """The server and its statistics."""
        with Overview(self._about.database) as stored:
            counts, server = stored.counts(), stored.server()
        numbers = _numbers(counts)
        return json_response(
            {
                "auto_todo_enabled": False,
                "cursor_cli_available": self._about.cursor,
                "iteration": server["iterations"],
                "port": self._port(),
                "project_dir": str(self._about.project),
                "session_id": server["session_id"],
                "statistics": {
                    "total_tasks": numbers["total"],
                    "completed": numbers["completed"],
                    "failed": numbers["failed"],
                    "in_progress": numbers["in_progress"],
                    "pending": numbers["pending"],
                    "iteration_count": server["iterations"],
                    "session_id": server["session_id"],
                },
                "status": "running",
            }
        )

    def status(self, request: Request) -> Response:
        """Everything that the predecessor told about itself."""
        with Overview(self._about.database) as stored:
            counts, server, tasks = stored.counts(), stored.server(), stored.tasks()
        numbers = _numbers(counts)
        open_items = numbers["pending"] + numbers["in_progress"] + numbers["failed"]
        current = next((row for row in tasks if row["state"] == "running"), None)
        if current is not None:
            activity = f"Выполнение задачи: {current['text'][:100]}"
        elif open_items:
            activity = f"Ожидание выполнения {open_items} задач"
        else:
            activity = "Все задачи выполнены"
        return json_response(
            {
                "server": {
                    "status": "running",
                    "running": True,
                    "port": self._port(),
                    "project_dir": str(self._about.project),
                    "cursor_cli_available": self._about.cursor,
                    "auto_todo_enabled": False,
                },
                "server_state": {
                    "clean_shutdown": bool(server["clean"]),
                    "last_start_time": write_time(server["last_start"]),
                    "last_stop_time": write_time(server["last_stop"]),
                    "session_id": server["session_id"],
                    "iteration_count": server["iterations"],
                    "current_activity": activity,
                    "restart_count": self._about.restarts(),
                    "pending_restart": False,
                },
                "tasks": {**numbers, "pending_in_todo": open_items},
                "current_task": None if current is None else _current(current),
            }
        )

    def health(self, request: Request) -> Response:
        """That it answers."""
        return json_response({"status": "healthy", "timestamp": write_time(time.time())})

    def stop(self, request: Request) -> Response:
        """Ask the server to stop; it answers so at once, and to every further request."""
        self._bridge.tell("stop", reason=API_REQUEST)
        return json_response(
            {
                "status": "stopping",
                "message": "Сервер будет остановлен немедленно",
                "timestamp": write_time(time.time()),
            }
        )

    def restart(self, request: Request) -> Response:
        """Ask the server to begin anew after the instruction that runs."""
        self._bridge.tell("restart")
        return json_response(
            {
                "status": "restarting",
                "message": "Сервер будет перезапущен после завершения текущей инструкции",
                "timestamp": write_time(time.time()),
                "restart_count": self._about.restarts(),
            }
        )


def _numbers(counts: dict[str, int]) -> dict[str, int]:
    """The tasks by the predecessor's states, which knew no skipped ones."""
    return {
        "in_progress": counts.get("running", 0),
        "completed": counts.get("done", 0) + counts.get("skipped", 0),
        "failed": counts.get("failed", 0),
        "pending": counts.get("pending", 0),
        "total": sum(counts.values()),
    }


def _current(row: Any) -> dict[str, Any]:
    return {
        "task_id": row["id"],
        "task_text": row["text"][:200],
        "state": "in_progress",
        "start_time": write_time(row["started_at"]),
        "attempts": row["attempts"],
    }
