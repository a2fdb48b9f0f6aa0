"""What follows on which failure."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from ..failure import Step
from .base import Number, PositiveSeconds, StrictSettings
from .problems import show

MOST_TIMES = 100
"""How often a step may be taken at most."""

_STEPS: frozenset[str] = frozenset(Step)
_NAMES = ", ".join(Step)
_SHAPE = f"a list of steps ({_NAMES}), each a name or a name with a number: [wait: 5, person]"


def _as_steps(value: object) -> object:
    """``[wait, {other_model: 2}]`` as pairs of a step and how often it may be taken."""
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be {_SHAPE}")
    pairs = [pair for item in value for pair in _as_pairs(item)]
    names = [name for name, _ in pairs]
    for name, times in pairs:
        if not isinstance(name, str) or name not in _STEPS:
            raise ValueError(f"names {show(name)}, which is no step; the steps are {_NAMES}")
        if names.count(name) > 1:
            raise ValueError(f"names {name} more than once; give it a number instead: {name}: 2")
        if times is not None and (type(times) is not int or not 1 <= times <= MOST_TIMES):
            raise ValueError(
                f"has {show(times)} for {name}, which must be a whole number from 1 to {MOST_TIMES}"
            )
    return pairs


def _as_pairs(item: object) -> list[tuple[Any, Any]]:
    if isinstance(item, dict):
        return list(item.items())
    if isinstance(item, tuple) and len(item) == 2:  # a value that was validated already
        return [item]
    return [(item, None)]


Steps = Annotated[
    tuple[tuple[Step, int | None], ...], BeforeValidator(_as_steps), Field(description=_SHAPE)
]


class RecoverySettings(StrictSettings):
    """The section ``recovery``: for each kind of failure the steps to take, in this order.

    A kind that is not named keeps its default.  A step is taken as often as its
    number says, without a number as often as by default; a person comes last in
    any case.  Times are in seconds: a task waits ``longest_wait`` at most for
    its turn and is parked for anything longer, for ``park`` if it is not known
    until when.  After ``max_steps`` steps for one instruction a person has to
    look at it, whatever is left.
    """

    longest_wait: PositiveSeconds = 24 * 3600
    park: PositiveSeconds = 3600
    max_steps: Annotated[int, Number, Field(ge=0, le=1000)] = 20
    context_overflow: Steps | None = None
    configuration: Steps | None = None
    authentication: Steps | None = None
    quota: Steps | None = None
    billing: Steps | None = None
    rate_limit: Steps | None = None
    overloaded: Steps | None = None
    server_error: Steps | None = None
    network: Steps | None = None
    model_unavailable: Steps | None = None
    agent_missing: Steps | None = None
    agent_crashed: Steps | None = None
    killed: Steps | None = None
    stalled: Steps | None = None
    timed_out: Steps | None = None
    no_result: Steps | None = None
    no_report: Steps | None = None
    no_changes: Steps | None = None
    verify_failed: Steps | None = None
    base_failing: Steps | None = None
    checks_unusable: Steps | None = None
    conflict: Steps | None = None
    refused: Steps | None = None
    setup_failed: Steps | None = None
    disk_full: Steps | None = None
    cancelled: Steps | None = None
    unknown: Steps | None = None
