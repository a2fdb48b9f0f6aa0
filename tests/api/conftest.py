"""An API over a real database, and a server that is played."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from codeagent._runtime.commands import Mailbox
from codeagent.api.messages import Route
from codeagent.api.opening import Api, Plan
from codeagent.core.live import Live
from codeagent.core.task import Task
from codeagent.store import SqliteStore, open_store

NOW = 1_700_000_000.0


class Answer(NamedTuple):
    """A response, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class World:
    """What a test has of an open API.

    ``actions`` are what the played server does, by command; without one it does
    not answer.
    """

    def __init__(self, api: Api, store: SqliteStore, mailbox: Mailbox, token: str) -> None:
        self.api, self.store, self.mailbox, self.token = api, store, mailbox, token
        self.actions: dict[str, Callable[..., Any]] = {}
        self.obeyed: list[tuple[str, dict[str, Any]]] = []
        self.port = api.port or 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._obey)
        self._thread.start()

    def close(self) -> None:
        self._stopped.set()
        self.mailbox.close()
        self._thread.join()

    def ask(self, method: str, path: str, *, token: bool = False, **headers: str) -> Answer:
        """Send one request; ``user_agent`` in ``headers`` is the header User-Agent."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            given["Authorization"] = f"Bearer {self.token}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, headers=given)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def add(self, *texts: str) -> list[Task]:
        tasks = [
            Task(id=f"task_{number}", text=text, position=number, created_at=NOW)
            for number, text in enumerate(texts, 1)
        ]
        self.store.add_tasks(tasks).result()
        return tasks

    def _obey(self) -> None:
        while not self._stopped.is_set():
            try:
                self.mailbox.arrival().result(0.02)
            except TimeoutError:
                continue
            while (command := self.mailbox.take()) is not None:
                self.obeyed.append((command.name, dict(command.arguments)))
                try:
                    action = self.actions[command.name]
                    command.answer.set_result(action(**command.arguments))
                except Exception as error:
                    command.answer.set_exception(error)


@contextmanager
def opened(directory: Path, *routes: Route, **changes: Any) -> Iterator[World]:
    """An API on a project of its own."""
    state = directory / "state"
    state.mkdir(exist_ok=True)
    values: dict[str, Any] = {
        "state": state,
        "database": state / "codeagent.db",
        "project": directory,
        "path": "async",
        "port": 0,
        "free": False,
        "cursor": None,
        "max_attempts": 3,
        "routes": routes,
        **changes,
    }
    mailbox = Mailbox()
    with open_store(values["database"]) as store:
        store.server_started("20231114_221320", NOW).result()
        with Api(Plan(**values), mailbox, store.record) as api:
            about = json.loads((state / "api.json").read_text("utf-8"))
            world = World(api, store, mailbox, about["token"])
            world.actions["look"] = lambda: Live(at=NOW, path="async")
            try:
                yield world
            finally:
                world.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path) as found:
        yield found
