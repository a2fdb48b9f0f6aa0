"""Servers as processes: started, listened to, and ended by their ids."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

Json = dict[str, Any]

PATIENCE = 20.0
"""Seconds until a process that ought to end is reported as one that does not."""


class Result(NamedTuple):
    """How a command ended and what it printed."""

    code: int
    stdout: str
    stderr: str
    events: list[Json]

    def named(self, *names: str) -> list[Json]:
        """The events with one of these names."""
        return [event for event in self.events if event["event"] in names]


class Server:
    """``codeagent`` with some arguments; leaving the block ends it and its agents.

    With ``--json`` among the arguments `until` and `events` follow its events.
    """

    def __init__(
        self, *arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-m", "codeagent", *map(str, arguments)],
            cwd=cwd,
            env=environment() if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            start_new_session=True,
        )
        self._lines: list[str] = []
        self._agents: dict[int, int] = {}
        self._streams = "--json" in arguments
        self.seen: list[Json] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()
        for pid, descriptor in self._agents.items():
            if not _has_ended(descriptor, 0):
                with suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
            os.close(descriptor)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._stderr.close()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def agents(self) -> list[int]:
        """The ids of the agents announced so far."""
        return list(self._agents)

    def events(self) -> Iterator[Json]:
        """The events from here on, as they come, to the end of the output."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append(line.decode())
            if self._streams:
                if not line.endswith(b"\n"):
                    return  # the process was killed in the middle of a line
                event = json.loads(line)
                self._note(event)
                self.seen.append(event)
                yield event

    def until(self, name: str, **data: object) -> Json:
        """Read on to the event of that name that carries ``data``."""
        for event in self.events():
            if event["event"] == name and data.items() <= event.items():
                return event
        raise AssertionError(f"the output ended without {name} {data}: {self.finish()}")

    def signal(self, signum: int) -> None:
        self.process.send_signal(signum)

    def disown(self) -> None:
        """Leave the agents alone at the end of the block."""
        for descriptor in self._agents.values():
            os.close(descriptor)
        self._agents.clear()

    def finish(self) -> Result:
        """Read the rest of the output and wait for the end."""
        for _ in self.events():
            pass
        code = self.process.wait(PATIENCE)
        self._stderr.seek(0)
        stderr = self._stderr.read().decode()
        return Result(code, "".join(self._lines), stderr, self.seen)

    def _note(self, event: Json) -> None:
        if event["event"] == "agent.started" and event["pid"] not in self._agents:
            with suppress(ProcessLookupError):
                self._agents[event["pid"]] = os.pidfd_open(event["pid"])


def codeagent(*arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> Result:
    """Run a command to its end."""
    with Server(*arguments, cwd=cwd, env=env) as server:
        return server.finish()


def environment(**more: str) -> dict[str, str]:
    """The environment for a server: ours, without what would change its course."""
    foreign = ("CODEAGENT_", "FAKE_AGENT", "PROJECT_DIR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, **more}


def left_of(groups: Sequence[int]) -> list[int]:
    """The ids of the processes of these groups that still live, once they had time to end."""
    left = []
    for pid in _members(frozenset(groups)):
        with suppress(ProcessLookupError):
            descriptor = os.pidfd_open(pid)
            try:
                if not _has_ended(descriptor, PATIENCE):
                    left.append(pid)
            finally:
                os.close(descriptor)
    return left


def wait_for_end(pid: int) -> None:
    """Wait until a process that need not be a child of ours has ended."""
    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            assert _has_ended(descriptor, PATIENCE), f"process {pid} does not end"
        finally:
            os.close(descriptor)


def _has_ended(descriptor: int, patience: float) -> bool:
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(patience * 1000))


def _members(groups: frozenset[int]) -> list[int]:
    """The living processes of some groups: proc(5), fields 3 (state) and 5 (group)."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            stat = (entry / "stat").read_text("utf-8", "replace")
            state, _, group = stat[stat.rindex(")") + 2 :].split()[:3]
            if int(group) in groups and state not in "ZX":
                found.append(int(entry.name))
    return found
