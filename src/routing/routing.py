"""Which path the core takes, which plan a task has, and hearing when that changes."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._runtime.usage import read_usage
from ..core.events import Event
from ..core.task import Task
from ..core.todo import instruction_type

if TYPE_CHECKING:
    from ..rollout.control import Rollout
    from ..rollout.router import Assignment

logger = logging.getLogger(__name__)

ROLLOUT = "rollout"
"""The directory of flags, overrides and trail, in the state directory."""

PROMETHEUS = "codeagent"
"""The beginning of the names of metrics."""

PATIENCE = 2.0
"""Seconds in which the first flags have to be there; without them everything is off."""

HURRY = 3.0
"""Seconds in which a change of the core has to show for it to be at once."""

_INTERVAL = 0.1
_KEY = "LAUNCHDARKLY_SDK_KEY"
_FORCE = "ROLLOUT_FORCE"

HandOver = Callable[[str, bool], None]
"""Told why the server is to make room, and whether at once."""


@dataclass(frozen=True, slots=True)
class Core:
    """The path of the core, and whether operations go through the rollout."""

    path: str
    routed: bool = False
    reason: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``path`` is the one that is configured: ``sync`` keeps the core there.

    ``ceilings`` are the most that the process may use, by what `usage` measures.
    """

    directory: Path
    path: str
    project: Path
    environment: Mapping[str, str] = field(repr=False)
    redact: Callable[[str], str] = lambda text: text
    loop_factory: Callable[[], Any] | None = None
    ceilings: Mapping[str, float] = field(default_factory=dict)


def usage() -> dict[str, float]:
    """What the process uses: memory in bytes, descriptors, threads."""
    now = read_usage()
    return {"memory": now.memory, "files": now.files, "threads": threading.active_count()}


def most_allowed() -> dict[str, float]:
    """Ceilings for `usage`: beyond them the asynchronous path is leaking."""
    found: dict[str, float] = {"memory": 1 << 30, "threads": 1000}
    if os.name == "posix":
        import resource

        found["files"] = 0.8 * resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return found


class Routing:
    """The rollout of one project, for whichever server works on it.

    As long as there is neither a key, nor a flag file, nor an override, nothing
    of the rollout is loaded: everything takes the configured path.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._flags = settings.directory / "flags.json"
        self._overrides = settings.directory / "override.json"
        self._rollout: Rollout | None = None
        self._server: Assignment | None = None
        self._renewed: object = None
        self._assignments: dict[str, Assignment] = {}
        self._making = threading.Lock()
        self._state = threading.Lock()
        self._serving: Core | None = None
        self._hand_over: HandOver | None = None
        self._hurry_until = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rollout.core", daemon=True)

    def __enter__(self) -> Routing:
        self.wanted()
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._thread.join()
        if self._rollout is not None:
            self._rollout.close()

    @property
    def rollout(self) -> Rollout:
        """The rollout; made and started when it is first needed. Blocks: not for event loops."""
        with self._making:
            if self._rollout is None:
                made = self._made()
                made.start(wait=PATIENCE if self._has_flags() else 0.0)
                self._rollout = made
            return self._rollout

    def _made(self) -> Rollout:
        from ..rollout.control import Rollout
        from ..rollout.stages import Stage
        from .capabilities import CAPABILITIES, PREFIX
        from .seam import SeamBlocking

        ours = self._settings
        return Rollout(
            ours.directory,
            CAPABILITIES,
            prefix=PREFIX,
            environment=ours.environment,
            blocking=SeamBlocking(),
            loop_factory=ours.loop_factory,
            redact=ours.redact,
            usage=usage,
            ceilings=ours.ceilings,
            otherwise=Stage.COMPLETE if ours.path == "async" else Stage.OFF,
        )

    def _has_flags(self) -> bool:
        return bool(self._settings.environment.get(_KEY, "").strip()) or self._flags.exists()

    def _is_used(self) -> bool:
        if self._settings.environment.get(_FORCE) or self._has_flags():
            return True
        if self._rollout is not None:
            # Flags that were there once stay in force, whatever became of their file.
            known = self._rollout.flags.generation > 0
            return known or bool(self._rollout.override.entries())
        if not self._overrides.exists():
            return False
        from ..rollout.override import Override

        return bool(Override(self._overrides, environment={}).entries())

    def wanted(self) -> Core:
        """What the core is to be. Blocks when the rollout is first used."""
        from_settings = self._settings.path
        if not self._is_used():
            return Core(from_settings, reason="nothing is rolled out")
        from ..rollout.stages import Stage

        decision = self._standing(self.rollout).decision("core")
        is_async = from_settings == "async" and decision.stage is Stage.COMPLETE
        reason = f"{decision.stage} by {decision.source} {decision.reason}".strip()
        return Core("async" if is_async else "sync", True, reason)

    def _standing(self, rollout: Rollout) -> Assignment:
        """What holds outside of tasks; decided anew whenever something has changed."""
        from ..rollout.subject import Subject

        with self._state:
            names = rollout.capabilities
            now = (rollout.flags.generation, tuple(map(rollout.override.ceiling, names)))
            if self._server is None or now != self._renewed:
                about = self._about("server", f"server:{self._settings.project.name}")
                found = rollout.router.decide(Subject(**about), time.time())
                if self._server is None:
                    self._server = found
                else:
                    self._server.renew(found.plan)
                self._renewed = now
            return self._server

    def _about(self, kind: str, key: str) -> dict[str, Any]:
        import socket

        host, project = socket.gethostname(), self._settings.project.name
        attributes = {"os": os.name}
        return {
            "task": key,
            "type": kind,
            "project": project,
            "host": host,
            "host_attributes": attributes,
        }

    def standing(self) -> Assignment | None:
        """The plan for what the server does outside of tasks; None if nothing is routed."""
        with self._state:
            routed = self._serving is not None and self._serving.routed
            return self._server if routed else None

    def assign(self, task: Task) -> Assignment | None:
        """The plan of a task: the one it has, else a new one; None if nothing is routed."""
        with self._state:
            if self._rollout is None or self._serving is None or not self._serving.routed:
                return None
            known = self._assignments.get(task.id)
            if known is not None and task.plan is not None:
                return known
            from ..rollout.subject import Subject

            subject = Subject(**self._about(instruction_type(task.text), task.id))
            if task.plan is None:
                known = self._rollout.begin(subject)
            else:
                known = self._rollout.resume(subject, task.plan)
            self._assignments[task.id] = known
            return known

    def serve(self, core: Core, hand_over: HandOver) -> None:
        """Have ``hand_over`` called when another core is wanted than the one that runs now."""
        with self._state:
            self._serving, self._hand_over = core, hand_over
            self._hurry_until = 0.0
        self.look()

    def hurry(self) -> None:
        """A change of the core that was just asked for is to be at once, not at a boundary."""
        with self._state:
            self._hurry_until = time.monotonic() + HURRY
        self.look()

    def look(self) -> None:
        """Compare what is wanted with what runs. Blocks: not for event loops."""
        wanted = self.wanted()
        with self._state:
            hand_over, now = self._hand_over, time.monotonic() < self._hurry_until
            if hand_over is None or wanted == self._serving:
                return
            if not now:
                self._hand_over = None  # it was asked, and will come back for another one
            self._hurry_until = 0.0
        hand_over(wanted.reason, now)

    def _run(self) -> None:
        while not self._ended.wait(_INTERVAL):
            try:
                self.look()
            except Exception:
                logger.exception("the rollout cannot be followed")

    def note(self, event: Event) -> None:
        """A sink: how tasks fare on the path of the core."""
        rollout, standing = self._rollout, self.standing()
        seconds = event.data.get("seconds")
        if rollout is None or standing is None or not isinstance(seconds, int | float):
            return
        from ..rollout.observation import Observation
        from ..rollout.stages import Colour, Operation

        assert self._serving is not None  # noqa: S101 - else there is nothing standing
        colour = Colour(self._serving.path)
        if event.name in ("instruction.done", "instruction.failed"):
            seen = Observation(
                "core",
                Operation.WRITE,
                colour,
                standing.decision("core"),
                event.task_id or "",
                standing.plan_id,
                {colour: max(seconds, 0.0)},
                {colour: "InstructionFailed"} if event.name == "instruction.failed" else {},
            )
            rollout.observe(seen)
        elif event.name == "task.done" and seconds > 0:
            total = event.data.get("total")
            done = total if isinstance(total, int) and total > 0 else 1
            rollout.watch.measured("core", "throughput", {colour: done / seconds})
            if memory := read_usage().memory:
                rollout.watch.measured("core", "memory", {colour: 1 / memory})

    def instrument(self) -> bool | None:
        """What the newest results of the A/B gate say of this version; None: nothing."""
        from .. import __version__
        from . import gate

        found = gate.newest(gate.places(self._settings.project, Path()), __version__)
        return None if found is None else found.passed

    def metrics(self) -> str:
        """Everything for Prometheus; empty as long as nothing is rolled out."""
        if self._rollout is None:
            return ""
        from .gauges import gauges

        return self._rollout.metrics.prometheus(f"{PROMETHEUS}_rollout") + gauges(self._rollout)
