"""Since when a synchronous path has not been used, and what could go with it."""

from __future__ import annotations

from dataclasses import dataclass

from ..rollout.control import Rollout
from ..rollout.override import ALL
from ..rollout.stages import Colour, Stage

_PARTS = {
    "files-read": ("_sync/io.py",),
    "files-write": ("_sync/io.py",),
    "git-read": ("_sync/git.py",),
    "git-write": ("_sync/git.py",),
    "llm": ("_sync/http.py", "_runtime/sync_http.py"),
    "agents": ("_sync/agents.py", "_sync/reports.py"),
    "monitoring": ("_sync/monitoring.py",),
    "core": ("_sync/", "_runtime/sync_*.py", "tests/_sync/", "benchmarks/_sync/", "twins/"),
}
"""By capability, what only its synchronous path needs once the core's is not used either."""


@dataclass(frozen=True, slots=True)
class Retirement:
    """``unused_since`` is in seconds since the epoch, None while the path is in use, or was
    never anything else; ``why`` says which."""

    capability: str
    unused_since: float | None
    why: str
    removable: tuple[str, ...] = ()


def retirement(rollout: Rollout) -> list[Retirement]:
    """What the trail and the flags say of every capability."""
    answered: dict[str, float] = {}
    changed: dict[str, float] = {}
    for record in rollout.audit.read():
        name, at = str(record.get("capability")), float(record["at"])
        kind = record.get("kind")
        if kind == "operation" and record.get("authoritative") == Colour.SYNC:
            answered[name] = at
        elif kind in ("set", "rollback", "lift", "lowered"):
            for each in rollout.capabilities if name == ALL else (name,):
                changed[each] = at
    found = [_one(rollout, name, answered, changed) for name in rollout.capabilities]
    free = {each.capability for each in found if each.unused_since is not None}
    return [
        Retirement(each.capability, each.unused_since, each.why, _removable(each.capability, free))
        for each in found
    ]


def _one(
    rollout: Rollout, name: str, answered: dict[str, float], changed: dict[str, float]
) -> Retirement:
    ceiling = rollout.override.ceiling(name)
    if ceiling is not None and ceiling.stage is not Stage.COMPLETE:
        return Retirement(name, None, f"in use: held at {ceiling.stage}")
    if not rollout.flag_file.exists():
        return Retirement(name, None, "not known: there is no flag file, so nothing is recorded")
    rung = rollout.rung(name)
    if rung.stage is not Stage.COMPLETE or rung.share < 100:
        return Retirement(name, None, f"in use: the flag stands at {rung}")
    last = max(answered.get(name, 0.0), changed.get(name, 0.0))
    if not last:
        return Retirement(name, None, "not known: the trail has nothing about it")
    return Retirement(name, last, "the asynchronous path has answered alone")


def _removable(name: str, free: set[str]) -> tuple[str, ...]:
    """The core needs every part of its own colour, and each part what the core stands on."""
    needed = set(_PARTS) if name == "core" else {name, "core"}
    return _PARTS[name] if needed <= free else ()
