"""Flags and overrides of a server that runs in a place."""

from __future__ import annotations

from pathlib import Path

from codeagent.rollout.control import Rollout
from codeagent.rollout.flagfile import Rung
from codeagent.rollout.stages import Stage
from codeagent.routing.operator import offline


def rollout_in(state: Path) -> Rollout:
    """The rollout of a state directory, as an operator has it."""
    return offline(state / "rollout", {})


def put(rollout: Rollout, **stages: str) -> None:
    """Put capabilities on stages, at all of the tasks; ``files_read`` is ``files-read``."""
    for name, stage in stages.items():
        known = Stage(stage)
        rung = Rung(known, 0 if known is Stage.OFF else 100)
        rollout.set(name.replace("_", "-"), rung, actor="test", reason="for a test")
