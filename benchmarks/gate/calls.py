"""Process execution: programs, git, and the reports that agents write."""

from __future__ import annotations

from codeagent.ab.sides import Side

from .files import as_fast, both
from .trial import OFTEN, Bench, Sides, Trial


def _no_op(at_once: int) -> Sides:
    def sides(bench: Bench) -> tuple[Side, Side, Side]:
        return both("children", argv=[str(bench.agent), "noop"], at_once=at_once)(bench)

    return sides


_FREE = (
    "The child does nothing and ends after half a millisecond; starting it beside the loop "
    "takes a thread hop more, of the order of 0.1 ms. Agents run for minutes."
)

_WRITER = (
    "Another process writes it, as agents do. What the loop hears of lies in memory and is read "
    "there and then; what has to be fetched, or is long, is left to a thread."
)

MEASUREMENTS = (
    Trial(
        criterion=as_fast("processes: git status"),
        sides=both("git_calls"),
        quick=False,
        best_of=OFTEN,
    ),
    Trial(
        criterion=as_fast("processes: 10 x git status at once"), sides=both("git_calls", at_once=10)
    ),
    Trial(criterion=as_fast("processes: 10 children at once"), sides=_no_op(10), quick=False),
    Trial(
        criterion=as_fast("processes: a child that does nothing", note=_FREE, gating=False),
        sides=_no_op(1),
        quick=False,
        best_of=OFTEN,
    ),
    Trial(
        criterion=as_fast("reports: written, noticed and accepted", note=_WRITER),
        sides=both("reports"),
        quick=False,
        best_of=OFTEN,
        block=2,  # two processes wake each other, and some pairs of them do so faster than others
        gate_pairs=(48, 1600),
        budget=2400,
    ),
    Trial(
        criterion=as_fast("reports: 10 at once, written, noticed and accepted"),
        sides=both("reports", at_once=10),
        quick=False,
    ),
)
