"""What the server and its tasks do, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .live import Live
from .prometheus import family
from .task import TaskState

_PREFIX = "codeagent"


def server_metrics(
    counts: Mapping[str, int],
    phases: Mapping[str, int],
    failures: Sequence[tuple[str, str, int]],
    live: Live | None,
    *,
    told: bool,
) -> Iterator[str]:
    """The lines of all metrics but those of the models.

    ``counts`` are tasks by state, ``phases`` running ones by phase, ``failures``
    attempts by agent and kind.  ``told``: the server has just answered, and
    ``live`` is what it said; otherwise it is what it said before.
    """
    yield from family(
        f"{_PREFIX}_tasks",
        "gauge",
        "Tasks by state.",
        [({"state": state}, counts.get(state, 0)) for state in TaskState],
    )
    yield from family(
        f"{_PREFIX}_task_phases",
        "gauge",
        "Running tasks by phase.",
        [({"phase": phase}, count) for phase, count in sorted(phases.items())],
    )
    yield from family(
        f"{_PREFIX}_attempt_failures_total",
        "counter",
        "Attempts that failed, by agent and kind.",
        [({"agent": agent, "kind": kind}, count) for agent, kind, count in failures],
    )
    yield from family(
        f"{_PREFIX}_server_answers",
        "gauge",
        "Whether the server has answered the API within a second.",
        [({}, int(told))],
    )
    if live is not None:
        yield from _live(live)


def _live(live: Live) -> Iterator[str]:
    schedule = live.schedule
    for name, help_, value in (
        ("running", "Tasks that run.", len(schedule.running)),
        ("waiting", "Tasks that wait for their turn.", len(schedule.waiting)),
        ("held", "Waiting tasks that something holds back.", len(schedule.held)),
        ("paused", "Whether no tasks are started until that is lifted.", schedule.paused),
        ("draining", "Whether no tasks are started any more.", schedule.draining),
        ("short", "Whether the machine is short of something.", schedule.shortage is not None),
    ):
        yield from family(f"{_PREFIX}_schedule_{name}", "gauge", help_, [({}, int(value))])
    for name, help_, place in (
        ("limit_used", "How much of each limit is in use.", 0),
        ("limit_allowed", "What each limit allows.", 1),
    ):
        samples = [({"limit": each}, pair[place]) for each, pair in schedule.limits.items()]
        yield from family(f"{_PREFIX}_{name}", "gauge", help_, samples)
    yield from family(
        f"{_PREFIX}_path", "gauge", "The path that the server runs on.", [({"path": live.path}, 1)]
    )
    if (health := live.health) is None:
        return
    for name, help_, measured in (
        ("lag_seconds", "How late the server woke up.", health.lag),
        ("cpu_cores", "Processor time used, in cores.", health.cpu),
        ("memory_bytes", "Resident memory.", health.memory),
        ("open_files", "Open descriptors.", health.files),
    ):
        yield from family(f"{_PREFIX}_server_{name}", "gauge", help_, [({}, measured)])
