"""Ceilings above the flags: what an operator or the guard puts down holds here and now.

They come from the environment, from a JSON file and from memory, need no network and
no thread, and the lowest wins.  A ceiling can only lower; none can undo another.

The file maps the name of a capability, or ``*`` for all, to a stage, or to an object
with ``stage``, ``reason``, ``actor`` and ``at`` (seconds since the epoch)::

    {"*": "off"}
    {"git-write": {"stage": "off", "reason": "...", "actor": "guard", "at": 1790000000}}
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .files import Signature, locked, read, signature, write_durably
from .stages import Stage, parse_stage, rank

ALL = "*"
_PATIENCE = 0.3  # seconds; a kill has less than one in all


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The highest stage allowed, and who says so: ``env``, ``file`` or ``trip``."""

    stage: Stage
    source: str
    reason: str = ""
    actor: str = ""
    at: float = 0.0


class Override:
    """The ceilings in force for this process.

    ``clock`` is monotonic; the file is looked at again after ``interval`` seconds
    of it.  A file that cannot be understood puts everything off.
    """

    def __init__(
        self,
        path: Path,
        *,
        variable: str = "ROLLOUT_FORCE",
        environment: Mapping[str, str] = os.environ,
        interval: float = 0.05,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self._variable = variable
        self._environment = environment
        self._interval = interval
        self._clock = clock
        self._due = -float("inf")
        self._loaded: tuple[Signature | None, Mapping[str, Ceiling]] = (None, {})
        self._forced: tuple[str, Mapping[str, Ceiling]] = ("", {})
        self._trips: Mapping[str, Ceiling] = {}
        self._changing = threading.Lock()

    def ceiling(self, name: str) -> Ceiling | None:
        """The lowest ceiling over the capability, or None if it is free to rise."""
        if self._clock() >= self._due:
            self._look()
        forced = self._environment.get(self._variable, "")
        written = self._loaded[1]
        if not (forced or written or self._trips):
            return None
        if forced != self._forced[0]:
            self._forced = (forced, _from_environment(forced))
        found = [
            ceiling
            for place in (self._trips, written, self._forced[1] if forced else {})
            for key in (name, ALL)
            if (ceiling := place.get(key)) is not None
        ]
        return min(found, key=lambda ceiling: rank(ceiling.stage), default=None)

    def entries(self) -> dict[str, list[Ceiling]]:
        """Every ceiling by name, whichever the lowest; the file is read anew."""
        self._look()
        forced = self._environment.get(self._variable, "")
        found: dict[str, list[Ceiling]] = {}
        for place in (self._trips, self._loaded[1], _from_environment(forced) if forced else {}):
            for key, ceiling in place.items():
                found.setdefault(key, []).append(ceiling)
        return found

    def _look(self) -> None:
        try:
            found = signature(self.path)
            if found is None:
                self._loaded = (None, {})
            elif found != self._loaded[0] or not found.settled():
                seen, content = read(self.path)
                self._loaded = (seen, parse(content))  # in one step: other threads look too
        except (OSError, ValueError) as error:
            reason = f"the override file is unusable: {error}"
            self._loaded = (None, {ALL: Ceiling(Stage.OFF, "file", reason)})
        self._due = self._clock() + self._interval  # only now: until then others look too

    def trip(self, name: str, *, reason: str, actor: str, now: float, durable: bool = True) -> None:
        """Put the capability off: for this process at once, then in the file.

        ``now`` is in seconds since the epoch.  Without ``durable`` the file waits for
        `settle`, so that an event loop may call this.  Raises OSError if the file
        cannot be written; this process obeys even then.
        """
        with self._changing:
            ceiling = Ceiling(Stage.OFF, "trip", reason, actor, now)
            self._trips = {**self._trips, name: ceiling}
        if durable:
            self.settle()

    def settle(self) -> None:
        """Move what was tripped in memory to the file; raises OSError.

        From then on the file alone says how long, so that any process can lift it.
        """
        waiting = dict(self._trips)
        if not waiting:
            return
        self._change(lambda entries: entries.update(waiting))
        for name in waiting:
            self._forget(name)

    def _forget(self, name: str) -> bool:
        with self._changing:
            known = name in self._trips
            self._trips = {key: value for key, value in self._trips.items() if key != name}
        return known

    def put(self, name: str, stage: Stage, *, reason: str, actor: str, now: float) -> None:
        """Write a ceiling into the file, to last until it is lifted; raises OSError."""

        def change(entries: dict[str, Ceiling]) -> None:
            entries[name] = Ceiling(stage, "file", reason, actor, now)

        self._change(change)

    def lift(self, name: str) -> bool:
        """Take the ceiling of exactly that name away; tells whether there was one.

        Raises ValueError while the file is unusable, unless ``*`` is lifted, which
        makes it anew, and OSError if it cannot be written.
        """
        had = self._forget(name)

        def change(entries: dict[str, Ceiling]) -> None:
            nonlocal had
            had = entries.pop(name, None) is not None or had

        self._change(change, strict=name != ALL)
        return had

    def _change(self, change: Callable[[dict[str, Ceiling]], None], strict: bool = False) -> None:
        lock = self.path.with_name(f".{self.path.name}.lock")
        with self._changing, locked(lock, _PATIENCE):
            try:
                entries = dict(parse(read(self.path)[1]))
            except FileNotFoundError:
                entries = {}
            except (ValueError, OSError) as error:
                if strict:
                    raise ValueError(
                        f"{self.path} is unusable, so everything is off ({error});"
                        " mend it, or lift * to make it anew"
                    ) from error
                entries = {ALL: Ceiling(Stage.OFF, "file", "the override file was unusable")}
            change(entries)
            write_durably(self.path, _dump(entries))
            self._look()


def parse(content: bytes) -> dict[str, Ceiling]:
    """The ceilings in a file; raises ValueError for anything that is not well-formed."""
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(document, dict):
        raise ValueError("not an object")
    return {name: _entry(name, value) for name, value in document.items()}


def _entry(name: str, value: Any) -> Ceiling:
    fields = value if isinstance(value, dict) else {"stage": value}
    stage = parse_stage(fields.get("stage"))
    if stage is None:
        raise ValueError(f"{name}: {fields.get('stage')!r} is no stage")
    at = fields.get("at", 0)
    if not isinstance(at, int | float):
        at = 0
    return Ceiling(
        stage, "file", str(fields.get("reason", "")), str(fields.get("actor", "")), float(at)
    )


def _dump(entries: Mapping[str, Ceiling]) -> bytes:
    document = {}
    for name, ceiling in entries.items():
        document[name] = asdict(ceiling)
        del document[name]["source"]
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def _from_environment(text: str) -> dict[str, Ceiling]:
    """``off``, or ``files-read=shadow,git-write=off``; what is no stage puts everything off."""
    found: dict[str, Ceiling] = {}
    for part in text.split(","):
        name, equals, value = part.strip().rpartition("=")
        stage = parse_stage(value.strip().lower())
        if stage is None or bool(equals) != bool(name.strip()):
            return {ALL: Ceiling(Stage.OFF, "env", f"{part.strip()!r} names no stage")}
        found[name.strip() or ALL] = Ceiling(stage, "env", "set in the environment")
    return found
