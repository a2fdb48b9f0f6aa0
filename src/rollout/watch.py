"""The guard at work: it watches in a thread of its own, and may only lower.

What cannot wait is put off in memory the moment it is seen, in whichever thread;
the file, the audit trail and everything slow follow in the guard's thread.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .capability import Capability
from .flagfile import Rung
from .guard import Outcome, Policy, Verdict, errors, judge
from .observation import Observation
from .override import Override
from .plan import Plan
from .stages import Colour, Stage
from .stall import PAUSE, Heartbeats
from .tally import Count, Sample, Severity, Tally

Record = Callable[[str, Mapping[str, Any]], None]
_KEPT_EVERY = 5.0  # seconds
_STRIKES = 3  # rounds in a row before a resource over its ceiling counts


class Watch:
    """Watches capabilities and rolls them back.

    ``record(kind, fields)`` writes a transition; ``clock`` gives seconds since the
    epoch.  ``usage()`` measures resources by name, ``ceilings`` are their maxima.
    Loops are made known to ``heartbeats``; ``baselines`` are the `baseline` figures
    of an earlier process; ``keep()`` is called now and then to store `figures`.
    """

    def __init__(
        self,
        capabilities: Iterable[Capability],
        override: Override,
        record: Record,
        *,
        policy: Policy | None = None,
        clock: Callable[[], float] = time.time,
        usage: Callable[[], Mapping[str, float]] = dict,
        ceilings: Mapping[str, float] | None = None,
        baselines: Mapping[str, Count] | None = None,
        keep: Callable[[], object] = lambda: None,
    ) -> None:
        self.policy = policy or Policy()
        self._capabilities = {capability.name: capability for capability in capabilities}
        self._tallies = {
            name: Tally(
                self.policy.most_values, (baselines or {}).get(name), self.policy.latency_floor
            )
            for name in self._capabilities
        }
        self._override = override
        self._record = record
        self._clock = clock
        self._usage = usage
        self._ceilings = ceilings or {}
        self._keep = keep
        self._keep_at = 0.0
        self._strikes: dict[str, int] = {}
        self._tripped: dict[str, str] = {}
        self.heartbeats = Heartbeats()
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self.trouble = ""

    def observe(self, seen: Observation) -> None:
        """Take an operation into account, and act at once on what cannot wait."""
        tally = self._tallies.get(seen.capability)
        if tally is None:
            return
        asynchronous = Colour.ASYNC in seen.seconds
        if asynchronous and self._is_off(seen.capability):
            return  # it was under way when the path was put off
        tally.observe(seen)
        if seen.match is False and self._capabilities[seen.capability].exact:
            self.severe(Severity.MISMATCH, seen.evidence or "the results differ", seen.capability)
        elif seen.cancelled:
            self.severe(Severity.CANCELLATION, "nobody had asked for it", seen.capability)
        elif Colour.ASYNC in seen.errors:
            test = errors(*tally.counts(), self.policy)
            if test.outcome is Outcome.ROLLBACK:
                self._trip(seen.capability, test.why)

    def severe(self, what: Severity, detail: str, *capabilities: str) -> None:
        """Roll back at once."""
        for name in capabilities:
            if not self._is_off(name):
                self._tallies[name].severe(what, detail)
                self._trip(name, f"{what}: {detail}")

    def measured(self, capability: str, measure: str, benefits: Mapping[Colour, float]) -> None:
        """A measure of one path or of both; more is better."""
        self._tallies[capability].measured(measure, benefits)

    def decided(self, plan: Plan) -> None:
        """Count the decisions that the flags' shares made for a task."""
        for name, decision in plan.decisions.items():
            if name in self._tallies and decision.reason.startswith("FALLTHROUGH"):
                self._tallies[name].decided(decision.stage)

    def began(self, capability: str, rung: Rung) -> None:
        """A capability is on another rung: what was seen before does not count for it."""
        self._tallies[capability].begin(rung, self._clock())

    def _is_off(self, name: str) -> bool:
        ceiling = self._override.ceiling(name)
        return ceiling is not None and ceiling.stage is Stage.OFF

    def _trip(self, name: str, why: str) -> None:
        if self._is_off(name):
            return
        self._tripped[name] = why
        self._override.trip(name, reason=why, actor="guard", now=self._clock(), durable=False)
        self._wake.set()

    def baseline(self, capability: str) -> Count:
        """What is known of the synchronous path's errors, to be kept for the next process."""
        return self._tallies[capability].counts()[0]

    def sample(self, capability: str) -> Sample:
        """What was seen of a capability on its rung."""
        return self._tallies[capability].sample()

    def figures(self) -> dict[str, Any]:
        """Everything that was seen, as JSON."""
        return {name: tally.to_json() for name, tally in self._tallies.items()}

    def restore(self, figures: Mapping[str, Any]) -> None:
        """Go on with the `figures` of an earlier process, as far as they can be understood."""
        for name, tally in self._tallies.items():
            with contextlib.suppress(KeyError, TypeError, ValueError):
                tally.restore(figures[name])

    def verdict(self, capability: str) -> Verdict:
        """What the tests say by now."""
        return judge(
            self._capabilities[capability],
            self._tallies[capability].sample(),
            self.policy,
            self._clock(),
        )

    def look(self) -> dict[str, Verdict]:
        """One round: judge everything that is not off, roll back, and make trips durable."""
        self._resources()
        found = {}
        for name, tally in self._tallies.items():
            found[name] = verdict = self.verdict(name)
            if verdict.outcome is Outcome.ROLLBACK and tally.counts()[1].n:
                self._trip(name, "; ".join(verdict.because(Outcome.ROLLBACK)))
        self._settle(found)
        if self._stopping or time.monotonic() >= self._keep_at:
            self._keep_at = time.monotonic() + _KEPT_EVERY
            self._keep()
        return found

    def _resources(self) -> None:
        found = self._usage()
        for name, most in self._ceilings.items():
            over = found.get(name, 0.0) > most
            self._strikes[name] = self._strikes.get(name, 0) + 1 if over else 0
            if self._strikes[name] == _STRIKES:
                used = [key for key, tally in self._tallies.items() if tally.counts()[1].n]
                self.severe(Severity.CEILING, f"{name} is {found[name]:g} of {most:g}", *used)

    def _settle(self, verdicts: Mapping[str, Verdict]) -> None:
        """Write down what was tripped, and begin anew."""
        for name, why in list(self._tripped.items()):
            tally = self._tallies[name]
            before = tally.sample()
            fields = {
                "capability": name,
                "actor": "guard",
                "from": str(before.rung),
                "to": Stage.OFF.value,
                "why": why,
                "tests": [test.to_json() for test in verdicts[name].tests],
            }
            try:
                self._override.settle()
                self._record("rollback", fields)
            except OSError as error:  # in force all the same; the next round tries again
                self.trouble = str(error)
                continue
            tally.forget(self._clock())
            del self._tripped[name]
            self.trouble = ""

    def start(self, interval: float = 1.0) -> None:
        """Look every ``interval`` seconds, and at once after a trip, in a thread."""
        self._thread = threading.Thread(
            target=self._run, args=(interval,), name="rollout.guard", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Look once more, and end."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, interval: float) -> None:
        while not self._stopping:
            self._pause(interval)
            try:
                self.look()
            except Exception as error:  # a guard that fails must not be silent, nor end
                self.trouble = f"{type(error).__name__}: {error}"

    def _pause(self, interval: float) -> None:
        until = time.monotonic() + interval
        while not self._stopping and (now := time.monotonic()) < until:
            pause = min(PAUSE, until - now)
            woken = self._wake.wait(pause)
            self._wake.clear()
            late = 0.0 if woken else time.monotonic() - now - pause
            for seconds, capabilities in self.heartbeats.look(late):
                self.severe(Severity.STALL, f"no turn for {seconds:.1f} s", *capabilities)
            if self._tripped:
                return
