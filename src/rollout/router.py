"""Which path a task takes: decided once, kept while it runs, and only ever lowered.

The plan follows the task, wherever its code runs: it is current in the context
that began it, in every task and thread that inherits the context, and, through the
environment, in child processes.
"""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from .capability import Capability, flag_key
from .client import Evaluation
from .override import Ceiling
from .plan import UNDECIDED, VARIABLE, Decision, Plan
from .stages import Stage, at_most
from .subject import Subject


class Flags(Protocol):
    """Where stages come from; `FlagClient` is one."""

    @property
    def generation(self) -> int:
        """Another number after every change."""

    def evaluate(self, key: str, subject: Subject) -> Evaluation:
        """The stage of a flag, off without an answer; must not raise or wait."""


class Ceilings(Protocol):
    """What holds stages down; `Override` is one."""

    def ceiling(self, name: str) -> Ceiling | None:
        """The lowest ceiling over a capability."""


Lowered = Callable[[str, Decision, Plan], None]


class Assignment:
    """A running task's plan, and what has become of it.

    A capability that was lowered stays so until the task ends, even if the
    reason goes away: no task changes its path twice.
    """

    def __init__(self, router: Router, subject: Subject, plan: Plan) -> None:
        self.subject = subject
        self.plan_id = plan.id
        self._router = router
        self._plan = plan
        self._checked: dict[str, int] = {}
        self._changing = threading.Lock()

    @property
    def plan(self) -> Plan:
        """The plan as it stands."""
        return self._plan

    def decision(self, capability: str) -> Decision:
        """What holds for the next operation; to be asked before each."""
        decision = self._plan.decision(capability)
        if decision.stage is Stage.OFF:
            return decision
        lower = self._router.brought_down(capability, decision, self)
        return decision if lower is decision else self._lower(capability, lower)

    def changed_since_checked(self, capability: str, generation: int) -> bool:
        """Whether a flag has changed since the last call."""
        if self._checked.get(capability) == generation:
            return False
        self._checked[capability] = generation
        return True

    def _lower(self, capability: str, decision: Decision) -> Decision:
        with self._changing:
            before = self._plan.decision(capability)
            lower = before.lowered(decision.stage, decision.source, decision.reason)
            if lower is before:  # another thread was first
                return before
            self._plan = self._plan.lowered(capability, lower)
        self._router.lowered(capability, lower, self._plan)
        return lower

    def renew(self, plan: Plan) -> None:
        """Go on with another plan: for what is no task and outlives changes of the flags."""
        with self._changing:
            self._plan = plan
            self.plan_id = plan.id
            self._checked = {}

    def environment(self) -> dict[str, str]:
        """What a child process needs in its environment to take the same paths."""
        return {VARIABLE: self._plan.to_text()}


_current: contextvars.ContextVar[Assignment | None] = contextvars.ContextVar(
    "rollout_assignment", default=None
)


def current() -> Assignment | None:
    """The assignment of the task that the caller works for."""
    return _current.get()


@contextlib.contextmanager
def assigned(assignment: Assignment) -> Iterator[Assignment]:
    """Make it the current one for the block and whatever is started in it."""
    token = _current.set(assignment)
    try:
        yield assignment
    finally:
        _current.reset(token)


class Router:
    """Makes plans.

    ``on_lowered(capability, decision, plan)`` is told of a running task that was
    brought down, in the thread whose operation noticed it.
    """

    def __init__(
        self,
        capabilities: Iterable[Capability],
        flags: Flags,
        ceilings: Ceilings,
        *,
        prefix: str,
        on_lowered: Lowered = lambda capability, decision, plan: None,
    ) -> None:
        self.capabilities = {capability.name: capability for capability in capabilities}
        self._keys = {name: flag_key(prefix, name) for name in self.capabilities}
        self._flags = flags
        self._ceilings = ceilings
        self.lowered = on_lowered

    def decide(self, subject: Subject, now: float) -> Assignment:
        """A plan for a task that begins; ``now`` is in seconds since the epoch."""
        decisions = {name: self._decide(name, subject) for name in self.capabilities}
        return Assignment(self, subject, Plan(subject.task, now, decisions))

    def resume(self, subject: Subject, text: str) -> Assignment:
        """Go on with a stored plan. One that cannot be read puts everything off."""
        try:
            plan = Plan.from_text(text)
        except ValueError as error:
            broken = Decision(source="error", reason=str(error))
            plan = Plan(subject.task, 0.0, dict.fromkeys(self.capabilities, broken))
        return Assignment(self, subject, plan)

    def inherited(self, subject: Subject, environment: Mapping[str, str]) -> Assignment | None:
        """The plan that the parent process passed on, if it did."""
        text = environment.get(VARIABLE)
        return None if text is None else self.resume(subject, text)

    def _decide(self, name: str, subject: Subject) -> Decision:
        found = self._flags.evaluate(self._keys[name], subject)
        source = "error" if found.failed else "flag"
        stage = at_most(found.stage, self.capabilities[name].stages)
        decision = Decision(stage, source, found.reason, found.version, found.variation)
        return self._under_ceiling(name, decision)

    def _under_ceiling(self, name: str, decision: Decision) -> Decision:
        ceiling = self._ceilings.ceiling(name)
        if ceiling is None:
            return decision
        capability = self.capabilities.get(name)
        stage = ceiling.stage if capability is None else at_most(ceiling.stage, capability.stages)
        return decision.lowered(stage, ceiling.source, ceiling.reason)

    def brought_down(self, name: str, decision: Decision, running: Assignment) -> Decision:
        """``decision`` itself, or a lower one: by a ceiling, or because the flag was put off.

        A share that shrinks does not touch running tasks.
        """
        if name not in self.capabilities:
            return decision.lowered(Stage.OFF, "error", "the capability is unknown here")
        lower = self._under_ceiling(name, decision)
        generation = self._flags.generation
        if lower.stage is Stage.OFF or not running.changed_since_checked(name, generation):
            return lower
        found = self._flags.evaluate(self._keys[name], running.subject)
        if found.switched_off or (found.failed and not found.unanswered):
            return lower.lowered(Stage.OFF, "error" if found.failed else "flag", found.reason)
        return lower


def in_force(capability: str) -> Decision:
    """What holds for the caller's next operation; off outside of any task."""
    assignment = _current.get()
    return UNDECIDED if assignment is None else assignment.decision(capability)
