"""Ports of either core with the rollout between, in this process."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from codeagent._runtime.loops import choose_loop
from codeagent.rollout.control import Rollout
from codeagent.rollout.guard import Policy
from codeagent.rollout.router import assigned
from codeagent.rollout.stages import Colour
from codeagent.rollout.subject import Subject
from codeagent.routing.capabilities import CAPABILITIES, PREFIX
from codeagent.routing.routes import Routes
from codeagent.routing.seam import SeamBlocking
from tests.support.rollouts import put


class Rig:
    """One core with its own ports; `do` runs an operation of a port for one task."""

    def __init__(self, path: str, rollout: Rollout, own: Any, theirs: Any, seam: Any) -> None:
        self.path = path
        self.rollout = rollout
        self.own = own
        self.theirs = theirs
        self._seam = seam

    def do(self, work: Callable[[Any], Any], task: str = "task-1") -> Any:
        """``work(ports)``, waited for if it has to be, in a server of its own."""

        async def awaited() -> Any:
            async with self.own as ports:
                found = work(ports)
                return await found if inspect.isawaitable(found) else found

        def called() -> Any:
            with self.own as ports:
                return work(ports)

        with assigned(self.rollout.begin(Subject(task))):
            return self._seam.run(awaited if self.path == "async" else called)

    def counts(self, capability: str) -> tuple[int, int]:
        """How many operations the synchronous and the asynchronous path have run."""
        counts = self.rollout.watch.sample(capability).counts
        return counts[Colour.SYNC].n, counts[Colour.ASYNC].n

    def compared(self, capability: str) -> tuple[int, int]:
        """How many results were compared, and how many of them differed."""
        self.rollout.shadow.drain(10)
        found = self.rollout.metrics[capability]
        return found.matches + found.differences, found.differences


@contextlib.contextmanager
def rigged(
    directory: Path, path: str, environment: dict[str, str], http: Any = None, **stages: str
) -> Iterator[Rig]:
    """A core on ``path`` with capabilities on some stages, for all tasks."""
    rollout = Rollout(
        directory / "rollout",
        CAPABILITIES,
        prefix=PREFIX,
        environment={},
        blocking=SeamBlocking(),
        loop_factory=choose_loop("asyncio").factory,
        policy=Policy(),
    )
    rollout.install()
    put(rollout, **stages)
    rollout.start(wait=10)
    other = "sync" if path == "async" else "async"

    def ports(colour: str, routes: Routes | None) -> Any:
        prefix = "Async" if colour == "async" else ""
        module = import_module(f"codeagent._{colour}.ports")
        made = getattr(module, f"{prefix}Ports")
        return made(environment, state=directory, http=http, routes=routes)

    theirs = ports(other, None)
    module = import_module(f"codeagent._{other}.ports")
    whole = getattr(module, "AsyncOtherPorts" if other == "async" else "OtherPorts")(theirs)
    across = rollout.bridge.call if other == "async" else (lambda work: work())
    across(whole.open)
    seam = import_module(f"codeagent._runtime.{path}_runtime")
    try:
        own = ports(path, Routes(rollout, path, theirs))
        yield Rig(path, rollout, own, theirs, seam)
    finally:
        across(whole.close)
        rollout.close()
