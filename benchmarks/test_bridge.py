"""What the rollout costs: a crossing in either direction, and an operation at off and at shadow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from codeagent._runtime.loops import choose_loop
from codeagent.rollout.audit import Audit
from codeagent.rollout.bridge import Bridge
from codeagent.rollout.capability import Capability
from codeagent.rollout.client import Evaluation
from codeagent.rollout.metrics import Metrics
from codeagent.rollout.observation import Observation
from codeagent.rollout.override import Override
from codeagent.rollout.router import Router, assigned
from codeagent.rollout.shadow import Shadow
from codeagent.rollout.stages import Stage
from codeagent.rollout.subject import Subject
from codeagent.rollout.switch import Pair, Switch
from codeagent.rollout.watch import Watch

from . import measure

COUNT = 200
CROSSING = 150.0  # microseconds, at most
OPERATION = {Stage.OFF: 60.0, Stage.SHADOW: 100.0}


def answer() -> int:
    return 1


async def aanswer() -> int:
    return 1


@pytest.fixture(scope="module")
def bridge() -> Iterator[Bridge]:
    with Bridge(loop_factory=choose_loop().factory) as made:
        yield made


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=choose_loop().factory) as made:
        yield made


def test_a_crossing(bridge: Bridge, runner: asyncio.Runner, row: Callable[..., None]) -> None:
    """Beside the standard library's own, in pairs."""

    def into_the_loop() -> None:
        for _ in range(COUNT):
            bridge.call(aanswer)

    async def portal() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    loop = bridge.call(portal)

    def by_the_library() -> None:
        for _ in range(COUNT):
            asyncio.run_coroutine_threadsafe(aanswer(), loop).result()

    async def into_threads() -> None:
        for _ in range(COUNT):
            await bridge.acall(answer)

    async def into_its_threads() -> None:
        for _ in range(COUNT):
            await asyncio.to_thread(answer)

    for name, ours, theirs in (
        ("sync to async", into_the_loop, by_the_library),
        (
            "async to sync",
            lambda: runner.run(into_threads()),
            lambda: runner.run(into_its_threads()),
        ),
    ):
        ratio = measure.paired(ours, theirs, rounds=30)
        each, other = ratio.best / COUNT * 1e6, ratio.peer / COUNT * 1e6
        row(
            f"crossing, {name}",
            f"{each:.0f} us (library {other:.0f} us, {ratio})",
            value=each,
            below=CROSSING,
            target=f"{CROSSING:.0f} us",
        )


class Fixed:
    """Flags that always say the same."""

    generation = 1

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def evaluate(self, key: str, subject: Subject) -> Evaluation:
        return Evaluation(self._stage, "FALLTHROUGH", 1, 0)


@pytest.mark.parametrize("stage", OPERATION)
def test_an_operation(
    stage: Stage, bridge: Bridge, tmp_path: Path, row: Callable[..., None]
) -> None:
    """Beside the plain call: what the switch, metrics, guard and audit trail add for the caller.

    At shadow every operation gets its candidate, and a comparison.
    """
    shadow = Shadow(bridge, limit=10_000)
    capability = Capability("files-read")
    metrics, audit = Metrics([capability.name]), Audit(tmp_path / "audit.jsonl", clock=time.time)
    watch = Watch([capability], Override(tmp_path / "guard.json"), audit.transition)

    def observe(seen: Observation) -> None:
        metrics.observe(seen)
        watch.observe(seen)
        audit.operation(seen)

    switch = Switch(bridge, shadow, observe)
    override = Override(tmp_path / "override.json")
    router = Router([capability], Fixed(stage), override, prefix="b")
    pair = Pair(capability, answer, aanswer)

    def switched() -> None:
        for _ in range(COUNT):
            switch.call(pair)

    def plain() -> None:
        for _ in range(COUNT):
            answer()

    def alone() -> float:
        """Seconds that the caller waits while nothing of an earlier operation is left."""
        spent = 0.0
        for _ in range(COUNT):
            began = time.perf_counter()
            switch.call(pair)
            spent += time.perf_counter() - began
            shadow.drain(60)
        return spent

    with assigned(router.decide(Subject("t"), 0.0)):
        burst = measure.paired(switched, plain, rounds=15)
        shadow.drain(60)
        each = (min(alone() for _ in range(15)) - burst.peer) / COUNT * 1e6
    audit.close()
    target = OPERATION[stage]
    row(
        f"operation at {stage}, added",
        f"{each:.1f} us ({burst.best / COUNT * 1e6:.1f} us back to back)",
        value=each,
        below=target,
        target=f"{target:.0f} us",
    )
