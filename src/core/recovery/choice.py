"""The choice of the step that follows on a failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from ..failure import Failure, FailureKind, Step
from ..times import countdown
from .history import Tried
from .policy import Policy, backoff

MARGIN: Final = 5.0
"""Seconds after a reset before the quota is used again: clocks differ."""

_K = FailureKind

_AWAITED: Final[Mapping[FailureKind, str]] = {
    _K.QUOTA: "for the quota ",
    _K.BILLING: "for the bill to be paid ",
    _K.RATE_LIMIT: "for the rate limit ",
    _K.OVERLOADED: "for the provider ",
    _K.SERVER_ERROR: "for the provider ",
    _K.NETWORK: "for the network ",
    _K.DISK_FULL: "for free disk space ",
}

_ADVICE: Final[Mapping[FailureKind, str]] = {
    _K.CONTEXT_OVERFLOW: "split the task, or choose a model with a larger context",
    _K.CONFIGURATION: "correct the configuration",
    _K.AUTHENTICATION: "log the agent in, or set its key",
    _K.QUOTA: "raise the quota, or configure another model or agent",
    _K.BILLING: "pay the provider, or configure another agent",
    _K.MODEL_UNAVAILABLE: "configure a model that the account may use",
    _K.AGENT_MISSING: "install the agent, or correct its path",
    _K.NETWORK: "check the connection to the provider",
    _K.VERIFY_FAILED: "look at the output of the checks",
    _K.BASE_FAILING: "mend that on the target branch first",
    _K.CONFLICT: "join the work with the target branch",
    _K.REFUSED: "reword the task",
    _K.SETUP_FAILED: "run the set-up command by hand in the workspace",
    _K.DISK_FULL: "free disk space",
}

_GOING_ON: Final[Mapping[FailureKind, str]] = {
    _K.NO_REPORT: "The work may be done, but its report is not there or not complete",
    _K.NO_CHANGES: "Nothing in the project has changed",
    _K.VERIFY_FAILED: "The project's own checks do not pass",
    _K.BASE_FAILING: "The project's own checks do not pass, with the work or without it",
    _K.CONFLICT: "The work conflicts with what has landed on the target branch meanwhile",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What to do now.

    Nothing starts before ``not_before`` (seconds since the epoch); for a
    person's turn it means nothing.  The next run goes on in the chat
    ``session`` if there is one, with ``preamble`` ahead of the instruction, and
    in a new one otherwise, by ``agent`` with ``model`` (None: its default).
    With ``snapshot`` the workspace is recorded first; with ``restore`` it is
    then taken back to the last accepted state.  ``attention`` is what a person
    has to know; None if nobody is needed.
    """

    step: Step
    not_before: float
    message: str
    model: str | None = None
    agent: str | None = None
    session: str | None = None
    preamble: str = ""
    snapshot: bool = False
    restore: bool = False
    attention: str | None = None


UNRESTORED: Final = (
    "An earlier attempt at this instruction was broken off, and what it changed is still there. "
    "Look at it first (git status, git diff), and go on from it or undo it.\n\n"
)
"""What an agent is told ahead of an instruction that is begun anew where nothing can be restored."""


def decide(
    failure: Failure,
    history: Sequence[Tried],
    policy: Policy,
    now: float,
    *,
    session: str | None = None,
    model: str | None = None,
    agent: str | None = None,
    models: Sequence[str] = (),
    agents: Sequence[str] = (),
    zone: tzinfo | None = None,
) -> Recovery:
    """The step that follows on ``failure``.

    ``history`` is what was tried since the last instruction that succeeded;
    append `tried` to it.  ``session``, ``model`` and ``agent`` are those that
    failed; ``models`` are all that this agent may be asked for and ``agents``
    all that there are, in order of preference.  As every step but the last
    uses up one of a finite number, asking again and again ends with a person.
    """
    choice = _Choice(failure, history, policy, now, session, model, agent, zone)
    if len(history) < policy.max_steps:
        for step, times in policy.rules[failure.kind]:
            if choice.taken(step) >= times:
                continue
            recovery: Recovery | None
            match step:
                case Step.SAME_CHAT:
                    recovery = choice.same_chat()
                case Step.FRESH:
                    recovery = choice.fresh()
                case Step.OTHER_MODEL:
                    recovery = choice.other_model(models)
                case Step.OTHER_AGENT:
                    recovery = choice.other_agent(agents)
                case Step.WAIT:
                    recovery = choice.wait()
                case Step.PARK:
                    recovery = choice.park()
                case Step.PERSON:
                    recovery = choice.person()
            if recovery is not None:
                return recovery
    return choice.person()


def tried(
    failure: Failure, recovery: Recovery, *, model: str | None = None, agent: str | None = None
) -> Tried:
    """The entry for the history; ``model`` and ``agent`` are those that failed."""
    return Tried(failure.kind, recovery.step, model, agent, failure.tools_ran)


@dataclass(frozen=True, slots=True)
class _Choice:
    """The steps as they would be taken now, None for one that is not possible."""

    failure: Failure
    history: Sequence[Tried]
    policy: Policy
    now: float
    session: str | None
    model: str | None
    agent: str | None
    zone: tzinfo | None

    def taken(self, step: Step) -> int:
        """How often ``step`` was taken after failures of this kind."""
        kind = self.failure.kind
        return sum(entry.kind is kind and entry.step is step for entry in self.history)

    def same_chat(self) -> Recovery | None:
        if self._chat() is None:
            return None
        return self._go_on(Step.SAME_CHAT, self._delay(), "goes on in the same chat", chat=True)

    def fresh(self) -> Recovery:
        return self._go_on(Step.FRESH, self._delay(), "starts again in a new chat")

    def other_model(self, models: Sequence[str]) -> Recovery | None:
        gone = {entry.model for entry in self.history if entry.agent == self.agent} | {self.model}
        name = next((name for name in models if name not in gone), None)
        if name is None:
            return None
        message = f"goes on with the model {name}"
        return self._go_on(Step.OTHER_MODEL, self.policy.model_delay, message, model=name)

    def other_agent(self, agents: Sequence[str]) -> Recovery | None:
        gone = {entry.agent for entry in self.history} | {self.agent}
        name = next((name for name in agents if name not in gone), None)
        if name is None:
            return None
        message = f"goes on with the agent {name}"
        return self._go_on(Step.OTHER_AGENT, 0.0, message, agent=name, default_model=True)

    def wait(self) -> Recovery | None:
        delay = self._reset_in()
        if delay is None:
            usual = self._delay() if self.policy.wait is None else self.policy.wait
            delay = min(usual, self.policy.longest_wait)
        elif delay > self.policy.longest_wait:
            return None
        message = f"waits {self._awaited()}{self._until(delay)}"
        return self._go_on(Step.WAIT, delay, message, chat=True)

    def park(self) -> Recovery:
        delay = self._reset_in()
        if delay is None:
            delay = self.policy.park
        message = f"parked {self._awaited()}{self._until(delay)}: {self.failure.reason}"
        return self._go_on(Step.PARK, delay, message, chat=True, attention=message)

    def person(self) -> Recovery:
        message = f"needs a person: {self.failure.reason}"
        if advice := _ADVICE.get(self.failure.kind):
            message = f"{message}; {advice}"
        return self._go_on(Step.PERSON, 0.0, message, chat=True, attention=message)

    def _go_on(
        self,
        step: Step,
        delay: float,
        message: str,
        *,
        chat: bool = False,
        model: str | None = None,
        agent: str | None = None,
        default_model: bool = False,
        attention: str | None = None,
    ) -> Recovery:
        session = self._chat() if chat else None
        changed = self.failure.tools_ran or any(entry.tools_ran for entry in self.history)
        return Recovery(
            step=step,
            not_before=self.now + max(0.0, delay),
            message=message,
            model=None if default_model else model or self.model,
            agent=agent or self.agent,
            session=session,
            preamble=self._preamble() if session is not None else "",
            snapshot=changed,
            restore=changed and session is None,
            attention=attention,
        )

    def _chat(self) -> str | None:
        """The chat that failed, if it can be gone on with."""
        return None if self.failure.chat_lost else self.session

    def _delay(self) -> float:
        kind = self.failure.kind
        return backoff(kind, sum(entry.kind is kind for entry in self.history))

    def _reset_in(self) -> float | None:
        at = self.failure.reset_at
        return None if at is None or at <= self.now else at - self.now + MARGIN

    def _awaited(self) -> str:
        return _AWAITED.get(self.failure.kind, "")

    def _until(self, delay: float) -> str:
        return f"until {countdown(self.now + delay, self.now, self.zone)}"

    def _preamble(self) -> str:
        why = _GOING_ON.get(self.failure.kind, "Your last turn ended before it was complete")
        return (
            f"{why}: {self.failure.reason}\n"
            "Look at what is done already, then complete the instruction, which follows again.\n\n"
        )
