"""What the pool is doing, and what it has done so far."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Counters:
    """Totals since the transport was made.  They only grow."""

    requests: int = 0
    waited: int = 0
    handshakes: int = 0
    handshakes_failed: int = 0
    reused: int = 0
    goaways: int = 0
    retries: int = 0
    resets_received: int = 0
    resets_sent: int = 0
    pings: int = 0
    dead_peers: int = 0
    timeouts: int = 0
    idle_closed: int = 0
    evicted: int = 0


@dataclass(frozen=True, slots=True)
class OriginSnapshot:
    """One origin.  ``stream_limit`` is None until a connection has announced one."""

    origin: str
    connections: int
    connecting: int
    streams: int
    waiters: int
    stream_limit: int | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The pool at one moment.  ``draining`` connections take no new requests."""

    connections: int
    idle: int
    connecting: int
    draining: int
    streams: int
    waiters: int
    totals: Counters
    origins: tuple[OriginSnapshot, ...] = field(default=())

    @property
    def reuse_ratio(self) -> float:
        """The share of requests that needed no new connection, 0 before the first."""
        return self.totals.reused / self.totals.requests if self.totals.requests else 0.0
