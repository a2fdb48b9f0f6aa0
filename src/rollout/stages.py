"""The six stages of a migration, and which path does what in each.

The stages and their meaning are LaunchDarkly's for migration flags, with the
synchronous path as the old origin and the asynchronous one as the new.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Stage(StrEnum):
    """How far a capability has moved; the members are in ascending order."""

    OFF = "off"
    DUALWRITE = "dualwrite"
    SHADOW = "shadow"
    LIVE = "live"
    RAMPDOWN = "rampdown"
    COMPLETE = "complete"


class Operation(StrEnum):
    """The class of an operation: whether it changes anything."""

    READ = "read"
    WRITE = "write"


class Colour(StrEnum):
    """Which of the two paths."""

    SYNC = "sync"
    ASYNC = "async"

    @property
    def other(self) -> Colour:
        """The other path."""
        return Colour.ASYNC if self is Colour.SYNC else Colour.SYNC


class Route(NamedTuple):
    """Whose result is the answer, and which path runs beside it, if one does."""

    authoritative: Colour
    shadow: Colour | None


STAGES: tuple[Stage, ...] = tuple(Stage)
_RANK = {stage: rank for rank, stage in enumerate(STAGES)}

_SYNC = Route(Colour.SYNC, None)
_SYNC_FIRST = Route(Colour.SYNC, Colour.ASYNC)
_ASYNC_FIRST = Route(Colour.ASYNC, Colour.SYNC)
_ASYNC = Route(Colour.ASYNC, None)
_ROUTES = {
    Operation.READ: dict(
        zip(STAGES, (_SYNC, _SYNC, _SYNC_FIRST, _ASYNC_FIRST, _ASYNC, _ASYNC), strict=True)
    ),
    Operation.WRITE: dict(
        zip(
            STAGES,
            (_SYNC, _SYNC_FIRST, _SYNC_FIRST, _ASYNC_FIRST, _ASYNC_FIRST, _ASYNC),
            strict=True,
        )
    ),
}


def parse_stage(text: object) -> Stage | None:
    """The stage of that name, or None."""
    return Stage(text) if isinstance(text, str) and text in _RANK else None


def rank(stage: Stage) -> int:
    """0 for off, 5 for complete."""
    return _RANK[stage]


def lowest(first: Stage, *others: Stage) -> Stage:
    """The one that has moved least."""
    return min((first, *others), key=_RANK.__getitem__)


def at_most(ceiling: Stage, allowed: tuple[Stage, ...]) -> Stage:
    """The highest of ``allowed`` that does not exceed ``ceiling``; off if none does."""
    below = [stage for stage in allowed if _RANK[stage] <= _RANK[ceiling]]
    return max(below, key=_RANK.__getitem__, default=Stage.OFF)


def route(stage: Stage, operation: Operation) -> Route:
    """What runs at ``stage``: LaunchDarkly's table of origins for reads and writes."""
    return _ROUTES[operation][stage]
