"""What is told of the tasks and of the server: routes that only read."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.live import Live
from ..core.overview import QUEUED, TaskView, overview
from ..core.prometheus import CONTENT_TYPE
from ..store.overview import Overview
from . import feed
from .bridge import Bridge
from .feed import Feed
from .messages import Refusal, Request, Response, Route, json_response

if TYPE_CHECKING:
    from ..core.http import HTTPSnapshot

Metrics = Callable[[], str]
"""More text for Prometheus, whole lines."""


class Views:
    """Handlers that read the database and look at the server."""

    def __init__(
        self,
        database: Path,
        bridge: Bridge,
        events: Feed,
        *,
        max_attempts: int,
        metrics: Sequence[Metrics] = (),
    ) -> None:
        self._database = database
        self._bridge = bridge
        self._events = events
        self._max_attempts = max_attempts
        self._metrics = metrics

    def routes(self) -> list[Route]:
        """The table."""
        return [
            Route("GET", "/v1/server", self.server),
            Route("GET", "/v1/tasks", self.tasks),
            Route("GET", "/v1/tasks/{task}", self.task),
            Route("GET", "/v1/events", self.events),
            Route("GET", "/v1/metrics", self.metrics),
            Route("GET", "/v1/http", self.http),
        ]

    def server(self, request: Request) -> Response:
        """What the server does; ``told`` is false if it has not just said so."""
        live, told = self._bridge.look()
        return json_response({"told": told, **(_server(live) if live else {})})

    def tasks(self, request: Request) -> Response:
        """All tasks in the order of `core.overview`."""
        live, _ = self._bridge.look()
        with Overview(self._database) as stored:
            return json_response({"tasks": self._views(stored, live)})

    def task(self, request: Request) -> Response:
        """One task, with its attempts and their instructions."""
        task_id = request.values["task"]
        live, _ = self._bridge.look()
        with Overview(self._database) as stored:
            found = [view for view in self._views(stored, live) if view["id"] == task_id]
            if not found:
                raise Refusal(404, f"there is no task {task_id!r}")
            attempts = [dict(row) for row in stored.attempts_of(task_id)]
            steps = [dict(row) for row in stored.steps_of(task_id)]
        for row in attempts:
            row["evidence"] = _parsed(row.get("evidence"))
            row["steps"] = [step for step in steps if step["epoch"] == row["epoch"]]
        return json_response({**found[0], "history": attempts})

    def events(self, request: Request) -> Response:
        """What happens, from the event that the client saw last, or from ``?after=NUMBER``."""
        last = request.headers.get("last-event-id") or request.query.get("after")
        if last is not None and not (last.isascii() and last.isdigit() and len(last) < 19):
            raise Refusal(400, "the number of an event is a whole number")
        after = None if last is None else int(last)
        return Response(type=feed.TYPE, parts=self._events.follow(self._database, after))

    def metrics(self, request: Request) -> Response:
        """Everything as Prometheus reads it."""
        from ..core.metrics import server_metrics

        live, told = self._bridge.look()
        with Overview(self._database) as stored:
            counts, failures = stored.counts(), stored.failures()
            phases = Counter(
                view["phase"] or "working"
                for view in self._views(stored, live)
                if view["group"] == "running"
            )
        lines = server_metrics(counts, phases, failures, live, told=told)
        text = "".join(f"{line}\n" for line in lines)
        if live is not None and live.llm is not None:
            from ..core.llm.metrics import prometheus

            text += prometheus(live.llm)
        text += "".join(more() for more in self._metrics)
        return Response(type=CONTENT_TYPE, body=text.encode())

    def http(self, request: Request) -> Response:
        """The connections to the models' providers."""
        live, told = self._bridge.look()
        network = live.llm.network if live is not None and live.llm is not None else None
        found = None if network is None else _network(network)
        return json_response({"told": told, "network": found})

    def _views(self, stored: Overview, live: Live | None) -> list[TaskView]:
        seen = {**stored.last_seen(), **self._events.last_events()}
        views = overview(
            stored.tasks(),
            stored.attempts(),
            stored.steps(),
            stored.landings(),
            seen,
            now=time.time(),
            served=True,
            max_attempts=self._max_attempts,
        )
        held = live.schedule.held if live is not None else {}
        for view in views:
            if view["group"] == QUEUED and view["id"] in held:
                view["reason"] = held[view["id"]]
        return views


def _server(live: Live) -> dict[str, Any]:
    schedule = live.schedule
    return {
        "at": live.at,
        "path": live.path,
        "running": sorted(schedule.running),
        "waiting": sorted(schedule.waiting),
        "held": dict(schedule.held),
        "limits": {
            name: {"used": used, "allowed": allowed}
            for name, (used, allowed) in schedule.limits.items()
        },
        "shortage": schedule.shortage,
        "paused": schedule.paused,
        "draining": schedule.draining,
        "stopping": live.stopping,
        "health": None if live.health is None else asdict(live.health),
    }


def _network(network: HTTPSnapshot) -> dict[str, Any]:
    return {
        "pool": {**asdict(network.pool), "reuse_ratio": network.pool.reuse_ratio},
        "attempts": network.attempts,
        "retries": network.retries,
        "failures": network.failures,
        "servers": list(_servers(network)),
    }


def _servers(network: HTTPSnapshot) -> Iterator[dict[str, Any]]:
    from ..core.http import BOUNDS

    for server in sorted({*network.breakers, *network.pauses, *network.latencies}):
        breaker, latency = network.breakers.get(server), network.latencies.get(server)
        yield {
            "origin": server[0],
            "model": server[1],
            "breaker": None if breaker is None else breaker.state,
            "times_opened": 0 if breaker is None else breaker.times_opened,
            "pause": network.pauses.get(server, 0.0),
            "latency": None
            if latency is None
            else {"bounds": BOUNDS, "counts": latency.counts, "seconds": latency.total},
        }


def _parsed(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return text
