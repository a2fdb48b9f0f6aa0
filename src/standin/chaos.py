"""Faults by chance, and the same ones again for the same seed."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from . import behaviour

FAULTS: Final = (
    *("hang", "crash", "idle", "untrusted", "hang-after-result", "hang-after-report", "no-result"),
    *("hold-stdin", "grandchild:60", "orphan:60", "huge:9", "unknown", "rate-limit:2", "quota:3"),
    *("network", "auth", "stderr", "markers", "break", "shared", "commit", "fail", "die:139"),
)
"""What goes wrong unless other faults are named; ``escape`` has to be."""


class Chaos(NamedTuple):
    """``rate`` is the share of runs in which one of ``faults`` is at work."""

    rate: float
    seed: str
    faults: tuple[str, ...] = FAULTS

    def fault(self, key: str, run: int) -> str:
        """What goes wrong in the run with that number for ``key``, "" for nothing."""
        chance = random.Random(f"{self.seed}:{key}:{run}")  # noqa: S311 - it is to be repeated
        return chance.choice(self.faults) if chance.random() < self.rate else ""


def chaos(faults: str | None, seed: str | None, environ: Mapping[str, str]) -> Chaos:
    """What is asked for: ``RATE`` or ``RATE=name,name:argument``, and a seed.

    Raises `BehaviourError` for a rate that is none and faults that do not exist.
    """
    asked = faults or environ.get("CODEAGENT_STANDIN_FAULTS", "0")
    seed = seed or environ.get("CODEAGENT_STANDIN_SEED", "0")
    share, _, names = asked.partition("=")
    try:
        rate = float(share)
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= 1:
        raise behaviour.BehaviourError(f"faults: expected a share from 0 to 1, got {share!r}")
    chosen = tuple(names.replace(",", " ").split()) or FAULTS
    behaviour.parse(chosen)
    return Chaos(rate, seed, chosen)


def count_run(key: str, environ: Mapping[str, str]) -> int:
    """How often there was a run for ``key`` before; kept where `behaviour.effective` keeps it."""
    state = behaviour.state_file(environ)
    line = f"run {key}"
    before = 0
    if state.exists():
        before = state.read_text("utf-8", "replace").splitlines().count(line)
    append(state, line)
    return before


def append(file: Path, line: str) -> None:
    """Add a line that is there even if this process is killed at once."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)
