"""What the tests of the server's parts stand on, the same for both paths."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from codeagent.core.agents import CommandAgent, Launch
from codeagent.core.config import AgentSettings, Config
from codeagent.core.events import Event
from codeagent.core.layout import Layout, plan
from codeagent.core.streams import CursorStream, TextStream
from codeagent.store import SqliteStore, open_store

from .processes import environment

NOW = 1_700_000_000.0
MODERN = ("-p", "--output-format", "stream-json", "--force", "--trust")
STAND_IN = (sys.executable, "-m", "codeagent.standin", *MODERN)

TWO_STEPS = [
    {
        "instruction_id": number,
        "name": name,
        "template": f"{{task_name}}: {name}",
        "wait_for_file": f"docs/results/{name}.md",
        "control_phrase": "Done!",
        "timeout": 30,
    }
    for number, name in ((1, "plan"), (2, "work"))
]


class Clock:
    """A clock that goes on only when it is told to, and counts who looks at it."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now
        self.looks = 0

    def __call__(self) -> float:
        self.looks += 1
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class Recorder:
    """Keeps every event."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def names(self) -> list[str]:
        return [event.name for event in self.events]

    def named(self, name: str) -> list[dict[str, Any]]:
        """What the events of that name carry."""
        return [dict(event.data) for event in list(self.events) if event.name == name]


class SpyStore:
    """A store that tells what was asked of it, and can hold answers back.

    The methods named in ``held`` are carried out, and their answers kept, until
    `release`.  Those in ``refused`` answer with the error given for them.
    """

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._kept: list[tuple[Future[Any], Future[Any]]] = []
        self._lock = threading.Lock()
        self.calls: list[str] = []
        self.held: set[str] = set()
        self.refused: dict[str, Exception] = {}

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def call(*args: Any, **kwargs: Any) -> Future[Any]:
            with self._lock:
                self.calls.append(name)
                if name in self.refused:
                    answer: Future[Any] = Future()
                    answer.set_exception(self.refused[name])
                    return answer
                if name not in self.held:
                    return method(*args, **kwargs)  # type: ignore[no-any-return]
                answer = Future()
                self._kept.append((method(*args, **kwargs), answer))
                return answer

        return call

    def release(self) -> None:
        """Let the answers go that were kept, and keep no more."""
        with self._lock:
            kept, self._kept = self._kept, []
            self.held.clear()
        for real, answer in kept:
            try:
                answer.set_result(real.result())
            except Exception as error:
                answer.set_exception(error)


@contextmanager
def spied_store(directory: Path) -> Iterator[SpyStore]:
    with open_store(directory / "state.db") as store:
        yield SpyStore(store)


def config(**sections: Any) -> Config:
    """Settings of our own dialect with two short instructions, and what is given.

    ``runtime`` is the section ``async``.
    """
    quick = {"exit_grace": 0.2, "report_timeout": 2, "grace_period": 2, "retry_delay": 0}
    runtime = {**quick, **sections.pop("runtime", {})}
    values = {"instructions": {"default": TWO_STEPS}, **sections, "async": runtime}
    return Config.model_validate(values)


def layout(settings: Config, directory: Path) -> Layout:
    """The places of a project in ``directory``, made."""
    project = directory / "project"
    places = plan(settings, root=directory, project=project)
    for place in (project, *places.directories):
        place.mkdir(parents=True, exist_ok=True)
    return places


def stand_in(behaviours: str = "") -> CommandAgent:
    """The stand-in agent, told how to behave."""
    return CommandAgent(
        "stand-in",
        AgentSettings.model_validate(
            {
                "command": list(STAND_IN),
                "output": "stream-json",
                "environment": {"CODEAGENT_STANDIN": behaviours},
            }
        ),
    )


def script(code: str, *, announces: bool = False) -> Launch:
    """A small program as an agent."""
    return Launch(
        argv=(sys.executable, "-S", "-E", "-c", code),
        decoder=CursorStream if announces else TextStream,
        announces=announces,
    )


def agent_environment() -> Mapping[str, str]:
    return environment()


def wait_until(condition: Callable[[], object], patience: float = 20.0) -> None:
    """Wait, off the loop, for something that nobody announces."""
    moment = threading.Event()
    for _ in range(int(patience / 0.005)):
        if condition():
            return
        moment.wait(0.005)
    raise AssertionError("it does not come about")
