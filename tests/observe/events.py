"""A run as its events tell it."""

from __future__ import annotations

from typing import Any

from codeagent.core.events import Event

START = 1_700_000_000.0


def event(what: str, after: float = 0.0, task: str | None = None, /, **data: Any) -> Event:
    return Event(what, START + after, task, None if task is None else 1, data)


RUN = [
    event("server.started", path="async", project="/p", agent="cursor", loop="uvloop", pid=7),
    event("list.read", 1, total=4, pending=3, done=1, skipped=0, files=["todo.md"]),
    event("task.started", 2, "a", text="Починить вход", type="default", instructions=2, resumed_at=None),
    event("instruction.started", 3, "a", position=1, total=2, name="plan", timeout=600),
    event("agent.started", 3, "a", pid=8, command="agent"),
    event("agent.progress", 4, "a", kind="tool", text="edit src/x.py"),
    event("report.seen", 63, "a", file="docs/results/r.md", waited=60.0),
    event("instruction.done", 63, "a", position=1, total=2, name="plan", seconds=60.0),
    event("instruction.started", 63, "a", position=2, total=2, name="do", timeout=None),
    event("instruction.done", 65, "a", position=2, total=2, name="do", seconds=2.0),
    event("task.done", 65, "a", completed=2, total=2, seconds=63.0),
    event("list.read", 65, total=4, pending=2, done=2, skipped=0, files=["todo.md"]),
    event("task.started", 66, "b", text="Add a page", type="default", instructions=1, resumed_at=1),
    event("instruction.started", 66, "b", position=1, total=1, name="plan", timeout=600),
    event("instruction.failed", 67, "b", position=1, total=1, name="plan", reason="no report", seconds=1.0),
    event("task.failed", 67, "b", reason="no report", attempts=3, retry_at=None),
    event("task.skipped", 68, "c", reason="off plan"),
    event("list.problem", 69, file="todo.yaml", problem="not a list"),
    event("service.failed", 70, service="watcher", error="boom", restart_in=1.0),
    event("server.idle", 71, done=2, failed=1),
    event("server.stopping", 72, reason="SIGTERM", grace=30.0),
    event("server.stopped", 73, clean=True, done=2, failed=1, skipped=1, pending=0, exit_code=1),
]  # fmt: skip
