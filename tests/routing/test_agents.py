"""Agents on either path under either core."""

from __future__ import annotations

import json
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from codeagent.core.agent_run import Ending, Limits
from codeagent.core.agents import Launch
from codeagent.core.streams import CursorStream
from codeagent.rollout.stages import Colour
from tests.support.processes import environment

from .rig import Rig, rigged

LIMITS = Limits(work=20, silence=0, report=5, exit=1, kill=1, handshake=0, tool=60, tool_grace=1)

AGENT = """
import json, os, sys, time
print(json.dumps({"type": "system", "subtype": "init", "model": "m", "session_id": "s"}), flush=True)
open("seen.json", "w").write(json.dumps(dict(os.environ)))
while not os.path.exists("go"):
    time.sleep(0.01)
open("report.md", "w").write("Done!\\n")
print(json.dumps({"type": "result", "subtype": "success", "is_error": False, "result": "ok"}), flush=True)
"""


class Watcher:
    """Who hears of a run, and on which thread."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.started: list[int] = []
        self.kinds: list[str] = []
        self.threads: set[int] = set()

    def on_start(self, pid: int) -> None:
        self.started.append(pid)
        self.threads.add(threading.get_ident())

    @property
    def knows_of_it(self) -> bool:
        """Whether the agent is at work, and its process has been announced."""
        return bool(self.started) and (self.directory / "seen.json").exists()

    def on_event(self, event: Any) -> None:
        self.kinds.append(event.kind.value)
        self.threads.add(threading.get_ident())

    def job(self, code: str = AGENT) -> Any:
        job = import_module("codeagent._async.agent_port").AgentJob
        return job(
            launch=Launch(
                argv=(sys.executable, "-S", "-E", "-c", code),
                decoder=CursorStream,
                announces=True,
            ),
            limits=LIMITS,
            cwd=self.directory,
            log=self.directory / "logs" / "run.log",
            reports=("report.md",),
            phrase="Done!",
            record=lambda pid, started: None,
            on_start=self.on_start,
            on_event=self.on_event,
            mark="test-1",
        )


def run(rig: Rig, watcher: Watcher, code: str = AGENT) -> Any:
    return rig.do(lambda ports: ports.agents.run(watcher.job(code)))


@pytest.mark.parametrize("stage", ["off", "complete"])
def test_a_run_is_one_operation_on_one_path(tmp_path: Path, path: str, stage: str) -> None:
    watcher = Watcher(tmp_path)
    (tmp_path / "go").touch()
    with rigged(tmp_path, path, environment(), agents=stage) as rig:
        outcome = run(rig, watcher)
        assert outcome.ending is Ending.SUCCEEDED
        assert outcome.report.text == "Done!\n"
        assert rig.counts("agents") == ((1, 0) if stage == "off" else (0, 1))
        seen = json.loads((tmp_path / "seen.json").read_text())
        plan = json.loads(seen["ROLLOUT_PLAN"])
        assert plan["decisions"]["agents"][0] == stage
    assert len(watcher.started) == 1
    assert watcher.kinds[0] == "init"
    if path == "async":
        assert watcher.threads == {threading.get_ident()}, "the loop's own thread"


@pytest.mark.parametrize("stage", ["off", "complete"])
def test_an_agent_that_fails_counts_against_its_path(tmp_path: Path, path: str, stage: str) -> None:
    watcher = Watcher(tmp_path)
    with rigged(tmp_path, path, environment(), agents=stage) as rig:
        outcome = run(rig, watcher, "import sys; sys.exit(3)")
        assert outcome.ending is Ending.FAILED
        colour = Colour.SYNC if stage == "off" else Colour.ASYNC
        assert rig.rollout.metrics["agents"].paths[colour].errors == {"AgentFailed": 1}


@pytest.mark.parametrize("stage", ["off", "complete"])
def test_a_run_that_is_cancelled_ends_its_agent_on_whichever_path(
    tmp_path: Path, path: str, stage: str
) -> None:
    rt = import_module(f"codeagent._runtime.{path}_runtime")
    watcher = Watcher(tmp_path)
    with rigged(tmp_path, path, environment(), agents=stage) as rig:

        async def cancelled(ports: Any) -> bool:
            async with rt.CancelScope() as scope, rt.TaskGroup() as group:
                group.start_soon(_cancel_when_it_runs, watcher, scope.cancel)
                await ports.agents.run(watcher.job())
            return bool(scope.ended_early)

        def cancelled_sync(ports: Any) -> bool:
            with rt.CancelScope() as scope, rt.TaskGroup() as group:
                group.start_soon(_cancel_when_there, watcher, scope.cancel)
                ports.agents.run(watcher.job())
            return bool(scope.ended_early)

        assert rig.do(cancelled if path == "async" else cancelled_sync)
        assert rig.rollout.override.entries() == {}, "somebody had asked for it"
    (pid,) = watcher.started
    assert not Path(f"/proc/{pid}").exists()


async def _cancel_when_it_runs(watcher: Watcher, cancel: Any) -> None:
    rt = import_module("codeagent._runtime.async_runtime")
    while not watcher.knows_of_it:
        await rt.sleep(0.01)
    cancel()


def _cancel_when_there(watcher: Watcher, cancel: Any) -> None:
    rt = import_module("codeagent._runtime.sync_runtime")
    while not watcher.knows_of_it:
        rt.sleep(0.01)
    cancel()


def test_hurry_reaches_the_agents_of_both_paths(tmp_path: Path, path: str) -> None:
    other = "off" if path == "async" else "complete"
    watcher = Watcher(tmp_path)
    with rigged(tmp_path, path, environment(), agents=other) as rig:

        def hurry() -> None:
            while not (tmp_path / "seen.json").exists():
                threading.Event().wait(0.01)
            rig.own.agents.kill_all()

        thread = threading.Thread(target=hurry)
        thread.start()
        outcome = run(rig, watcher)
        thread.join()
        assert outcome.ending is not Ending.SUCCEEDED
    assert not Path(f"/proc/{watcher.started[0]}").exists()
