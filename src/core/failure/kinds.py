"""What can go wrong with an attempt, and what can be done about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class FailureKind(StrEnum):
    """Why an attempt failed, as far as it makes a difference to what follows."""

    CONTEXT_OVERFLOW = "context_overflow"  # the chat is longer than the model takes
    CONFIGURATION = "configuration"  # the agent is not set up: options, trust, sandbox
    AUTHENTICATION = "authentication"
    QUOTA = "quota"  # an allowance is used up, and comes back by itself
    BILLING = "billing"  # somebody has to pay
    RATE_LIMIT = "rate_limit"  # too many requests a minute
    OVERLOADED = "overloaded"  # the provider has no capacity
    SERVER_ERROR = "server_error"
    NETWORK = "network"
    MODEL_UNAVAILABLE = "model_unavailable"
    AGENT_MISSING = "agent_missing"  # the program could not be started
    AGENT_CRASHED = "agent_crashed"
    KILLED = "killed"  # by a signal that did not come from here
    STALLED = "stalled"  # no sign of life
    TIMED_OUT = "timed_out"  # its time, or its number of turns, is used up
    NO_RESULT = "no_result"  # it ended without saying how
    NO_REPORT = "no_report"
    NO_CHANGES = "no_changes"  # it says that it is done, and nothing has changed
    VERIFY_FAILED = "verify_failed"
    BASE_FAILING = "base_failing"  # the checks fail without the work, too
    CHECKS_UNUSABLE = "checks_unusable"  # they cannot pass, or not be run, whoever works
    CONFLICT = "conflict"  # the work cannot be joined with what landed meanwhile
    REFUSED = "refused"  # the instruction itself is not accepted
    SETUP_FAILED = "setup_failed"  # the workspace could not be made ready
    DISK_FULL = "disk_full"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class Step(StrEnum):
    """What can follow on a failure."""

    SAME_CHAT = "same_chat"  # the agent goes on where it stopped
    FRESH = "fresh"  # a new chat, from the last accepted state
    OTHER_MODEL = "other_model"
    OTHER_AGENT = "other_agent"
    WAIT = "wait"  # until the quota is back, or a while
    PARK = "park"  # laid aside for long: a person is told, and it is tried again by itself
    PERSON = "person"  # nothing more happens until a person says so


UNUSABLE: Final = frozenset(
    {
        FailureKind.AGENT_MISSING,
        FailureKind.AUTHENTICATION,
        FailureKind.BILLING,
        FailureKind.CONFIGURATION,
    }
)
"""What every other task would meet too, until a person has seen to it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed attempt.

    ``reason`` is one line for people.  ``reset_at`` is when the quota is back,
    in seconds since the epoch.  After ``tools_ran`` the workspace may have
    changed, so the attempt cannot simply be repeated.  ``unusable``: every
    other task would fail in the same way with this agent.  ``chat_lost``: the
    chat cannot be gone on with.
    """

    kind: FailureKind
    reason: str
    reset_at: float | None = None
    tools_ran: bool = False
    unusable: bool = False
    chat_lost: bool = False
