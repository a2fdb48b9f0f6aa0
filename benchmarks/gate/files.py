"""File operations: whole ones, each in one hop."""

from __future__ import annotations

from typing import Any

from codeagent.ab.criteria import Criterion, Kind
from codeagent.ab.sides import Side

from .trial import OFTEN, Bench, Sides, Trial

KB, MB = 1 << 10, 1 << 20


def both(work: str, kept: str = "", **arguments: Any) -> Sides:
    """A workload on the synchronous path, on the asynchronous one, and as a control.

    What only reads does so in one directory that is called ``kept``: where the files
    of a directory lie makes a difference of some per cent.
    """

    def sides(bench: Bench) -> tuple[Side, Side, Side]:
        given = {**arguments, "kept": str(bench.folder / kept)} if kept else arguments
        baseline, contender, control = (
            bench.worker(name, f"benchmarks._{path}.work:{work}", given)
            for name, path in (("sync", "sync"), ("async", "async"), ("sync again", "sync"))
        )
        return baseline, contender, control

    return sides


def as_fast(name: str, *, note: str = "", gating: bool = True) -> Criterion:
    """At least 95 % of the baseline's performance."""
    return Criterion(name=name, kind=Kind.NON_INFERIORITY, margin=0.95, note=note, gating=gating)


_HOP = (
    "Not to be reached: the call goes to a thread and back, which takes 20 to 60 µs, {}. "
    "Meanwhile the loop serves others; ten at once are a row of their own."
)

MEASUREMENTS = (
    Trial(
        criterion=as_fast(
            "files: 64 KB written atomically",
            note=_HOP.format("a twentieth or more of a write"),
            gating=False,
        ),
        sides=both("writes", size=64 * KB),
        quick=False,
        best_of=OFTEN,
    ),
    Trial(
        criterion=as_fast("files: 10 x 64 KB written atomically at once"),
        sides=both("writes", size=64 * KB, at_once=10),
    ),
    Trial(
        criterion=as_fast("files: 1,000 x 1 KB loaded in one batch"),
        sides=both("loads", "loaded", files=1000, size=KB),
        pairs=320,
        best_of=OFTEN,
        budget=900,
    ),
    Trial(
        criterion=as_fast(
            "files: 1,000 scanned",
            note="On the margin, whatever the path does: the call goes to a thread and back, which "
            "takes 0.05 to 0.2 of 2 ms, most of it to wake two processors that sleep as soon as they "
            "have nothing to do. What gates are ten at once, and the batch, which goes that way once.",
            gating=False,
        ),
        sides=both("scans", "scanned", entries=1000),
        quick=False,
        pairs=400,
        best_of=OFTEN,
        budget=900,
    ),
    Trial(
        criterion=as_fast("files: 10 x 1,000 scanned at once"),
        sides=both("scans", "scanned", entries=1000, at_once=10),
        budget=900,
    ),
    Trial(
        criterion=as_fast("files: 10 x 1 MB read at once"),
        sides=both("reads", "read", size=MB, at_once=10),
    ),
    Trial(
        criterion=as_fast(
            "files: 1 MB read", note=_HOP.format("and the copy from memory takes 30"), gating=False
        ),
        sides=both("reads", "read", size=MB),
        quick=False,
    ),
    Trial(
        criterion=as_fast(
            "files: a single 1 KB read",
            note=_HOP.format("and the read itself takes ten"),
            gating=False,
        ),
        sides=both("reads", "short", size=KB),
        quick=False,
    ),
)
