"""What the LLM layer does, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..breaker import BreakerState
from ..http import BOUNDS, HTTPSnapshot, Server
from ..prometheus import Labels, Sample, family, histogram
from .budget import Spending


@dataclass(frozen=True, slots=True, kw_only=True)
class LLMSnapshot:
    """Everything at one moment; ``statistics`` has the predecessor's shape."""

    network: HTTPSnapshot
    questions: int
    shared: int
    cached: int
    in_flight: int
    spending: Mapping[str, Spending]
    tasks: Mapping[str, Spending]
    statistics: Mapping[str, Any]


_STATES = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}


def prometheus(seen: LLMSnapshot) -> str:
    """The snapshot as text, every metric with its help and type."""
    network, pool = seen.network, seen.network.pool
    lines: list[str] = []
    for name, help_, value in (
        ("connections", "Open connections.", pool.connections),
        ("connections_idle", "Open connections without a request.", pool.idle),
        ("streams", "Requests under way.", pool.streams),
        ("waiting", "Requests that wait for a connection.", pool.waiting),
        ("reuse_ratio", "Share of requests that needed no new connection.", pool.reuse_ratio),
        ("questions_in_flight", "Questions that are being asked.", seen.in_flight),
    ):
        lines += _metric(name, "gauge", help_, [({}, value)])
    for name, help_, count in (
        ("requests", "Requests sent.", pool.requests),
        ("waits", "Requests that had to wait for a connection.", pool.waited),
        ("handshakes", "Connections made.", pool.handshakes),
        ("goaways", "Connections that a server has wound up.", pool.goaways),
        ("resent", "Requests sent again on another connection.", pool.resent),
        ("attempts", "Attempts at a request.", network.attempts),
        ("retries", "Attempts after the first.", network.retries),
        ("failures", "Requests given up.", network.failures),
        ("questions", "Questions asked.", seen.questions),
        ("questions_shared", "Questions that joined one in flight.", seen.shared),
        ("questions_cached", "Questions answered from the cache.", seen.cached),
    ):
        lines += _metric(f"{name}_total", "counter", help_, [({}, count)])
    states = [(_of(key), float(_STATES[each.state])) for key, each in network.breakers.items()]
    opened = [(_of(key), float(each.times_opened)) for key, each in network.breakers.items()]
    pauses = [(_of(key), wait) for key, wait in network.pauses.items()]
    lines += _metric("breaker_state", "gauge", "0 closed, 1 half-open, 2 open.", states)
    lines += _metric("breaker_opened_total", "counter", "How often a breaker opened.", opened)
    lines += _metric("rate_limit_seconds", "gauge", "Wait that a rate limit asks for.", pauses)
    tokens = [
        ({"model": model, "kind": kind}, float(count))
        for model, spent in seen.spending.items()
        for kind, count in (("input", spent.input), ("output", spent.output))
    ]
    costs = [({"model": model}, spent.cost) for model, spent in seen.spending.items()]
    lines += _metric("tokens_total", "counter", "Tokens used.", tokens)
    lines += _metric("cost_usd_total", "counter", "USD spent.", costs)
    lines += histogram(
        "codeagent_llm_answer_seconds",
        "Time until an answer was complete.",
        BOUNDS,
        ((_of(key), each.counts, each.total) for key, each in network.latencies.items()),
    )
    return "\n".join(lines) + "\n"


def _of(server: Server) -> Labels:
    return {"origin": server[0], "model": server[1]}


def _metric(
    name: str, kind: Literal["counter", "gauge"], help_: str, samples: Iterable[Sample]
) -> Iterator[str]:
    return family(f"codeagent_llm_{name}", kind, help_, samples)
