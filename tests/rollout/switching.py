"""A switch with one capability, and both colours of one operation."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from codeagent.rollout.bridge import Bridge
from codeagent.rollout.capability import Capability
from codeagent.rollout.observation import Observation
from codeagent.rollout.override import Override
from codeagent.rollout.router import Router, assigned
from codeagent.rollout.shadow import Shadow
from codeagent.rollout.stages import STAGES, Stage
from codeagent.rollout.subject import Subject
from codeagent.rollout.switch import Pair, Switch

from .support import PREFIX, FakeFlags, Seen

ANY = Capability("any", stages=STAGES)


class Bench:
    """A switch with one capability at a stage of choice."""

    def __init__(self, directory: Path, bridge: Bridge, **shadow: Any) -> None:
        self.bridge = bridge
        self.seen = Seen()
        self.directory = directory
        self.shadow = Shadow(bridge, **shadow)
        self.switch = Switch(bridge, self.shadow, self.seen)

    def at(self, stage: Stage, capability: Capability = ANY) -> Any:
        flags = FakeFlags({"any": stage})
        override = Override(self.directory / "o.json", environment={})
        router = Router([capability], flags, override, prefix=PREFIX)
        return assigned(router.decide(Subject("task-1"), 1.0))

    def one(self) -> Observation:
        found = self.seen.wait(1)
        assert self.shadow.drain(20)
        assert len(found) == 1
        return found[0]


class Recorder:
    """Both colours of one operation; tells which ran."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    def sync(self, number: int) -> int:
        self.ran.append("sync")
        return number + 1

    async def asynchronous(self, number: int) -> int:
        self.ran.append("async")
        return number + 1

    def pair(self, capability: Capability = ANY, **more: Any) -> Pair[[int], int]:
        return Pair(capability, self.sync, self.asynchronous, **more)


CALLERS = ["sync", "async"]


def perform(bench: Bench, caller: str, pair: Pair[..., Any], *args: Any) -> Any:
    if caller == "sync":
        return bench.switch.call(pair, *args)

    async def main() -> Any:
        try:
            return await bench.switch.acall(pair, *args)
        finally:
            await asyncio.to_thread(bench.seen.wait, 1)

    return asyncio.run(main())
