"""Circuit breakers: a server that keeps failing is left alone for a while.

The states are those of M. Nygard, "Release It!": closed (requests pass), open
(none does), half-open (a few probes pass, and their outcome decides).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_SLICES: Final = 10


class BreakerState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When a breaker opens and for how long; times are in seconds.

    It opens once a share of ``ratio`` of at least ``calls`` calls of the last
    ``window`` failed.  It stays open for ``open_for``, twice as long after every
    failed probe, at most ``open_for_max``, and closes after ``probes`` good ones.
    A probe that is not heard of for ``probe_timeout`` is forgotten.
    """

    window: float = 60.0
    calls: int = 5
    ratio: float = 0.5
    open_for: float = 15.0
    open_for_max: float = 300.0
    probes: int = 1
    probe_timeout: float = 120.0


@dataclass(frozen=True, slots=True)
class Permit:
    """The permission to send one request, to be handed back with its outcome."""

    generation: int
    number: int


@dataclass(frozen=True, slots=True)
class BreakerSnapshot:
    """``successes`` and ``failures`` are those of the window, ``retry_in`` is in seconds."""

    state: BreakerState
    successes: int
    failures: int
    retry_in: float
    times_opened: int


class Breaker:
    """The breaker of one server.  Not safe across threads: the caller guards it.

    Times are those of a monotonic clock, in seconds.
    """

    __slots__ = (
        "_generation", "_number", "_policy", "_probes", "_proved", "_reopened",
        "_state", "_times_opened", "_until", "_window",
    )  # fmt: skip

    def __init__(self, policy: BreakerPolicy) -> None:
        self._policy = policy
        self._state = BreakerState.CLOSED
        self._window = _Window(policy.window)
        self._until = 0.0
        self._reopened = 0
        self._generation = 0
        self._number = 0
        self._probes: dict[int, float] = {}
        self._proved = 0
        self._times_opened = 0

    def enter(self, now: float) -> Permit | None:
        """The permission to send a request, None while the server is left alone."""
        if self._state is BreakerState.OPEN:
            if now < self._until:
                return None
            self._state = BreakerState.HALF_OPEN
            self._generation += 1
            self._probes = {}
            self._proved = 0
        self._number += 1
        if self._state is BreakerState.HALF_OPEN:
            expired = now - self._policy.probe_timeout
            self._probes = {n: at for n, at in self._probes.items() if at > expired}
            if len(self._probes) + self._proved >= self._policy.probes:
                return None
            self._probes[self._number] = now
        return Permit(self._generation, self._number)

    def succeeded(self, permit: Permit, now: float) -> None:
        """The request was answered."""
        if not self._is_current(permit):
            return
        self._window.add(now, failed=False)
        if self._state is BreakerState.HALF_OPEN:
            self._proved += 1
            if self._proved >= self._policy.probes:
                self._state = BreakerState.CLOSED
                self._generation += 1
                self._reopened = 0
                self._window = _Window(self._policy.window)

    def failed(self, permit: Permit, now: float) -> None:
        """The request failed in a way that speaks against the server."""
        if not self._is_current(permit):
            return
        self._window.add(now, failed=True)
        if self._state is BreakerState.HALF_OPEN:
            self._reopened += 1
            self._open(now)
            return
        successes, failures = self._window.counts(now)
        total = successes + failures
        if total >= self._policy.calls and failures >= self._policy.ratio * total:
            self._open(now)

    def abandoned(self, permit: Permit) -> None:
        """The request was cancelled, or failed in a way that says nothing of the server."""
        if permit.generation == self._generation:
            self._probes.pop(permit.number, None)

    def snapshot(self, now: float) -> BreakerSnapshot:
        """What can be seen from outside; an open breaker that lets a probe pass is half-open."""
        state, retry_in = self._state, 0.0
        if state is BreakerState.OPEN:
            retry_in = max(0.0, self._until - now)
            if not retry_in:
                state = BreakerState.HALF_OPEN
        return BreakerSnapshot(state, *self._window.counts(now), retry_in, self._times_opened)

    def _is_current(self, permit: Permit) -> bool:
        # An answer to a request of an earlier state says nothing about this one.
        if permit.generation != self._generation:
            return False
        if self._state is BreakerState.HALF_OPEN:
            return self._probes.pop(permit.number, None) is not None
        return self._state is BreakerState.CLOSED

    def _open(self, now: float) -> None:
        longest, wait = self._policy.open_for_max, self._policy.open_for
        self._state = BreakerState.OPEN
        self._generation += 1
        self._until = now + min(longest, wait * 2 ** min(self._reopened, 32))
        self._times_opened += 1


class Breakers:
    """One breaker for each origin (``https://host:port``) and model, made when first asked for."""

    __slots__ = ("_breakers", "_policy")

    def __init__(self, policy: BreakerPolicy) -> None:
        self._policy = policy
        self._breakers: dict[tuple[str, str], Breaker] = {}

    def of(self, origin: str, model: str) -> Breaker:
        """The breaker of that server."""
        return self._breakers.setdefault((origin, model), Breaker(self._policy))

    def snapshots(self, now: float) -> dict[tuple[str, str], BreakerSnapshot]:
        """All of them, by origin and model."""
        return {key: breaker.snapshot(now) for key, breaker in self._breakers.items()}


class _Window:
    """Counts over the last ``length`` seconds, kept in slices of a tenth of it."""

    __slots__ = ("_length", "_slices")

    def __init__(self, length: float) -> None:
        self._length = length / _SLICES
        self._slices: deque[list[int]] = deque()  # [slice, successes, failures]

    def add(self, now: float, *, failed: bool) -> None:
        current = int(now // self._length)
        if not self._slices or self._slices[-1][0] < current:
            self._slices.append([current, 0, 0])
        self._slices[-1][2 if failed else 1] += 1
        self._drop(current)

    def counts(self, now: float) -> tuple[int, int]:
        self._drop(int(now // self._length))
        return sum(each[1] for each in self._slices), sum(each[2] for each in self._slices)

    def _drop(self, current: int) -> None:
        while self._slices and self._slices[0][0] <= current - _SLICES:
            self._slices.popleft()
