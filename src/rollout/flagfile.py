"""The flag file: LaunchDarkly's own JSON, one migration flag per capability.

The form is that of the SDKs' file data source (``flags`` by key, with ``on``,
``prerequisites``, ``rules``, ``fallthrough`` and ``offVariation``).  Two things in
it are easy to get wrong, so they are checked: a context that a rollout cannot
place falls into the variation listed first, and what the weights leave over
falls into the one listed last.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from .capability import Capability, flag_key, kill_key
from .stages import STAGES, Stage, parse_stage, rank

Document = dict[str, Any]
WHOLE = 100_000  # weights are thousandths of a per cent
CONTEXT_KIND = "task"
_VARIATIONS = [stage.value for stage in STAGES]


class FlagFileError(ValueError):
    """The flag file cannot be used. The message says what is wrong with it."""


class Rung(NamedTuple):
    """A stage, and the share of the tasks that have reached it, in per cent."""

    stage: Stage
    share: float

    def __str__(self) -> str:
        return str(self.stage) if self.stage is Stage.OFF else f"{self.stage} {self.share:g} %"


def default_document(capabilities: Iterable[Capability], *, prefix: str, salt: str) -> Document:
    """Every capability off, ready to be moved; ``salt`` must stay the same for ever.

    The salt decides which tasks come first.  With another one, other tasks would.
    """
    kill = kill_key(prefix)
    flags: Document = {
        kill: {
            "key": kill,
            "version": 1,
            "on": True,
            "salt": salt,
            "variations": ["armed", "kill"],
            "offVariation": 1,
            "fallthrough": {"variation": 0},
        }
    }
    for capability in capabilities:
        key = flag_key(prefix, capability.name)
        flags[key] = {
            "key": key,
            "version": 1,
            "on": False,
            "salt": salt,
            "variations": list(_VARIATIONS),
            "offVariation": 0,
            "prerequisites": [{"key": kill, "variation": 0}],
            "contextTargets": [],
            "rules": [],
            "fallthrough": _fallthrough(Rung(Stage.OFF, 0)),
            "migration": {"checkRatio": 1},
        }
    return {"flags": flags}


def _fallthrough(rung: Rung) -> Document:
    weight = round(rung.share * WHOLE / 100)
    first = {"variation": 0, "weight": WHOLE - weight}
    last = {"variation": rank(rung.stage), "weight": weight}
    listed = [first] if rung.stage is Stage.OFF else [first, last]
    if rung.stage is Stage.OFF:
        first["weight"] = WHOLE
    return {"rollout": {"contextKind": CONTEXT_KIND, "variations": listed}}


def parse(data: bytes) -> Document:
    """Read a flag file; raises `FlagFileError`. Only its form is looked at: see `problems`."""
    try:
        document = json.loads(
            data.decode("utf-8-sig"), object_pairs_hook=_without_doubles, parse_constant=_refuse
        )
    except UnicodeDecodeError as error:
        raise FlagFileError("the flag file is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise FlagFileError(
            f"the flag file is not JSON: {error.msg} in line {error.lineno}"
        ) from error
    except RecursionError as error:
        raise FlagFileError("the flag file is nested too deeply") from error
    if not isinstance(document, dict) or not isinstance(document.get("flags"), dict):
        raise FlagFileError('the flag file must be an object with "flags" in it')
    return document


def _without_doubles(pairs: list[tuple[str, Any]]) -> Document:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise FlagFileError(f'the flag file has "{double}" twice in one object; keep one of them')
    return found


def _refuse(constant: str) -> Any:
    raise FlagFileError(f"the flag file holds {constant}, which is no JSON")


def dump(document: Mapping[str, Any]) -> bytes:
    """The document as it is written to the file."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def problems(
    document: Mapping[str, Any], capabilities: Iterable[Capability], *, prefix: str
) -> list[str]:
    """What would make the flags decide otherwise than meant; empty if nothing would."""
    flags = document["flags"]
    found: list[str] = []
    kill = kill_key(prefix)
    if not isinstance(flags.get(kill), dict):
        found.append(f"{kill}: missing; without it every flag below is off")
    elif flags[kill].get("variations") != ["armed", "kill"]:
        found.append(f'{kill}: "variations" must be ["armed", "kill"]')
    for capability in capabilities:
        key = flag_key(prefix, capability.name)
        flag = flags.get(key)
        if not isinstance(flag, dict):
            found.append(f"{key}: missing; the capability stays off")
        else:
            found += [
                f"{key}: {problem}" for problem in _flag_problems(key, flag, capability, kill)
            ]
    return found


def _flag_problems(key: str, flag: Document, capability: Capability, kill: str) -> Iterator[str]:
    if flag.get("key") != key:
        yield f'"key" is {flag.get("key")!r}'
    version = flag.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        yield '"version" must be a whole number from 1'
    if not isinstance(flag.get("on"), bool):
        yield '"on" must be true or false'
    if not isinstance(flag.get("salt"), str) or not flag["salt"]:
        yield '"salt" must be a text that never changes'
    if flag.get("variations") != _VARIATIONS:
        yield f'"variations" must be {json.dumps(_VARIATIONS)}, in this order'
    if flag.get("offVariation") != 0 or isinstance(flag.get("offVariation"), bool):
        yield '"offVariation" must be 0, which is off'
    if {"key": kill, "variation": 0} not in _items(flag.get("prerequisites")):
        yield f"{kill} must be among its prerequisites, with variation 0"
    for place, choice in _choices(flag):
        yield from (f"{place}: {problem}" for problem in _choice_problems(choice, capability))


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _choices(flag: Document) -> Iterator[tuple[str, object]]:
    """Every place in a flag that chooses a variation."""
    yield "fallthrough", flag.get("fallthrough")
    for name in ("rules", "targets", "contextTargets"):
        value = flag.get(name, [])
        if not isinstance(value, list):
            yield name, None
        for index, item in enumerate(_items(value)):
            yield f"{name}[{index}]", item


def _choice_problems(choice: object, capability: Capability) -> Iterator[str]:
    if not isinstance(choice, dict):
        yield "must be an object"
        return
    if "rollout" not in choice:
        yield from _variation_problems(choice.get("variation"), capability)
        return
    rollout = choice["rollout"]
    if not isinstance(rollout, dict) or not _items(rollout.get("variations")):
        yield '"rollout" must list its variations'
        return
    if rollout.get("contextKind") != CONTEXT_KIND:
        yield f'"contextKind" must be "{CONTEXT_KIND}"'
    parts = rollout["variations"]
    if not all(isinstance(part, dict) for part in parts):
        yield "every variation must be an object"
        return
    for part in parts:
        yield from _variation_problems(part.get("variation"), capability)
    if parts[0].get("variation") != 0:
        yield "off (variation 0) must be listed first"
    weights = [part.get("weight") for part in parts]
    if not all(isinstance(w, int) and not isinstance(w, bool) and w >= 0 for w in weights):
        yield "weights must be whole numbers from 0"
    elif sum(weights) != WHOLE:
        yield f"weights must sum to {WHOLE}, not {sum(weights)}"


def _variation_problems(index: object, capability: Capability) -> Iterator[str]:
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(STAGES):
        yield f"variation {index!r} is none of 0 to {len(STAGES) - 1}"
    elif STAGES[index] not in capability.stages:
        allowed = ", ".join(capability.stages)
        yield f"{STAGES[index]} is no stage of {capability.name} (it has {allowed})"


def set_rung(document: Mapping[str, Any], key: str, rung: Rung) -> Document:
    """The document with the flag ``key`` on ``rung``, everybody else off; raises `FlagFileError`.

    Rules and targets stay.  Off turns the flag off, which running tasks obey
    too; a smaller share is for the tasks to come.
    """
    if not 0 <= rung.share <= 100:
        raise FlagFileError(f"a share must be from 0 to 100 per cent, not {rung.share:g}")
    changed = copy.deepcopy(dict(document))
    flag = _flag(changed, key)
    flag["on"] = rung.stage is not Stage.OFF
    flag["fallthrough"] = _fallthrough(rung)
    _bump(flag)
    return changed


def set_kill(document: Mapping[str, Any], prefix: str, *, on: bool) -> Document:
    """The document with everything switched off, or armed again; raises `FlagFileError`."""
    changed = copy.deepcopy(dict(document))
    flag = _flag(changed, kill_key(prefix))
    flag["on"] = not on
    flag["fallthrough"] = {"variation": 0}
    _bump(flag)
    return changed


def _flag(document: Document, key: str) -> Document:
    flag = document.get("flags", {}).get(key)
    if not isinstance(flag, dict):
        raise FlagFileError(f"the flag file has no flag {key}; add it, or make the file anew")
    return flag


def _bump(flag: Document) -> None:
    version = flag.get("version")
    flag["version"] = version + 1 if isinstance(version, int) else 1


def get_rung(document: Mapping[str, Any], key: str) -> Rung:
    """Where the flag stands for a task that no rule or target names; raises `FlagFileError`.

    Of several stages with a share it is the highest.
    """
    flag = _flag(dict(document), key)
    if flag.get("on") is not True:
        return Rung(Stage.OFF, 0)
    try:
        variations, choice = flag["variations"], flag["fallthrough"]
        if "rollout" in choice:
            parts = [(p["variation"], p["weight"]) for p in choice["rollout"]["variations"]]
        else:
            parts = [(choice["variation"], WHOLE)]
        shares: dict[Stage, float] = {}
        for index, weight in parts:
            stage = parse_stage(variations[index])
            if stage is None:
                raise FlagFileError(f"{key}: {variations[index]!r} is no stage")
            if weight > 0:
                shares[stage] = shares.get(stage, 0) + weight * 100 / WHOLE
    except (KeyError, IndexError, TypeError) as error:
        raise FlagFileError(f"{key}: its fallthrough cannot be read") from error
    highest = max(shares, key=rank, default=Stage.OFF)
    return Rung(highest, 0 if highest is Stage.OFF else shares[highest])
