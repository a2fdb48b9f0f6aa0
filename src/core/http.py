"""HTTP as far as it can be decided without a connection."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin, urlsplit

from .breaker import BreakerSnapshot

BOUNDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0)
"""The upper bounds of a histogram's buckets, in seconds."""

Server = tuple[str, str]
"""An origin, and the model that is asked there."""

_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolState:
    """The connections at one moment, and the totals so far.

    ``streams`` are requests under way, ``waiting`` those without a connection yet,
    ``waited`` all that ever had to wait for one.
    """

    connections: int = 0
    idle: int = 0
    streams: int = 0
    waiting: int = 0
    requests: int = 0
    waited: int = 0
    handshakes: int = 0
    reused: int = 0
    goaways: int = 0
    resent: int = 0

    @property
    def reuse_ratio(self) -> float:
        """The share of requests that needed no new connection, 0 before the first."""
        return self.reused / self.requests if self.requests else 0.0


class Histogram:
    """Counts durations by `BOUNDS`, the last count being those beyond.

    Not safe across threads: the caller guards it.
    """

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def copy(self) -> Histogram:
        """As it is now."""
        copied = Histogram()
        copied.counts, copied.total = self.counts.copy(), self.total
        return copied


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPSnapshot:
    """What a client does, and has done.

    ``pauses`` are the seconds that rate limits ask for.
    """

    pool: PoolState
    breakers: dict[Server, BreakerSnapshot]
    pauses: dict[Server, float]
    latencies: dict[Server, Histogram]
    attempts: int
    retries: int
    failures: int


def is_redirect(status: int) -> bool:
    """Whether an answer names another place for the request."""
    return status in (301, 302, 303, 307, 308)


def redirected(url: str, status: int, location: str) -> str | None:
    """Where to send a POST again that was redirected; None if that must not be.

    By RFC 9110, 15.4, only 307 and 308 keep the method and the content.  What is
    sent holds a key, so it never goes to another origin.
    """
    if status not in (307, 308) or not location:
        return None
    try:
        target = urljoin(url, location)
        same = origin(target) == origin(url)
    except ValueError:
        return None
    return target if same else None


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port. Raises `ValueError` for what is no URL."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
