"""Requests to models: over HTTP/2 with TLS, from a network of their own with round trips."""

from __future__ import annotations

from typing import Any

from codeagent.ab.criteria import Criterion, Kind
from codeagent.ab.sides import Side

from .files import as_fast
from .trial import Bench, Measurement, Point, Sides, Trial

AT_ONCE = (1, 10, 50, 100)
_MANY: dict[str, Any] = {
    "block": 2,
    "warm_up": 4,
    "gate_pairs": (24, 64),
    "pairs": 40,
    "budget": 1200,
}
"""For many requests at once: slow to begin anew, and far from the margin.  After the
first run all connections are open."""
THINK = 150
ROUND_TRIP = 20

_ASKED = f"The server thinks for {THINK} ms and is {ROUND_TRIP} ms away."
_ADVICE = (
    f"Think times of 50 to 300 ms, by the text of the question; {ROUND_TRIP} ms to the server. "
)
_ALONE = (
    "Not 20 % faster than the twin, and cannot be: the twin puts the same questions side by side "
    "from threads, and both wait for the same models."
)


def _requests(at_once: int, *, round_trip: int = 0, think: int = 0) -> Sides:
    def sides(bench: Bench) -> tuple[Side, Side, Side]:
        url = bench.place.url(round_trip, think)
        return _workers(bench, "sync", "requests", url=url, at_once=at_once)

    return sides


def _questions(baseline: str, *, tasks: int, at_once: int) -> Sides:
    def sides(bench: Bench) -> tuple[Side, Side, Side]:
        base = bench.place.questions(ROUND_TRIP)
        return _workers(bench, baseline, "questions", base=base, tasks=tasks, at_once=at_once)

    return sides


def _request_of_the_predecessor(bench: Bench) -> tuple[Side, Side, Side]:
    return _workers(bench, "predecessor", "requests", url=bench.place.url(ROUND_TRIP, THINK))


def _workers(bench: Bench, baseline: str, work: str, **arguments: Any) -> tuple[Side, Side, Side]:
    given = {**arguments, "ca_file": str(bench.place.ca)}

    def one(name: str, module: str) -> Side:
        return bench.worker(name, f"benchmarks.{module}:{work}", given, inside=True)

    module = "predecessor" if baseline == "predecessor" else f"_{baseline}.work"
    return (
        one(baseline, module),
        one("async", "_async.work"),
        one(f"{baseline} again", module),
    )


def _faster(name: str, note: str) -> Criterion:
    return Criterion(name=name, kind=Kind.SUPERIORITY, margin=0.80, note=note)


def _throughput(at_once: int) -> Trial:
    return Trial(
        criterion=as_fast(
            f"HTTP: {at_once} at once", note="The server answers at once: the client is measured."
        ),
        sides=_requests(at_once),
        quick=at_once == 1,
        best_of=5 if at_once <= 10 else 2,
        **({} if at_once == 1 else _MANY),
        point=Point(title="HTTP throughput", x=at_once, unit="requests/s", per=at_once),
    )


MEASUREMENTS: tuple[Measurement, ...] = (
    *map(_throughput, AT_ONCE),
    Trial(
        criterion=as_fast("LLM: a warm request", note=_ASKED),
        sides=_requests(1, round_trip=ROUND_TRIP, think=THINK),
        slow=True,
    ),
    Trial(
        criterion=_faster(
            "LLM: a request, against a client and a loop for each", f"{_ASKED} Cost in wall time."
        ),
        sides=_request_of_the_predecessor,
        slow=True,
    ),
    Trial(
        criterion=_faster(
            "LLM: a task's questions, ten tasks at once, against the synchronous twin",
            f"{_ADVICE}The twin has as many threads, and the ten connections of a host.",
        ),
        sides=_questions("sync", tasks=10, at_once=10),
        slow=True,
        fresh=True,  # so that in a pair both ask the same
        block=2,
    ),
    Trial(
        criterion=_faster(
            "LLM: a task's questions, against a client and a loop for each",
            f"{_ADVICE}That pattern asks models side by side, but one question after the other.",
        ),
        sides=_questions("predecessor", tasks=3, at_once=1),
        slow=True,
        fresh=True,  # so that in a pair both ask the same
        block=2,
        quick=False,
    ),
    Trial(
        criterion=as_fast("LLM: a task's questions, one task alone", note=_ADVICE + _ALONE),
        sides=_questions("sync", tasks=3, at_once=1),
        slow=True,
        fresh=True,  # so that in a pair both ask the same
        block=2,
        quick=False,
    ),
)
