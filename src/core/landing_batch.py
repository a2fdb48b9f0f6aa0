"""Which requests land together, and which of them is to blame when the tests fail.

A batch becomes a chain of commits, one a task, and all of them appear on the
target.  Two plans of verification keep what is promised about them:

``verify_each``   every commit is verified on its own, in order, and the chain
                  ends before the first that fails: the target passes its tests
                  at every commit.  A commit whose content was verified before is
                  not verified again.
otherwise         only the end of the chain is, and if it fails the first culprit
                  is found by bisection: the target passes at every landing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from .landing import overlap


def disjoint(files: Sequence[Sequence[str]], limit: int) -> list[int]:
    """Indices of at most ``limit`` sets of paths, the first and those that share none
    with it nor with each other, in order.

    Sets that were passed over hold nobody up who comes later.
    """
    chosen: list[int] = []
    taken: list[str] = []
    for index, paths in enumerate(files):
        if len(chosen) == limit:
            break
        if not chosen or not any(overlap(one, other) for one in paths for other in taken):
            chosen.append(index)
            taken += paths
    return chosen


@dataclass(frozen=True, slots=True)
class Search:
    """The search for the longest beginning of a chain that may land.

    The first ``good`` commits may, the first ``bad`` together may not; before
    anything failed ``bad`` is one more than there are.  `next` says which
    beginning to verify, None when the search is over.
    """

    total: int
    each: bool
    good: int = 0
    bad: int = 0

    @classmethod
    def of(cls, total: int, *, each: bool) -> Search:
        """The search in a chain of ``total`` commits."""
        return cls(total, each, bad=total + 1)

    @property
    def failed(self) -> bool:
        """Whether the commit at index ``good`` is to blame."""
        return self.bad <= self.total and self.next() is None

    def next(self) -> int | None:
        """How many commits, from the first, are to be verified together."""
        if self.bad - self.good <= 1:
            return None
        if self.each:
            return self.good + 1
        return self.total if self.bad > self.total else (self.good + self.bad) // 2

    def after(self, length: int, passed: bool) -> Search:
        """The search after a beginning of ``length`` commits passed, or failed."""
        return replace(self, good=length) if passed else replace(self, bad=length)


def without(names: Iterable[str], ignored: Iterable[str]) -> tuple[str, ...]:
    """``names`` without those that every task changes and that never conflict."""
    left_out = set(ignored)
    return tuple(name for name in names if name not in left_out)
