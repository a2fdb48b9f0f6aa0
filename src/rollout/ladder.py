"""The rungs from off to complete, one at a time."""

from __future__ import annotations

from .capability import Capability
from .flagfile import Rung
from .stages import Stage, rank

OFF = Rung(Stage.OFF, 0)
BESIDE_SHARES = (1, 10, 100)
ANSWER_SHARES = (1, 5, 25, 50, 100)


def ladder(capability: Capability) -> tuple[Rung, ...]:
    """The rungs of a capability, from the lowest.

    The asynchronous path first answers at live; where live is no stage, at complete.
    """
    stages = capability.stages
    answers = Stage.LIVE if Stage.LIVE in stages else Stage.COMPLETE
    shares: dict[Stage, tuple[int, ...]] = {
        Stage.DUALWRITE: (100,),
        Stage.SHADOW: BESIDE_SHARES,
        answers: ANSWER_SHARES,
    }
    above = [Rung(stage, share) for stage in stages[1:] for share in shares.get(stage, (100,))]
    return OFF, *above


def _height(rung: Rung) -> tuple[int, float]:
    return rank(rung.stage), rung.share


def next_rung(capability: Capability, rung: Rung) -> Rung | None:
    """The one above; None at the top. A rung between two counts as the lower one."""
    higher = (each for each in ladder(capability) if _height(each) > _height(rung))
    return min(higher, key=_height, default=None)


def previous_rung(capability: Capability, rung: Rung) -> Rung | None:
    """The one below; None at off."""
    lower = (each for each in ladder(capability) if _height(each) < _height(rung))
    return max(lower, key=_height, default=None)
