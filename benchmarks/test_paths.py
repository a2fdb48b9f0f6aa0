"""Every kind of work on both paths, and in the predecessor's way where that means something.

An operation is repeated within the timed section, where coroutines are awaited on
one warm loop; `extra_info` has the number of operations in a round.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from codeagent.ab.measure import MeasureError
from codeagent.ab.quantities import quantity
from codeagent.ab.sides import InProcess

from . import predecessor
from ._async import work as async_work
from ._sync import work as sync_work
from .gate.job import Job, Run
from .http.place import Place, opened_place
from .sides import new_event_loop

KB, MB = 1 << 10, 1 << 20
ROUND = 0.02
"""Seconds that a round is to take, at least."""
ROUNDS = 15
SLOW = 0.2
"""Seconds from which on three rounds will do."""

REPEATS: dict[str, int] = {}
"""How often each case is repeated in a round: equally often by all who do it."""

WAYS = {"sync": sync_work, "async": async_work, "predecessor": predecessor}


@dataclass(frozen=True, slots=True)
class Case:
    """A workload of `work` with its arguments; ``ways`` are those that do it."""

    name: str
    work: str
    arguments: dict[str, Any] = field(default_factory=dict)
    ways: tuple[str, ...] = ("sync", "async")


def _files() -> Iterator[Case]:
    for at_once in (1, 10, 100):
        for size, label in ((KB, "1 KB"), (64 * KB, "64 KB"), (MB, "1 MB")):
            if size * at_once > 10 * MB:
                continue  # a hundred files of 1 MB measure the memory, not the path
            given = {"size": size, "at_once": at_once}
            yield Case(f"read {label}, {at_once} at once", "reads", given)
            yield Case(f"write {label} atomically, {at_once} at once", "writes", given)
        given = {"entries": 1000, "at_once": at_once}
        if at_once <= 10:
            yield Case(f"scan of 1,000 files, {at_once} at once", "scans", given)
    yield Case("load of 1,000 x 1 KB", "loads", {"files": 1000, "size": KB})


ALL = ("sync", "async", "predecessor")
CASES = [
    *_files(),
    *(Case(f"git status, {n} at once", "git_calls", {"at_once": n}, ALL) for n in (1, 10)),
    Case("a report", "reports", ways=ALL),
]


def _params(cases: list[Case]) -> list[Any]:
    return [pytest.param(case, way, id=f"{case.name}-{way}") for case in cases for way in case.ways]


@pytest.mark.parametrize(("case", "way"), _params(CASES))
def test_files_git_and_reports(benchmark: Any, case: Case, way: str, row: Any) -> None:
    """What needs nobody else."""
    _measure(benchmark, row, case, way, case.arguments)


@pytest.mark.parametrize("at_once", [1, 10])
@pytest.mark.parametrize("way", ALL)
def test_children(benchmark: Any, way: str, at_once: int, agent: Path, row: Any) -> None:
    """Children that do nothing, read to the end of their output."""
    given = {"argv": [str(agent), "noop"], "at_once": at_once}
    _measure(benchmark, row, Case(f"children, {at_once} at once", "children"), way, given)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The models' server on this machine, without round trips: clients are not elsewhere here."""
    with ExitStack() as stack:
        try:
            folder = tmp_path_factory.mktemp("place")
            ready = stack.enter_context(opened_place(folder, near=True))
        except MeasureError as error:
            pytest.skip(str(error))
        yield ready


@pytest.mark.parametrize("at_once", [1, 10, 100])
@pytest.mark.parametrize("way", ALL)
def test_requests(benchmark: Any, way: str, at_once: int, place: Place, row: Any) -> None:
    """Requests to a server that answers at once."""
    given = {"url": place.url(), "ca_file": str(place.ca), "at_once": at_once}
    _measure(benchmark, row, Case(f"requests, {at_once} at once", "requests"), way, given)


@pytest.mark.parametrize("at_once", [1, 10])
@pytest.mark.parametrize("way", ALL)
def test_questions(benchmark: Any, way: str, at_once: int, place: Place, row: Any) -> None:
    """All that models are asked about so many tasks; they think 50 to 300 ms."""
    given = {"base": place.questions(), "ca_file": str(place.ca), "tasks": at_once}
    given |= {"at_once": at_once}
    case = Case(f"questions about {at_once} tasks", "questions")
    _measure(benchmark, row, case, way, given)


@pytest.mark.parametrize("tasks", [1, 10, 100])
@pytest.mark.parametrize("path", ["sync", "async"])
def test_jobs(benchmark: Any, path: str, tasks: int, agent: Path, row: Any) -> None:
    """Whole runs, all tasks at once in one directory, with agents that work for a second."""
    run = Run(path, path, Job(tasks=tasks, seconds=1), agent, held=tasks)
    benchmark.group = f"job of {tasks} tasks"
    benchmark.pedantic(run.run, (1,), rounds=3)
    median = benchmark.stats.stats.median
    row(f"job of {tasks} tasks at once, {path}", f"{median:.2f} s, {tasks / median:.1f} tasks/s")


def _measure(benchmark: Any, row: Any, case: Case, way: str, given: dict[str, Any]) -> None:
    scenario = getattr(WAYS[way], case.work)
    side = InProcess(way, scenario, arguments=given, loop_factory=new_event_loop)
    side.open()
    try:
        began = time.perf_counter()
        side.run(1)
        once = min(time.perf_counter() - began, side.run(1).wall)
        repeats = REPEATS.setdefault(case.name, max(math.ceil(ROUND / once), 1))
        benchmark.group = case.name
        benchmark.extra_info |= {"operations": repeats, "path": way}
        rounds = 3 if once > SLOW else ROUNDS
        benchmark.pedantic(side.run, (repeats,), rounds=rounds, warmup_rounds=1)
    finally:
        side.close()
    stats = benchmark.stats.stats
    each = quantity(stats.median / repeats, "s")
    row(f"{case.name}, {way}", f"{each} (best {quantity(stats.min / repeats, 's')})")
