"""Attributes of an item in a comment: ``id: api; after: db; priority: 5; paths: src/api``."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PAIR = re.compile(r"(id|after|priority|paths):(?:[ \t]+(.*))?", re.IGNORECASE | re.DOTALL)
_NAMES = re.compile(r"(?:[^,{}]|\{[^{}]*\}|[{}])+")
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Attributes:
    """What an item says of its place among others; ``complaint`` is for its author."""

    id: str | None = None
    after: tuple[str, ...] = ()
    priority: int = 0
    paths: tuple[str, ...] = ()
    complaint: str | None = None


def parse_attributes(comment: str) -> Attributes | None:
    """The attributes in ``comment``; ``None`` if it holds anything else."""
    pairs: dict[str, str] = {}
    for part in comment.split(";"):
        if not part.strip():
            continue
        found = _PAIR.fullmatch(part.strip())
        if found is None:
            return None
        pairs[found[1].lower()] = (found[2] or "").strip()
    if not pairs:
        return None
    priority, complaint = parse_priority(pairs.get("priority", "0"))
    return Attributes(
        id=pairs.get("id") or None,
        after=split_names(pairs.get("after", "")),
        priority=priority,
        paths=split_names(pairs.get("paths", "")),
        complaint=complaint,
    )


def parse_priority(value: str) -> tuple[int, str | None]:
    """The number in ``value``, or 0 and what is wrong with it."""
    if _NUMBER.fullmatch(value):
        return int(value), None
    return 0, f"priority must be a whole number of at most nine digits, not {value!r}; 0 is used"


def split_names(value: str) -> tuple[str, ...]:
    """The names in a list separated by commas; those within braces separate nothing."""
    return tuple(name for found in _NAMES.finditer(value) if (name := found[0].strip()))


def as_remark(comment: str) -> str:
    """``comment``, changed just enough not to be read as attributes."""
    return comment.replace(":", " :", 1) if parse_attributes(comment) else comment
