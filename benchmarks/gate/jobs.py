"""Whole jobs on both paths: their time, and the memory that they take."""

from __future__ import annotations

from dataclasses import replace

from codeagent.ab.criteria import Criterion, Kind
from codeagent.ab.experiment import Metric
from codeagent.ab.sides import Side

from .files import as_fast
from .job import Job, Run
from .trial import Bench, Measurement, Point, Sides, Trial


def _runs(job: Job, *, held: int | None = None, models: bool = False) -> Sides:
    def sides(bench: Bench) -> tuple[Side, Side, Side]:
        asked = replace(job, models=bench.place) if models else job
        baseline, contender, control = (
            Run(name, path, asked, bench.agent, held=held)
            for name, path in (("sync", "sync"), ("async", "async"), ("sync again", "sync"))
        )
        return baseline, contender, control

    return sides


_WORKS = "`codeagent run` as a fresh process; the agent works {} s on an instruction, {}."
_NO_AGENT = (
    "The agent takes a millisecond, so this is the server alone, with its start: of a job whose "
    "agents work for a minute it is a thousandth."
)
_AT_ONCE = (
    "Fresh processes with models to ask; so many tasks at once, whose agents work for {} s "
    "and talk all the time. Peak memory of the server."
)
_LIBRARIES = (
    "Not to be reached: asyncio, the ssl that it imports and uvloop are 5 MB, a tenth of a server "
    "that asks no models; one that does needs ssl on either path."
)


def _memory(at_once: int, seconds: int, *, models: bool = True) -> Trial:
    return Trial(
        criterion=Criterion(
            name=f"memory: {at_once} at once" + ("" if models else ", no models"),
            kind=Kind.NON_INFERIORITY,
            margin=1.10,
            unit="B",
            note=_AT_ONCE.format(seconds) if models else _LIBRARIES,
            gating=models,
        ),
        sides=_runs(Job(tasks=at_once, seconds=seconds), held=at_once, models=models),
        metric=Metric.PEAK_RSS,
        slow=True,
        quick=at_once == 10,
        budget=1200,
        point=Point(title="Peak memory", x=at_once, unit="B") if models else None,
    )


MEASUREMENTS: tuple[Measurement, ...] = (
    Trial(
        criterion=as_fast("job: 1 task", note=_WORKS.format(3, "one instruction")),
        sides=_runs(Job(tasks=1, seconds=3)),
        slow=True,
        quick=False,
    ),
    Trial(
        criterion=as_fast(
            "job: 10 tasks, one at a time", note=_WORKS.format(1, "one instruction each")
        ),
        sides=_runs(Job(tasks=10, seconds=1)),
        slow=True,
        quick=False,
        budget=900,
    ),
    Trial(
        criterion=as_fast(
            "job: 10 tasks at once",
            note=_WORKS.format(2, "each task in a worktree, and landed"),
        ),
        sides=_runs(Job(tasks=10, at_once=10, seconds=2)),
        slow=True,
        budget=900,
    ),
    Trial(
        criterion=as_fast("job: 20 instructions without an agent's work", note=_NO_AGENT),
        sides=_runs(Job(tasks=5, steps=4)),
        slow=True,
        pairs=160,
        budget=1800,
    ),
    Trial(
        criterion=as_fast(
            "job: 10 tasks at once, models asked",
            note=_WORKS.format(3, "and models are asked about every task"),
        ),
        sides=_runs(Job(tasks=10, at_once=10, seconds=3), models=True),
        slow=True,
        quick=False,
        budget=900,
    ),
    _memory(1, 1, models=False),
    _memory(1, 1),
    _memory(10, 1),
    _memory(100, 2),
)
