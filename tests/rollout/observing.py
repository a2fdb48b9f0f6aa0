"""Operations as the guard hears of them."""

from __future__ import annotations

from codeagent.rollout.capability import Capability
from codeagent.rollout.flagfile import Rung
from codeagent.rollout.guard import Policy
from codeagent.rollout.observation import Beside, Observation
from codeagent.rollout.plan import Decision
from codeagent.rollout.stages import Colour, Stage

from .support import READ

POLICY = Policy()


LIVE_25 = Rung(Stage.LIVE, 25)


def seen(
    capability: Capability = READ,
    *,
    sync: float | None = 1.0,
    asynchronous: float | None = 1.0,
    error: str = "",
    both_fail: bool = False,
    match: bool | None = True,
    cancelled: bool = False,
) -> Observation:
    times = {Colour.SYNC: sync, Colour.ASYNC: asynchronous}
    failed = {Colour.ASYNC: error} if error else {}
    if both_fail:
        failed = dict.fromkeys(Colour, "OSError")
    return Observation(
        capability.name,
        capability.operation,
        Colour.ASYNC,
        Decision(Stage.LIVE, "flag", "FALLTHROUGH", 1, 3),
        "task-1",
        "plan-1",
        {colour: seconds for colour, seconds in times.items() if seconds is not None},
        failed,
        Beside.DONE,
        match,
        cancelled=cancelled,
    )
