"""The predecessor's fall-back from one model of Cursor to others.

When a model other than the first has helped, or the first could not be paid,
the first fall-back model alone is asked for the next hour, or 25 successes,
and after the hour the first one is on trial for five minutes.  This is kept in
``data/.codeagent_fallback_state.json``, which the predecessor reads as well.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

from .config import Config
from .failure import FailureKind, Step
from .lenient import count, mapping
from .recovery import DEFAULTS, Policy, Rules, policy_of

STATE_FILE: Final = "data/.codeagent_fallback_state.json"
"""Relative to the directory of the predecessor's installation."""

ACTIVE_SECONDS: Final = 3600.0
TRIAL_SECONDS: Final = 300.0
MOST_REQUESTS: Final = 25

_K = FailureKind
_CLASSES: Final = {
    "billing_error": {_K.BILLING, _K.QUOTA},
    "timeout": {_K.TIMED_OUT, _K.STALLED},
    "model_unavailable": {_K.MODEL_UNAVAILABLE},
    "unknown_error": {
        _K.CONTEXT_OVERFLOW, _K.RATE_LIMIT, _K.OVERLOADED, _K.SERVER_ERROR, _K.NETWORK,
        _K.AGENT_CRASHED, _K.KILLED, _K.NO_RESULT, _K.UNKNOWN,
    },
}  # fmt: skip
_UNPAID: Final = frozenset({_K.BILLING, _K.QUOTA})
_RETRIED: Final = 2  # further attempts after trouble with the network
_RETRY_DELAY: Final = 5.0
_LATEST: Final = 1e11


@dataclass(frozen=True, slots=True)
class FallbackState:
    """Whether the first fall-back model stands in; times are seconds since the epoch."""

    fallback_active: bool = False
    fallback_until: float = 0.0
    request_count: int = 0
    max_requests: int = MOST_REQUESTS
    last_billing_error: float = 0.0

    def at(self, now: float) -> FallbackState:
        """The state once its time or its requests have run out, otherwise as it is."""
        if self.fallback_active and self.request_count >= self.max_requests:
            return replace(self, fallback_active=False, fallback_until=0.0)
        if self.fallback_active and now >= self.fallback_until:
            return replace(
                self, fallback_active=False, request_count=0, fallback_until=now + TRIAL_SECONDS
            )
        return self

    def models(
        self, first: str, others: Sequence[str], *, most: int, now: float
    ) -> tuple[str, ...]:
        """The models to ask, in order; ``most`` is how many at most."""
        if self.at(now).fallback_active and others:
            return (others[0],)
        return (first, *others[: max(0, most - 1)])

    def succeeded(self, now: float, *, fell_back: bool) -> FallbackState:
        """After a success; it ``fell_back`` if another model had failed before."""
        state = self.at(now)
        if state.fallback_active:
            return replace(state, request_count=state.request_count + 1).at(now)
        return state._activated(now) if fell_back else state

    def failed(self, kind: FailureKind, now: float) -> FallbackState:
        """After a failure: of one that is not paid, or of a model on trial."""
        state = self.at(now)
        if kind in _UNPAID:
            return replace(state._activated(now), last_billing_error=now)
        on_trial = not state.fallback_active and now < state.fallback_until
        return state._activated(now) if on_trial else state

    def _activated(self, now: float) -> FallbackState:
        if self.fallback_active:
            return self
        return replace(
            self, fallback_active=True, request_count=0, fallback_until=now + ACTIVE_SECONDS
        )

    def to_json(self) -> bytes:
        """The document as the predecessor writes it."""
        return (json.dumps(asdict(self), indent=2) + "\n").encode()


def read_state(data: bytes | None) -> FallbackState:
    """The state of a document; whatever cannot be read has its default."""
    try:
        document = mapping(json.loads((data or b"{}").decode("utf-8-sig")))
    except (ValueError, RecursionError):
        return FallbackState()
    return FallbackState(
        fallback_active=document.get("fallback_active") is True,
        fallback_until=_time(document.get("fallback_until")),
        request_count=count(document.get("request_count")),
        max_requests=count(document.get("max_requests")) or MOST_REQUESTS,
        last_billing_error=_time(document.get("last_billing_error")),
    )


def predecessors_policy(config: Config) -> Policy:
    """The predecessor's order of things as a table: other models, then another attempt.

    Failures that it does not fall back on end the instruction, as all do whose
    models are used up.
    """
    resilience = config.cursor.cli.resilience
    enabled: set[FailureKind] = set()
    if resilience.enable_fallback:
        for name in resilience.fallback_on_errors:
            enabled |= _CLASSES.get(name, set())
    others = max(0, resilience.max_fallback_attempts - 1)
    rules: dict[FailureKind, Rules] = {}
    for kind in DEFAULTS:
        steps: list[tuple[Step, int]] = []
        if kind in enabled and others:
            steps.append((Step.OTHER_MODEL, others))
        if kind is _K.NETWORK:
            steps.append((Step.WAIT, _RETRIED))
        rules[kind] = tuple(steps)
    return Policy(
        rules=rules,
        longest_wait=config.recovery.longest_wait,
        park=config.recovery.park,
        max_steps=config.recovery.max_steps,
        model_delay=resilience.fallback_retry_delay,
        wait=_RETRY_DELAY,
    )


def policy_for(config: Config) -> Policy:
    """The table for a configuration, which may be the predecessor's."""
    return predecessors_policy(config) if config.predecessor else policy_of(config.recovery)


def _time(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 <= value < _LATEST else 0.0
