"""Everything together in one directory, and what an operator can do with it.

``flags.json`` says how far each capability is to go, ``override.json`` what holds it
down, ``audit.jsonl`` what happened, ``figures.json`` how the paths do, ``evidence/``
where they differed.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from .audit import Audit
from .bridge import Blocking, Bridge, LoopFactory
from .capability import Capability, flag_key
from .client import ClientConfig, FlagClient
from .evidence import Evidence, Redact
from .files import locked, read, write_durably
from .flagfile import (
    Document,
    FlagFileError,
    Rung,
    default_document,
    dump,
    get_rung,
    parse,
    problems,
    set_rung,
)
from .guard import Advance, Conditions, History, Policy, Verdict, advance, unmet_by
from .ladder import next_rung
from .metrics import Metrics
from .observation import Observation
from .override import ALL, Override
from .plan import Decision, Plan
from .router import Assignment, Router
from .shadow import Shadow
from .stages import Stage
from .subject import Subject
from .switch import Pair, Switch
from .watch import Watch

T = TypeVar("T")
P = ParamSpec("P")
_PATIENCE = 2.0  # seconds


class RolloutError(Exception):
    """What was asked cannot be done. The message says why, and what to do instead."""


class Rollout:
    """A program's rollout, for all its threads and loops.

    Making one touches nothing; `start` connects and watches, `close` ends that.  A
    command that only changes or shows something needs neither.  ``clock`` gives
    seconds since the epoch; ``otherwise`` is the stage of everything while there is
    neither a key nor a flag file.
    """

    def __init__(
        self,
        directory: Path,
        capabilities: Iterable[Capability],
        *,
        prefix: str,
        environment: Mapping[str, str] = os.environ,
        blocking: Blocking | None = None,
        loop_factory: LoopFactory | None = None,
        redact: Redact = lambda text: text,
        policy: Policy | None = None,
        clock: Callable[[], float] = time.time,
        usage: Callable[[], Mapping[str, float]] = dict,
        ceilings: Mapping[str, float] | None = None,
        otherwise: Stage | None = None,
    ) -> None:
        self.directory = directory
        self.flag_file = directory / "flags.json"
        self._figures = directory / "figures.json"
        self._kept = b""
        self.capabilities = {capability.name: capability for capability in capabilities}
        self._prefix = prefix
        self._clock = clock
        everything = tuple(self.capabilities.values())
        config = ClientConfig.from_environment(
            environment,
            self.flag_file,
            prefix=prefix,
            capabilities=everything,
            otherwise=otherwise,
        )
        self.streaming = bool(config.sdk_key)
        self.flags = FlagClient(config)
        self.override = Override(directory / "override.json", environment=environment)
        self.audit = Audit(directory / "audit.jsonl", clock=clock)
        self.metrics = Metrics(self.capabilities)
        self.watch = Watch(
            everything,
            self.override,
            self._record,
            policy=policy,
            clock=clock,
            usage=usage,
            ceilings=ceilings,
            keep=self._keep_figures,
        )
        self.router = Router(
            everything, self.flags, self.override, prefix=prefix, on_lowered=self._lowered
        )
        self.bridge = Bridge(blocking=blocking, loop_factory=loop_factory)
        self.shadow = Shadow(self.bridge, evidence=Evidence(directory / "evidence", redact=redact))
        self.switch = Switch(self.bridge, self.shadow, self.observe)

    def start(self, wait: float = 0.0, interval: float = 1.0) -> None:
        """Connect, and set the guard to look every ``interval`` seconds.

        Blocks at most ``wait`` seconds for the first flags: not for event loops.
        """
        self.flags.add_listener(lambda key: self._began())
        self.restore()
        self._began()
        self.flags.start()
        self.watch.start(interval)
        if wait > 0:
            self.flags.wait(wait)

    def close(self, wait: float = 5.0) -> None:
        """End everything; what runs beside gets at most ``wait`` seconds to be compared. It blocks."""
        self.shadow.drain(wait)
        self.bridge.close()
        self.watch.close()
        self.flags.close(wait)
        self.audit.close()

    def begin(self, subject: Subject) -> Assignment:
        """Decide for a task that begins; make it current with `router.assigned`."""
        return self._noted(self.router.decide(subject, self._clock()))

    def resume(self, subject: Subject, plan: str) -> Assignment:
        """Go on with a stored plan."""
        return self._noted(self.router.resume(subject, plan))

    def _noted(self, assignment: Assignment) -> Assignment:
        self.watch.decided(assignment.plan)
        for name, decision in assignment.plan.decisions.items():
            if name in self.capabilities:
                self.metrics.decided(name, decision)
        return assignment

    def call(self, pair: Pair[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run an operation for a synchronous caller."""
        return self.switch.call(pair, *args, **kwargs)

    def acall(self, pair: Pair[P, T], *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        """Run an operation for an asynchronous caller."""
        return self.switch.acall(pair, *args, **kwargs)

    def observe(self, seen: Observation) -> None:
        """Count an operation; for what does not go through `call` or `acall`."""
        self.metrics.observe(seen)
        self.watch.observe(seen)
        self.audit.operation(seen)

    def _record(self, kind: str, fields: Mapping[str, Any]) -> None:
        self.audit.transition(kind, fields)
        self.flags.track(f"{self._prefix}.{kind}", Subject(str(os.getpid())), fields)

    def _lowered(self, name: str, decision: Decision, plan: Plan) -> None:
        # Who noticed may be an event loop: the line is written by the trail's own thread.
        self.audit.note(
            "lowered",
            {
                "capability": name,
                "task": plan.task,
                "plan": plan.id,
                "to": decision.stage,
                "source": decision.source,
                "why": decision.reason,
            },
        )

    def restore(self) -> None:
        """Take up the figures that an earlier process, or another one, has kept."""
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(read(self._figures)[1])
            if isinstance(found, dict):
                self.watch.restore(found)

    def _keep_figures(self) -> None:
        data = json.dumps(self.watch.figures()).encode()
        if data != self._kept:
            write_durably(self._figures, data)
            self._kept = data

    def _began(self) -> None:
        if self.streaming or not self.flag_file.exists():
            return
        try:
            document = self.document()
        except RolloutError:
            return  # the client keeps the last good flags, and says what is wrong
        for name in self.capabilities:
            self.watch.began(name, self._rung_in(document, name))

    # What an operator does

    def install(self) -> bool:
        """Write the flag file with everything off; tells whether there was none. Raises OSError."""
        if self.flag_file.exists():
            return False
        document = default_document(
            self.capabilities.values(), prefix=self._prefix, salt=self._prefix
        )
        write_durably(self.flag_file, dump(document))
        return True

    def document(self) -> Document:
        """The flag file; raises RolloutError."""
        try:
            document = parse(read(self.flag_file)[1])
        except FileNotFoundError as error:
            raise RolloutError(f"{self.flag_file} does not exist; make it first") from error
        except (OSError, FlagFileError) as error:
            raise RolloutError(f"{self.flag_file}: {error}") from error
        found = problems(document, self.capabilities.values(), prefix=self._prefix)
        wrong = [problem for problem in found if ": missing;" not in problem]
        if wrong:
            raise RolloutError(f"{self.flag_file}: " + "; ".join(wrong))
        return document

    def _rung_in(self, document: Document, name: str) -> Rung:
        try:
            return get_rung(document, flag_key(self._prefix, name))
        except FlagFileError:
            return Rung(Stage.OFF, 0)  # a flag that is missing is off

    def rung(self, name: str) -> Rung:
        """Where the flag file has the capability; raises RolloutError."""
        self._known(name)
        return self._rung_in(self.document(), name)

    def _known(self, name: str) -> Capability:
        try:
            return self.capabilities[name]
        except KeyError:
            known = ", ".join(sorted(self.capabilities))
            raise RolloutError(f"there is no capability {name}; there are {known}") from None

    def set(self, name: str, rung: Rung, *, actor: str, reason: str) -> None:
        """Put the capability on a rung, up or down; raises RolloutError or OSError."""
        capability = self._known(name)
        if rung.stage not in capability.stages:
            stages = ", ".join(capability.stages)
            raise RolloutError(f"{name} has no stage {rung.stage}; it has {stages}")
        if self.streaming:
            raise RolloutError("the flags come from LaunchDarkly; change them there")
        with locked(self.directory / ".flags.json.lock", _PATIENCE):
            document = self.document()
            before = self._rung_in(document, name)
            try:
                changed = set_rung(document, flag_key(self._prefix, name), rung)
            except FlagFileError as error:
                raise RolloutError(str(error)) from error
            write_durably(self.flag_file, dump(changed))
        change = {"from": str(before), "to": str(rung), "actor": actor, "why": reason}
        self._record("set", {"capability": name, **change})

    def rollback(self, name: str = ALL, *, actor: str, reason: str) -> None:
        """Put the capability off, or everything, until it is lifted; raises RolloutError, OSError."""
        if name != ALL:
            self._known(name)
        self.override.trip(name, reason=reason, actor=actor, now=self._clock())
        fields = {"capability": name, "to": Stage.OFF, "actor": actor, "why": reason}
        self._record("rollback", fields)

    def lift(self, name: str, *, actor: str, reason: str) -> bool:
        """Take exactly that ceiling away; tells whether there was one. Raises RolloutError, OSError."""
        try:
            had = self.override.lift(name)
        except ValueError as error:
            raise RolloutError(str(error)) from error
        if had:
            self._record("lift", {"capability": name, "actor": actor, "why": reason})
        return had

    def conditions(self, name: str, instrument: bool | None) -> Conditions:
        """What else an advance depends on; raises RolloutError."""
        document = self.document()
        moving = []
        for other, capability in self.capabilities.items():
            rung = self._rung_in(document, other)
            if other != name and rung.stage is not Stage.OFF and next_rung(capability, rung):
                moving.append(other)
        ceiling = self.override.ceiling(name)
        held = "" if ceiling is None else f"{ceiling.stage} by {ceiling.source} {ceiling.reason}"
        history = History.of(name, self.audit.read(kind="rollback", capability=name))
        valid = self.flags.status().state in ("valid", "starting")
        return Conditions(valid, held.strip(), tuple(moving), instrument, history)

    def unmet(self, name: str, verdict: Verdict, conditions: Conditions) -> tuple[str, ...]:
        """What an advance waits for; raises RolloutError."""
        rung, policy = self.rung(name), self.watch.policy
        return tuple(unmet_by(rung, verdict, conditions, policy, self._clock()))

    def advance(
        self,
        name: str,
        verdict: Verdict,
        *,
        actor: str,
        instrument: bool | None,
        force: str = "",
    ) -> Advance:
        """Climb one rung if everything holds, or say what does not; raises RolloutError, OSError.

        ``verdict`` is that of the process whose tasks run; ``instrument`` whether A
        against A came out even there.
        """
        capability, rung = self._known(name), self.rung(name)
        conditions = self.conditions(name, instrument)
        policy, now = self.watch.policy, self._clock()
        found = advance(capability, rung, verdict, conditions, policy, now, force=force)
        if found.to is not None:
            unmet = "; ".join(found.unmet)
            why = f"forced: {found.forced} (in spite of: {unmet})" if unmet else "all holds"
            self.set(name, found.to, actor=actor, reason=why)
        return found
