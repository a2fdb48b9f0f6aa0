"""What is moved: a capability, for one class of operations, with a flag of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .stages import STAGES, Operation, Stage

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Capability:
    """A pair of implementations under one flag.

    ``stages`` are those that make sense for it, always with off and complete.  With
    ``exact`` one difference between the two paths is reason enough to roll back.
    Raises ValueError for a name that is not made of ``a-z 0-9 _ -``.
    """

    name: str
    operation: Operation = Operation.READ
    stages: tuple[Stage, ...] = (Stage.OFF, Stage.SHADOW, Stage.LIVE, Stage.COMPLETE)
    exact: bool = True

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"capability {self.name!r}: use only a-z, 0-9, - and _")
        if not {Stage.OFF, Stage.COMPLETE} <= set(self.stages):
            raise ValueError(f"capability {self.name}: its stages must include off and complete")
        object.__setattr__(self, "stages", tuple(s for s in STAGES if s in self.stages))


def flag_key(prefix: str, name: str) -> str:
    """The key of a capability's flag."""
    return f"{prefix}.{name}"


def kill_key(prefix: str) -> str:
    """The key of the flag that all the others have as their prerequisite."""
    return f"{prefix}.kill"
