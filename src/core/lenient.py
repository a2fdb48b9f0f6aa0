"""Values of documents that others write, taken as far as they make sense."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeGuard

LARGEST = 2**31
_LATEST = 253_370_000_000  # late in the year 9998: beyond it time zones overflow


def write_time(at: float | None) -> str | None:
    """Seconds since the epoch as naive local ISO 8601 with microseconds."""
    if at is None:
        return None
    local = datetime.fromtimestamp(at, tz=UTC).astimezone().replace(tzinfo=None)
    return local.isoformat(timespec="microseconds")


def read_time(value: object) -> float | None:
    """Seconds since the epoch of an ISO 8601 text, none for anything else or before it."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return at if 0 <= at < _LATEST else None


def mapping(value: object) -> dict[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def count(value: object, largest: int = LARGEST) -> int:
    """A whole number of things; 0 for anything that is none."""
    if type(value) is int and 0 <= value <= largest:
        return value
    return 0


def is_text(value: object) -> TypeGuard[str]:
    """Whether it is text that UTF-8 can carry."""
    if not isinstance(value, str):
        return False
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
