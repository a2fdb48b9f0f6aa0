"""Which paths are being worked on, and by whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .overlap import Claim, claims_overlap, is_pattern, parse_claim

PATIENCE = 20
"""How often a task may be passed over until nothing more is started in its way."""


class TakenPath(NamedTuple):
    """An obstacle: another task is being worked on within this claim."""

    claim: str


class KeptPath(NamedTuple):
    """An obstacle: paths are kept free for this task, which was passed over too often."""

    task_id: str


Taken = TakenPath | KeptPath


class Claims:
    """The paths of the tasks that are being worked on.

    Others that overlap are passed over.  One that this happens to more than
    `PATIENCE` times has its paths kept free: what overlaps with it is not
    started any more until it was.  That is one task at a time.
    """

    def __init__(self) -> None:
        self._index = _Index()
        self._held: dict[str, tuple[str, ...]] = {}
        self._met: dict[str, set[str]] = {}
        self._passed_over: dict[str, int] = {}
        self._kept: tuple[str, list[Claim]] | None = None

    @property
    def kept_for(self) -> str | None:
        """The task that paths are kept free for."""
        return self._kept[0] if self._kept else None

    def obstacle(self, task_id: str, paths: Sequence[str]) -> Taken | None:
        """What keeps a task with these paths from starting now."""
        for text in paths:
            holder = self.holder(text)
            if holder is not None:
                self._met.setdefault(holder, set()).add(text)
                self._pass_over(task_id, paths)
                return TakenPath(text)
        if self._kept is None or self._kept[0] == task_id:
            return None
        kept_for, kept = self._kept
        for text in paths:
            if any(claims_overlap(parse_claim(text), claim) for claim in kept):
                return KeptPath(kept_for)
        return None

    def holder(self, text: str) -> str | None:
        """A task that is being worked on within this claim."""
        return self._index.holder(parse_claim(text))

    def enter(self, task_id: str, paths: Sequence[str]) -> list[Taken]:
        """The task is started; returns the obstacles that are gone."""
        self._held[task_id] = tuple(paths)
        for text in paths:
            self._index.add(parse_claim(text), task_id)
        return self.forget(task_id)

    def leave(self, task_id: str) -> list[Taken]:
        """The task has ended; returns the obstacles that may be gone."""
        for text in self._held.pop(task_id, ()):
            self._index.remove(parse_claim(text), task_id)
        return [TakenPath(text) for text in sorted(self._met.pop(task_id, ()))]

    def forget(self, task_id: str) -> list[Taken]:
        """The task waits no more, or for something else; returns the obstacles that are gone."""
        self._passed_over.pop(task_id, None)
        if self.kept_for != task_id:
            return []
        self._kept = None
        return [KeptPath(task_id)]

    def _pass_over(self, task_id: str, paths: Sequence[str]) -> None:
        times = self._passed_over[task_id] = self._passed_over.get(task_id, 0) + 1
        if times > PATIENCE and self.kept_for in (None, task_id):
            self._kept = task_id, [parse_claim(text) for text in paths]


class _Index:
    """Claims by what they are, for a literal one is found faster than a pattern."""

    def __init__(self) -> None:
        self._at: dict[Claim, list[str]] = {}
        self._at_or_below: dict[Claim, list[str]] = {}
        self._patterns: dict[Claim, list[str]] = {}

    def holder(self, claim: Claim) -> str | None:
        for pattern, holders in self._patterns.items():
            if claims_overlap(claim, pattern):
                return holders[0]
        if _has_pattern(claim):
            for other, holders in self._at.items():
                if claims_overlap(claim, other):
                    return holders[0]
            return None
        above = (claim[:depth] for depth in range(len(claim) + 1))
        found = next((self._at[other] for other in above if other in self._at), None)
        found = found or self._at_or_below.get(claim)
        return found[0] if found else None

    def add(self, claim: Claim, holder: str) -> None:
        for place, key in self._places(claim):
            place.setdefault(key, []).append(holder)

    def remove(self, claim: Claim, holder: str) -> None:
        for place, key in self._places(claim):
            place[key].remove(holder)
            if not place[key]:
                del place[key]

    def _places(self, claim: Claim) -> list[tuple[dict[Claim, list[str]], Claim]]:
        if _has_pattern(claim):
            return [(self._patterns, claim)]
        below = [(self._at_or_below, claim[:depth]) for depth in range(len(claim) + 1)]
        return [(self._at, claim), *below]


def _has_pattern(claim: Claim) -> bool:
    return any(is_pattern(part) for part in claim)
