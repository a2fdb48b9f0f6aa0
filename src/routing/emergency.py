"""Putting things off with as little as possible: no flags, no network, few imports."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from ..rollout.audit import Audit
from ..rollout.override import ALL, Override
from ..rollout.stages import Stage
from .capabilities import CAPABILITIES, GROUPS, named


def rollback(
    directory: Path,
    name: str,
    *,
    actor: str,
    reason: str,
    environment: Mapping[str, str] = os.environ,
) -> list[str]:
    """Put a capability, a group, or ``*`` off; the names that were put off.

    Raises LookupError for a name that there is not, OSError if nothing can be written.
    """
    names = list(named(name))
    known = [each.name for each in CAPABILITIES]
    if name != ALL and not set(names) <= set(known):
        raise LookupError(
            f"there is no capability {name}: use one of {', '.join([*known, *GROUPS])}"
        )
    override = Override(directory / "override.json", environment=environment)
    audit = Audit(directory / "audit.jsonl", clock=time.time)
    for each in names:
        override.trip(each, reason=reason, actor=actor, now=time.time())
    for each in names:
        fields = {"capability": each, "to": Stage.OFF.value, "actor": actor, "why": reason}
        audit.transition("rollback", fields)
    return names
