"""Faults of the asynchronous path under each capability: it is left, and nobody notices more."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from codeagent._async.agents import AgentOutcome
from codeagent._runtime.usage import Usage
from codeagent.core.agent_run import Ending
from codeagent.core.events import Event
from codeagent.core.git import GitOutcome
from codeagent.rollout.control import Rollout
from codeagent.rollout.observation import Observation
from codeagent.rollout.override import Ceiling
from codeagent.rollout.stages import Colour
from codeagent.routing.capabilities import CAPABILITIES
from codeagent.routing.operator import offline
from codeagent.routing.routing import Core, Routing, Settings
from tests.support.rollouts import put

from .rig import rigged
from .test_agents import Watcher

KNOWN = 1000
"""Good operations of the synchronous path that the guard knows of to begin with."""

MOST = {5: 500, 20: 80, 100: 5}
"""Operations that the asynchronous path may take until it is left, by faults in per cent."""

AFTER = 20
"""Operations after that."""

HEAD = "0123456789" * 4


class Faults:
    """Strikes a share of the calls, by chance but always alike, and counts them."""

    def __init__(self, percent: int) -> None:
        self._share = percent / 100
        self._chance = random.Random(percent)
        self.calls = self.struck = 0

    def strike(self) -> bool:
        self.calls += 1
        struck = self._chance.random() < self._share
        self.struck += struck
        return struck


@dataclass(frozen=True)
class Case:
    """A capability: where its faults are injected, what they are, and one operation of it.

    ``place`` names module, class and method, without the mark of the colour.
    A fault that is an exception is raised, any other is returned.
    """

    capability: str
    place: tuple[str, str, str]
    good: Any
    fault: Any
    operation: Callable[[Any, Path], Any]


FAILED = AgentOutcome(ending=Ending.FAILED, reason="injected")
UNSTARTED = GitOutcome(-1, b"", "git could not be started: injected")

CASES = [
    Case(
        "files-write",
        ("io", "IOManager", "write"),
        None,
        OSError(28, "injected"),
        lambda ports, directory: ports.files.write(directory / "file", b"x"),
    ),
    Case(
        "git-read",
        ("git", "Git", "_call"),
        GitOutcome(0, b"blob\n", ""),
        UNSTARTED,
        lambda ports, directory: ports.git.attempt(directory, "cat-file", "-t", HEAD),
    ),
    Case(
        "git-write",
        ("git", "Git", "_call"),
        GitOutcome(0, b"", ""),
        UNSTARTED,
        lambda ports, directory: ports.git.attempt(directory, "update-ref", "refs/x", HEAD),
    ),
    Case(
        "agents",
        ("agents", "AgentDriver", "run"),
        AgentOutcome(ending=Ending.SUCCEEDED),
        FAILED,
        lambda ports, directory: ports.agents.run(Watcher(directory).job()),
    ),
    Case(
        "monitoring",
        ("monitoring", "Gauge", "measure"),
        Usage(1, 1),
        OSError(5, "injected"),
        lambda ports, directory: ports.gauge.measure(),
    ),
]


def inject(case: Case, faults: Faults, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have the asynchronous path fail now and then; the calls of either path as they come."""
    module, name, method = case.place
    calls: list[str] = []

    async def faulty(*_: object, **__: object) -> Any:
        calls.append("async")
        if not faults.strike():
            return case.good
        if isinstance(case.fault, Exception):
            raise case.fault
        return case.fault

    def healthy(*_: object, **__: object) -> Any:
        calls.append("sync")
        return case.good

    for colour, prefix, fake in (("async", "Async", faulty), ("sync", "", healthy)):
        place = getattr(import_module(f"codeagent._{colour}.{module}"), prefix + name)
        monkeypatch.setattr(place, method, fake)
    return calls


def known(rollout: Rollout, capability: str, n: int = KNOWN) -> None:
    operation = next(each.operation for each in CAPABILITIES if each.name == capability)
    good = Observation(capability, operation, Colour.SYNC, seconds={Colour.SYNC: 0.001})
    for _ in range(n):
        rollout.observe(good)


def by_the_guard(rollout: Rollout, capability: str) -> list[Ceiling]:
    found = rollout.override.entries().get(capability, [])
    assert {ceiling.actor for ceiling in found} == {"guard"}
    return found


def operations_until(rollout: Rollout, capability: str) -> int:
    """How many operations the trail says that the asynchronous path took until it was left."""
    (record,) = (each for each in rollout.audit.read() if each["kind"] == "rollback")
    assert (record["capability"], record["actor"]) == (capability, "guard")
    counts = {test["name"]: int(test["n"]) for test in record["tests"]}
    return counts["errors"]


@pytest.mark.parametrize("percent", MOST)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.capability)
def test_a_path_with_faults_is_left_and_every_caller_gets_what_its_call_gave(
    tmp_path: Path,
    path: str,
    case: Case,
    percent: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faults, most = Faults(percent), MOST[percent]
    calls = inject(case, faults, monkeypatch)
    stage = {case.capability.replace("-", "_"): "complete"}
    with rigged(tmp_path, path, {}, **stage) as rig:
        known(rig.rollout, case.capability)
        got: list[Any] = []

        def more() -> Iterator[None]:
            while case.capability not in rig.rollout.override.entries() and len(got) < most:
                yield
            yield from [None] * AFTER

        async def operations(ports: Any) -> None:
            for _ in more():
                try:
                    got.append(await case.operation(ports, tmp_path))
                except OSError as error:
                    got.append(error)

        def operations_sync(ports: Any) -> None:
            for _ in more():
                try:
                    got.append(case.operation(ports, tmp_path))
                except OSError as error:
                    got.append(error)

        rig.do(operations if path == "async" else operations_sync)
        held = by_the_guard(rig.rollout, case.capability)

    taken = faults.calls
    assert operations_until(rig.rollout, case.capability) == taken
    assert "operations failed" in held[0].reason
    assert calls == ["async"] * taken + ["sync"] * AFTER, "one call for each operation"
    assert len(got) == len(calls)
    assert [found for found in got[taken:] if found != case.good] == []
    assert sum(found is case.fault for found in got) == faults.struck > 0
    assert sum(found == case.good for found in got) == len(got) - faults.struck


@pytest.mark.parametrize("percent", MOST)
def test_a_core_with_faults_is_left(tmp_path: Path, percent: int) -> None:
    """Instructions that fail on the asynchronous core have the server make room for the other."""
    faults = Faults(percent)
    rollout = offline(tmp_path, {})
    rollout.install()
    put(rollout, core="complete")
    asked: list[tuple[str, bool]] = []
    with Routing(
        Settings(directory=tmp_path, path="async", project=tmp_path, environment={})
    ) as ours:
        running = ours.wanted()
        assert running == Core("async", True)
        ours.serve(running, lambda reason, now: asked.append((reason, now)))
        known(ours.rollout, "core")
        while ours.wanted().path == "async" and faults.calls < MOST[percent]:
            name = "instruction.failed" if faults.strike() else "instruction.done"
            ours.note(Event(name, 1.0, task_id="task-1", data={"seconds": 1.0}))
        assert ours.wanted() == Core("sync", True)
        ours.look()
        held = by_the_guard(ours.rollout, "core")
    assert operations_until(ours.rollout, "core") == faults.calls
    ((reason, now),) = asked
    assert "operations failed" in reason
    assert not now, "what runs is let end"
    assert "operations failed" in held[0].reason
