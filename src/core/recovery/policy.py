"""The table: which steps follow on which kind of failure, and how long they are put off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ..config.recovery import RecoverySettings
from ..failure import FailureKind, Step

_K, _S = FailureKind, Step
Rules = tuple[tuple[Step, int], ...]
"""Steps in order, and how often each may be taken."""

DEFAULTS: Final[Mapping[FailureKind, Rules]] = {
    _K.CONTEXT_OVERFLOW: ((_S.FRESH, 1), (_S.OTHER_MODEL, 1)),
    _K.CONFIGURATION: ((_S.OTHER_AGENT, 2),),
    _K.AUTHENTICATION: ((_S.OTHER_AGENT, 2),),
    _K.QUOTA: ((_S.WAIT, 8), (_S.OTHER_MODEL, 3), (_S.OTHER_AGENT, 2), (_S.PARK, 3)),
    _K.BILLING: ((_S.OTHER_AGENT, 2),),
    _K.RATE_LIMIT: ((_S.WAIT, 6), (_S.OTHER_MODEL, 3), (_S.OTHER_AGENT, 2), (_S.PARK, 3)),
    _K.OVERLOADED: ((_S.WAIT, 5), (_S.OTHER_MODEL, 3), (_S.OTHER_AGENT, 2), (_S.PARK, 3)),
    _K.SERVER_ERROR: ((_S.WAIT, 4), (_S.OTHER_MODEL, 1), (_S.OTHER_AGENT, 1), (_S.PARK, 3)),
    _K.NETWORK: ((_S.WAIT, 6), (_S.PARK, 6)),
    _K.MODEL_UNAVAILABLE: ((_S.OTHER_MODEL, 3), (_S.OTHER_AGENT, 2)),
    _K.AGENT_MISSING: ((_S.OTHER_AGENT, 2),),
    _K.AGENT_CRASHED: ((_S.SAME_CHAT, 1), (_S.FRESH, 1), (_S.OTHER_AGENT, 1)),
    _K.KILLED: ((_S.SAME_CHAT, 2), (_S.FRESH, 1)),
    _K.STALLED: ((_S.SAME_CHAT, 2), (_S.FRESH, 1), (_S.OTHER_MODEL, 1)),
    _K.TIMED_OUT: ((_S.SAME_CHAT, 1), (_S.FRESH, 1)),
    _K.NO_RESULT: ((_S.SAME_CHAT, 1), (_S.FRESH, 1), (_S.OTHER_AGENT, 1)),
    _K.NO_REPORT: ((_S.SAME_CHAT, 2), (_S.FRESH, 1)),
    _K.NO_CHANGES: ((_S.SAME_CHAT, 1), (_S.FRESH, 1), (_S.OTHER_MODEL, 1)),
    _K.VERIFY_FAILED: ((_S.SAME_CHAT, 3), (_S.FRESH, 1), (_S.OTHER_MODEL, 1)),
    _K.BASE_FAILING: ((_S.FRESH, 1),),  # the task may be the one that is to mend it
    _K.CHECKS_UNUSABLE: (),
    _K.CONFLICT: ((_S.SAME_CHAT, 2), (_S.FRESH, 1)),
    _K.REFUSED: (),
    _K.SETUP_FAILED: ((_S.FRESH, 1),),
    _K.DISK_FULL: ((_S.WAIT, 4), (_S.PARK, 3)),
    _K.CANCELLED: (),
    _K.UNKNOWN: ((_S.SAME_CHAT, 1), (_S.FRESH, 1), (_S.OTHER_MODEL, 1)),
}
"""What follows unless it is configured; at the end of each list stands a person."""

_TIMES: Final[Mapping[Step, int]] = {_S.WAIT: 5, _S.OTHER_MODEL: 3, _S.OTHER_AGENT: 2, _S.PARK: 3}

# The first and the longest delay in seconds; it doubles in between.
_BACKOFF: Final[Mapping[FailureKind, tuple[float, float]]] = {
    _K.QUOTA: (900, 3600),
    _K.RATE_LIMIT: (60, 900),
    _K.OVERLOADED: (60, 600),
    _K.SERVER_ERROR: (15, 300),
    _K.NETWORK: (10, 300),
    _K.DISK_FULL: (60, 600),
    _K.AGENT_CRASHED: (5, 60),
    _K.KILLED: (10, 60),
    _K.NO_RESULT: (5, 60),
    _K.SETUP_FAILED: (10, 60),
    _K.UNKNOWN: (5, 60),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Rules for every kind of failure, and limits; times are in seconds.

    ``model_delay`` lies between two models; ``wait`` is how long each wait takes
    for which no time is known, None for the usual ones, which grow.
    """

    rules: Mapping[FailureKind, Rules]
    longest_wait: float
    park: float
    max_steps: int
    model_delay: float = 0.0
    wait: float | None = None


def policy_of(settings: RecoverySettings) -> Policy:
    """The default rules with those of the configuration in their place."""
    rules = dict(DEFAULTS)
    for kind in FailureKind:
        configured = getattr(settings, kind.value)
        if configured is not None:
            usual = dict(DEFAULTS[kind])
            rules[kind] = tuple(
                (step, times or usual.get(step) or _TIMES.get(step, 1))
                for step, times in configured
            )
    return Policy(
        rules=rules,
        longest_wait=settings.longest_wait,
        park=settings.park,
        max_steps=settings.max_steps,
    )


def backoff(kind: FailureKind, before: int) -> float:
    """Seconds until the next run after as many failures of this ``kind`` as there were before."""
    first, longest = _BACKOFF.get(kind, (0.0, 0.0))
    return min(longest, first * 2.0 ** min(before, 30))
