"""Ten tasks at once, beside what their agents and their models take alone.

``TEN_ROUNDS`` sets how many runs are made of each kind (3).
"""

from __future__ import annotations

import json
import os
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.http2.servers import Missing

from .http.advising import Adviser, advising
from .measure import RESAMPLES, Ratio
from .projects import make_project, run

ROUNDS = int(os.environ.get("TEN_ROUNDS", "3"))
TASKS, STEPS, SECONDS, THINK, FILES = 10, 8, 1, 0.3, 200
LONG = 20
VERIFY = "{shell: \"! grep -rn '<<<<<<<' src reports\"}"
"""No conflict was left unresolved: all files are read, which takes 5 ms."""

SECTIONS = f"workspace: {{environment: [BENCH_SPANS]}}\nverify: {{commands: [{VERIFY}]}}\n"

Span = tuple[float, float]


class Round(NamedTuple):
    """Seconds of one run: of the command, from the first task's start to the last
    landing, of the longest chain of agents and answers, and between an agent and
    the question about its report, or an answer and the next agent.
    """

    whole: float
    work: float
    critical: float
    gaps: list[float]


@pytest.fixture(scope="module")
def adviser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Adviser]:
    """The model that is asked about tasks and reports."""
    try:
        with advising(tmp_path_factory.mktemp("adviser"), THINK) as ready:
            yield ready
    except Missing as missing:
        pytest.skip(str(missing))


def test_ten_tasks_at_once(
    path: str, agent: Path, adviser: Adviser, tmp_path: Path, row: Callable[..., None]
) -> None:
    """Ten tasks of eight instructions of a second, each report judged in 0.3 s."""
    rounds = [_round(tmp_path / str(number), path, agent, adviser) for number in range(ROUNDS)]
    whole = _ratio([each.whole / each.critical for each in rounds])
    work = _ratio([each.work / each.critical for each in rounds])
    seconds = min(each.whole for each in rounds)
    critical = statistics.median(each.critical for each in rounds)
    gaps = [gap for each in rounds for gap in each.gaps]
    name = f"{TASKS} tasks of {STEPS} instructions"
    target = {"below": 1.10, "target": "<= x1.10"}
    shown = f"{whole} ({seconds:.2f} s at best, the path {critical:.2f} s)"
    row(f"{name}, the command against the critical path, {path}", shown, value=whole, **target)
    row(f"{name}, first start to last landing, {path}", str(work), value=work, **target)
    row(f"{name}, between agent and model, {path}", _summary(gaps))


def test_instructions_in_a_worktree(
    path: str, agent: Path, tmp_path: Path, row: Callable[..., None]
) -> None:
    """Two tasks with twenty instructions that cost nothing, one after the other."""
    gaps: list[float] = []
    for number in range(ROUNDS):
        place = tmp_path / str(number)
        place.mkdir()
        project = make_project(
            place, "modern", agent, tasks=2, steps=LONG, at_once=1, files=FILES, sections=SECTIONS
        )
        spans = place / "spans"
        state = str(place / "state")
        command = project.command("run", path, "--json")
        run(command, project.working_directory, BENCH_SPANS=str(spans), XDG_STATE_HOME=state)
        chains = _agents(spans)
        assert [len(chain) for chain in chains.values()] == [LONG] * 2
        for chain in chains.values():
            gaps += [after[0] - before[1] for before, after in pairwise(sorted(chain))]
    row(f"per instruction, between agents, in a worktree, {path}", _summary(gaps))


def _round(place: Path, path: str, agent: Path, adviser: Adviser) -> Round:
    place.mkdir()
    project = make_project(
        place,
        "modern",
        agent,
        tasks=TASKS,
        steps=STEPS,
        at_once=TASKS,
        seconds=SECONDS,
        files=FILES,
        adviser=adviser,
        sections=SECTIONS,
    )
    spans = place / "spans"
    adviser.spans.write_bytes(b"")
    began = time.monotonic()
    done = run(
        project.command("run", path, "--json"),
        project.working_directory,
        BENCH_SPANS=str(spans),
        XDG_STATE_HOME=str(place / "state"),
        OPENAI_API_KEY="sk-0123456789abcdef0123",
    )
    whole = time.monotonic() - began
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[-1]["done"] == TASKS
    chains = _chains(events, spans, adviser.spans)
    assert [len(chain) for chain in chains.values()] == [2 * STEPS] * TASKS
    starts = [event["at"] for event in events if event["event"] == "task.started"]
    landings = [event["at"] for event in events if event["event"] == "task.landed"]
    return Round(
        whole,
        max(landings) - min(starts),
        max(sum(end - start for start, end in chain) for chain in chains.values()),
        [after[0] - before[1] for chain in chains.values() for before, after in pairwise(chain)],
    )


def _chains(events: list[dict[str, object]], agents: Path, answers: Path) -> dict[str, list[Span]]:
    """When agents and models were at work for each task, in order; they take turns."""
    chains = _agents(agents)
    tasks = {
        str(event["text"]).rpartition(" ")[2]: str(event["task"])
        for event in events
        if event["event"] == "task.started"
    }
    for line in answers.read_text("ascii").splitlines():
        number, end, took = line.split()
        chains[tasks[number]].append((float(end) - float(took), float(end)))
    return {task: sorted(spans) for task, spans in chains.items()}


def _agents(spans: Path) -> dict[str, list[Span]]:
    """When the agents of each task ran; reports are called by the task and a number."""
    chains: defaultdict[str, list[Span]] = defaultdict(list)
    for line in spans.read_text("utf-8").splitlines():
        report, start, end = line.rsplit(" ", 2)
        chains[Path(report).stem.rpartition("_")[0]].append((int(start) / 1e9, int(end) / 1e9))
    return chains


def _summary(seconds: list[float]) -> str:
    middle, best, worst = statistics.median(seconds), min(seconds), max(seconds)
    return f"{middle * 1e3:.1f} ms (best {best * 1e3:.1f}, worst {worst * 1e3:.1f})"


def _ratio(ratios: list[float]) -> Ratio:
    """The median with its 95 % bootstrap interval."""
    chance = random.Random(1)
    medians = sorted(
        statistics.median(chance.choices(ratios, k=len(ratios))) for _ in range(RESAMPLES)
    )
    low, high = medians[int(0.025 * RESAMPLES)], medians[int(0.975 * RESAMPLES)]
    return Ratio(statistics.median(ratios), low, high, min(ratios), 1.0)
