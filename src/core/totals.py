"""How a list stands, and what that means for whoever started the program."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from .reconcile import Reconciled
from .task import Task
from .todo import ItemState, ListedItem

News = tuple[str, Mapping[str, object]]
"""The name and the data of an event."""

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


class Standing:
    """What was told of the list so far; every update says what is news."""

    def __init__(self) -> None:
        self.totals = Totals()
        self.problems: set[tuple[str, str]] = set()

    def update(
        self,
        items: Sequence[ListedItem],
        files: Sequence[str],
        problems: Collection[tuple[str, str]],
        plan: Reconciled,
        *,
        at_start: bool,
    ) -> list[News]:
        """Compare the list as it was just read with what was told before.

        ``problems`` are the list's own, each a place and what is wrong there.
        ``at_start``: nothing was run yet, so that failures of former runs are news.
        """
        found = {*problems}
        found |= {(text, f"comes after {name!r}, which no task is") for text, name in plan.unknown}
        if at_start:
            found |= {
                (task.text, f"{_why_not(task)}; codeagent retry lets it run again")
                for task in plan.exhausted
            }
        self.problems &= found  # what is mended may come back, and is told again
        news = [item for place, problem in sorted(found) for item in self.problem(place, problem)]
        totals = _totals(items, plan)
        if totals != self.totals or plan.added:
            about = {
                "total": len(items),
                "pending": totals.pending,
                "done": totals.done,
                "skipped": totals.skipped,
                "files": list(files),
            }
            news.append(("list.read", about))
        self.totals = totals
        return news

    def problem(self, place: str, problem: str) -> list[News]:
        """One more problem, if it was not told before."""
        if (place, problem) in self.problems:
            return []
        self.problems.add((place, problem))
        return [("list.problem", {"file": place, "problem": problem})]


def _why_not(task: Task) -> str:
    return task.attention or f"has failed {task.attempts} times"


def _totals(items: Sequence[ListedItem], plan: Reconciled) -> Totals:
    def count(state: ItemState) -> int:
        return sum(entry.item.state is state for entry in items)

    return Totals(
        done=count(ItemState.DONE) + len(plan.to_mark),
        failed=len(plan.exhausted),
        skipped=count(ItemState.SKIPPED),
        pending=count(ItemState.PENDING) - len(plan.to_mark) - len(plan.exhausted),
        unmarked=len(plan.to_mark),
    )
