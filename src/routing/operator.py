"""What an operator sees of the rollout and does with it, by the names of our capabilities."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..rollout.control import Rollout, RolloutError
from ..rollout.flagfile import Rung
from ..rollout.guard import Advance, Outcome
from ..rollout.ladder import next_rung
from ..rollout.override import ALL, Ceiling
from ..rollout.stages import Colour, Stage, lowest, parse_stage
from ..rollout.statistics import lower_bound, upper_bound
from ..rollout.subject import Subject
from ..rollout.tally import Count
from .capabilities import CAPABILITIES, GROUPS, PREFIX, named

TRANSITIONS = ("set", "rollback", "lift", "lowered")
"""The kinds of records that tell of a change."""

SERVER = Subject("server")


def offline(directory: Path, environment: Mapping[str, str], path: str = "async") -> Rollout:
    """The rollout as its files have it; nothing is started."""
    otherwise = Stage.COMPLETE if path == "async" else Stage.OFF
    rollout = Rollout(
        directory, CAPABILITIES, prefix=PREFIX, environment=environment, otherwise=otherwise
    )
    rollout.restore()
    return rollout


def rung_of(stage: str, share: float | None) -> Rung:
    """The rung that was asked for; raises RolloutError."""
    known = parse_stage(stage)
    if known is None:
        raise RolloutError(f"there is no stage {stage!r}: use {', '.join(Stage)}")
    if known is Stage.OFF:
        return Rung(Stage.OFF, 0)
    found = 100.0 if share is None else share
    if not 0 < found <= 100:
        raise RolloutError(f"a share is above 0 and at most 100 per cent, not {found:g}")
    return Rung(known, found)


def targets(rollout: Rollout, name: str) -> tuple[str, ...]:
    """The capabilities that are meant by a name, a group's or their own; raises RolloutError."""
    found = named(name)
    if not set(found) <= set(rollout.capabilities):
        known = ", ".join([*rollout.capabilities, *GROUPS])
        raise RolloutError(f"there is no capability {name}: use one of {known}")
    return found


def set_rung(rollout: Rollout, name: str, rung: Rung, *, actor: str, reason: str) -> None:
    """Put a capability, or all of a group, on a rung; raises RolloutError or OSError."""
    for each in targets(rollout, name):
        rollout.set(each, rung, actor=actor, reason=reason)


def roll_back(rollout: Rollout, name: str, *, actor: str, reason: str) -> list[str]:
    """Put a capability, a group, or ``*`` off; raises RolloutError or OSError."""
    names = [ALL] if name == ALL else list(targets(rollout, name))
    for each in names:
        rollout.rollback(each, actor=actor, reason=reason)
    return names


def lift(rollout: Rollout, name: str, *, actor: str, reason: str) -> list[str]:
    """Take ceilings away; the names of those that there were. Raises RolloutError, OSError."""
    names = (ALL,) if name == ALL else targets(rollout, name)
    return [each for each in names if rollout.lift(each, actor=actor, reason=reason)]


def advance(
    rollout: Rollout, name: str, *, actor: str, instrument: bool | None, force: str
) -> Advance:
    """Climb one rung if everything holds; raises RolloutError or OSError."""
    (each, *others) = targets(rollout, name)
    if others:
        raise RolloutError(f"{name} is several: advance {' or '.join([each, *others])}")
    verdict = rollout.watch.verdict(each)
    return rollout.advance(each, verdict, actor=actor, instrument=instrument, force=force)


def status(rollout: Rollout, instrument: bool | None) -> list[dict[str, Any]]:
    """One row for each capability; raises RolloutError for flags that cannot be read."""
    changes = _last_changes(rollout)
    return [_row(rollout, name, changes, instrument) for name in rollout.capabilities]


def _row(
    rollout: Rollout, name: str, changes: Mapping[str, Any], instrument: bool | None
) -> dict[str, Any]:
    capability = rollout.capabilities[name]
    rung, source = rung_now(rollout, name)
    ceiling = rollout.override.ceiling(name)
    stage = rung.stage if ceiling is None else lowest(rung.stage, ceiling.stage)
    verdict = rollout.watch.verdict(name)
    sample = rollout.watch.sample(name)
    following = next_rung(capability, rung)
    waits: list[str] = []
    if following is not None and source == "file":
        conditions = rollout.conditions(name, instrument)
        waits = list(rollout.unmet(name, verdict, conditions))
    return {
        "capability": name,
        "stage": stage.value,
        "share": rung.share if stage is rung.stage else (0.0 if stage is Stage.OFF else 100.0),
        "source": source if ceiling is None else _held(ceiling),
        "flag": str(rung),
        "changed": changes.get(name),
        "paths": {
            colour.value: _side(sample.counts.get(colour, Count()), sample.times.get(colour, ()))
            for colour in Colour
        },
        "verdict": verdict.outcome.value,
        "rolls_back": verdict.because(Outcome.ROLLBACK),
        "next": None if following is None else str(following),
        "waits_for": waits,
    }


def rung_now(rollout: Rollout, name: str) -> tuple[Rung, str]:
    """Where the capability stands without ceilings, and who says so; raises RolloutError."""
    if not rollout.streaming and rollout.flag_file.exists():
        return rollout.rung(name), "file"
    found = rollout.flags.evaluate(f"{PREFIX}.{name}", SERVER)
    share = 0.0 if found.stage is Stage.OFF else 100.0
    return Rung(found.stage, share), "LaunchDarkly" if rollout.streaming else "async.path"


def _held(ceiling: Ceiling) -> str:
    by = f" by {ceiling.actor}" if ceiling.actor else ""
    return f"{ceiling.source}{by}: {ceiling.reason}".rstrip(": ")


def _last_changes(rollout: Rollout) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for record in transitions(rollout):
        name = str(record.get("capability"))
        names = rollout.capabilities if name == ALL else (name,)
        told = {key: record.get(key) for key in ("at", "kind", "actor", "from", "to", "why")}
        found.update(dict.fromkeys(names, told))
    return found


def transitions(rollout: Rollout) -> Iterator[dict[str, Any]]:
    """Every change but those of single tasks, oldest first."""
    kinds = set(TRANSITIONS) - {"lowered"}
    found = [r for kind in kinds for r in rollout.audit.read(kind=kind)]
    yield from sorted(found, key=lambda record: float(record["at"]))


def _side(count: Count, times: tuple[float, ...]) -> dict[str, Any]:
    side: dict[str, Any] = {"operations": count.n, "errors": count.bad}
    if count.n:
        low, high = lower_bound(count.bad, count.n), upper_bound(count.bad, count.n)
        side["error_rate"] = [count.bad / count.n, low, high]
    if times:
        side["seconds"] = _median(times)
    return side


def _median(values: tuple[float, ...]) -> list[float]:
    """The median with its 95 % interval by order statistics, normal approximation."""
    ordered = sorted(values)
    n = len(ordered)
    half = 0.98 * n**0.5
    low, high = int(max(0, n / 2 - half)), int(min(n - 1, n / 2 + half))
    return [statistics.median(ordered), ordered[low], ordered[high]]
