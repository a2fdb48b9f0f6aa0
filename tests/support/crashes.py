"""Killing a server again and again, and what must be true all the while."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

from .installations import Place
from .processes import Result, Server, left_of

Step = tuple[str, int]

_MARK = re.compile(r" <!-- Выпол[^>]* - \d{4}-\d\d-\d\d \d\d:\d\d:\d\d -->")


@dataclass
class Story:
    """What is known of the work on one list after some servers, most of them killed."""

    place: Place
    path: str
    checkpoint: str
    completed: set[Step] = field(default_factory=set)
    in_flight: set[tuple[str, int, int]] = field(default_factory=set)
    kills: int = 0

    def __post_init__(self) -> None:
        self._todo = self.place.read("todo.md")

    def killed(self, moment: Callable[[Server], None]) -> bool:
        """Start a server and kill it when ``moment`` returns; False if it had ended before."""
        before = set(self.completed)
        with self._server() as server:
            moment(server)
            ended = server.process.poll() is not None
            server.process.kill()
            result = server.finish()
            self._note(result, before)
            # The block's end would end the agents: that is the next server's business.
            server.disown()
        self.kills += not ended
        self._look()
        return not ended

    def ended(self) -> Result:
        """Start a server, let it work to the end, and check everything."""
        before = set(self.completed)
        with self._server() as server:
            result = server.finish()
        self._note(result, before)
        self._look()
        assert result.code == 0, result
        assert left_of([run["pid"] for run in self.place.runs()]) == []
        wanted = {(text, step) for text in self.tasks() for step in self.positions()}
        assert self.completed == wanted
        runs = Counter(self.place.steps())
        assert set(runs) >= wanted
        for step, count in runs.items():
            interrupted = [about for about in self.in_flight if about[:2] == step]
            assert count <= 1 + len(interrupted), (step, runs, self.in_flight)
        done = re.compile(r"^- \[x\] (.*?)" + _MARK.pattern + "$", re.MULTILINE)
        assert done.findall(self.place.read("todo.md")) == self.tasks()
        status = self.place.read("codeAgentProjectStatus.md")
        for text in self.tasks():
            ends = status.count(f"**Задача:** {text}\n**Статус:** Выполнено\n")
            assert ends <= 1, status
        return result

    def tasks(self) -> list[str]:
        return [line[6:] for line in self._todo.splitlines() if line.startswith("- [ ] ")]

    def positions(self) -> range:
        (total,) = set(self._rows("SELECT total_instructions FROM task"))
        return range(1, total[0] + 1)

    def _server(self) -> Server:
        arguments = ("run", "--path", self.path, "--json")
        return Server(*arguments, cwd=self.place.cwd, env=self.place.env)

    def _note(self, result: Result, before: set[Step]) -> None:
        """A server's own account: what it completed, and that it repeated nothing."""
        texts = {event["task"]: event["text"] for event in result.named("task.started")}
        for event in result.events:
            step = (texts.get(event.get("task", "")), event.get("position"))
            if event["event"] == "instruction.started":
                assert step not in before, f"{step} was completed and is run again"
            if event["event"] == "instruction.done":
                assert step not in self.completed
                self.completed.add(step)  # type: ignore[arg-type]

    def _look(self) -> None:
        """What lies on the disk is whole, whatever happened."""
        shown = re.sub(r"^- \[x\] ", "- [ ] ", self.place.read("todo.md"), flags=re.MULTILINE)
        assert _MARK.sub("", shown) == self._todo
        checkpoint = self.place.state / self.checkpoint
        if checkpoint.exists():
            assert {"version", "tasks"} <= set(json.loads(checkpoint.read_text("utf-8")))
        for text, positions in self._rows("SELECT text, completed FROM task"):
            self.completed |= {(text, position) for position in json.loads(positions)}
        self.in_flight |= set(
            self._rows(
                "SELECT text, step.position, step.epoch FROM step JOIN task ON task.id = task_id"
                " WHERE step.state = 'running'"
            )
        )

    def _rows(self, query: str) -> list[tuple]:  # type: ignore[type-arg]
        database = self.place.state / "codeagent.db"
        if not database.exists():
            return []
        with closing(sqlite3.connect(database)) as connection:
            assert connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'step'").fetchall():
                return []
            return connection.execute(query).fetchall()


def after_events(number: int) -> Callable[[Server], None]:
    """The moment when so many events were told."""

    def moment(server: Server) -> None:
        for count, _ in enumerate(server.events(), 1):
            if count == number:
                return

    return moment


def after_seconds(delay: float) -> Callable[[Server], None]:
    """A moment by the clock: whatever the server is at."""

    def moment(server: Server) -> None:
        try:
            server.process.wait(delay)
        except subprocess.TimeoutExpired:
            return

    return moment
