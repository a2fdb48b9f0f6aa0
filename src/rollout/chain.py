"""A file of JSON lines in which every line vouches for the one before.

``prev`` of a line is the SHA-256 of the bytes of the line before it, without its
line end; the very first has 64 zeros.  A changed, added or missing line breaks the
chain; only a missing end leaves no trace.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START = "0" * 64
REPAIR = "repair"


def digest(line: bytes) -> str:
    """What the next line has as its ``prev``."""
    return hashlib.sha256(line).hexdigest()


def link(record: Mapping[str, Any], previous: str) -> bytes:
    """The record as a line, without its end."""
    fields = {**record, "prev": previous}
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False, default=str).encode(
        "utf-8", "backslashreplace"
    )


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` found. ``broken`` is the first bad line: file, number, what is wrong.

    ``torn`` counts the lines that a crash cut short and the next start reported.
    """

    lines: int
    torn: int = 0
    broken: tuple[Path, int, str] | None = None

    @property
    def ok(self) -> bool:
        """Whether the chain holds."""
        return self.broken is None


def verify(files: Iterable[Path]) -> Verification:
    """Follow the chain through the files, oldest first; raises OSError."""
    previous: str | None = None
    lines = torn = 0
    cut: tuple[Path, int] | None = None
    for path in files:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                line = raw.removesuffix(b"\n")
                record = _record(line)
                if cut is not None:
                    if record is None or record.get("kind") != REPAIR:
                        return Verification(lines, torn, (*cut, "it is no JSON object"))
                    torn, cut = torn + 1, None
                if record is None:
                    cut = (path, number)
                elif previous is not None and record.get("prev") != previous:
                    why = (
                        "it does not follow the line before: one of them was changed or is missing"
                    )
                    return Verification(lines, torn, (path, number, why))
                elif previous is None and not _is_digest(record.get("prev")):
                    return Verification(lines, torn, (path, number, "it has no prev"))
                previous = digest(line)
                lines += 1
    if cut is not None:
        return Verification(lines, torn, (*cut, "it is cut short"))
    return Verification(lines, torn)


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and len(value) == 64


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def records(files: Iterable[Path], kind: str | None = None) -> Iterator[dict[str, Any]]:
    """Every record that can be read, or those of one kind, oldest first; raises OSError."""
    wanted = b"" if kind is None else f'"kind":{json.dumps(kind)}'.encode()
    for path in files:
        with path.open("rb") as file:
            for raw in file:
                record = _record(raw) if wanted in raw else None
                if record is not None:
                    yield record
