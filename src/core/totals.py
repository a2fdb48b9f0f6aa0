"""How a list stands, and what that means for whoever started the program."""

from __future__ import annotations

from dataclasses import dataclass

DONE, NEEDS_A_PERSON, INTERRUPTED = 0, 1, 130


@dataclass(frozen=True, slots=True)
class Totals:
    """How many tasks are in which state.

    ``unmarked``: of those that are done or skipped, the ones whose lines do not
    say so yet.
    """

    done: int = 0
    failed: int = 0
    skipped: int = 0
    pending: int = 0
    unmarked: int = 0


def exit_code(totals: Totals, *, interrupted: bool, unusable: bool, problems: bool) -> int:
    """The exit code of a run.

    ``interrupted``: it was asked to stop; ``unusable``: its agent cannot run
    any task; ``problems``: the list has some that only a person can mend.
    """
    if interrupted and not unusable:
        return INTERRUPTED
    left = totals.failed or totals.pending or totals.unmarked
    return NEEDS_A_PERSON if unusable or problems or left else DONE
