"""The rollout as people read it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..routing.retirement import Retirement

_HEADINGS = (
    "capability",
    "stage",
    "share",
    "source",
    "last change",
    "sync: errors, median",
    "async: errors, median",
    "verdict",
    "next rung",
)


def table(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A line for each capability, then what each waits for."""
    cells = [_HEADINGS, *(tuple(_cells(row)) for row in rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(_HEADINGS))]
    for line in cells:
        yield "  ".join(
            cell.ljust(width) for cell, width in zip(line, widths, strict=True)
        ).rstrip()
    for row in rows:
        waits = [*row["rolls_back"], *(w for w in row["waits_for"] if w not in row["rolls_back"])]
        if row["next"] and waits and row["stage"] != "off":
            yield f"\n{row['capability']} waits, before {row['next']}, for:"
            yield from (f"  {reason}" for reason in waits)


def _cells(row: Mapping[str, Any]) -> Iterator[str]:
    yield row["capability"]
    yield row["stage"]
    yield f"{row['share']:g} %"
    yield row["source"]
    yield _change(row["changed"])
    for path in ("sync", "async"):
        yield _side(row["paths"][path])
    yield row["verdict"]
    yield row["next"] or "-"


def _change(change: Mapping[str, Any] | None) -> str:
    if change is None:
        return "-"
    return f"{_moment(change['at'])} {change['kind']} by {change['actor']}"


def _side(side: Mapping[str, Any]) -> str:
    if not side["operations"]:
        return "-"
    rate, low, high = side["error_rate"]
    text = f"{rate:.2%} [{low:.2%}, {high:.2%}]"
    if "seconds" in side:
        middle, least, most = (_short(value) for value in side["seconds"])
        text += f", {middle} [{least}, {most}]"
    return text


def _short(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.0f} µs"


def _moment(at: Any) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(float(at)))


def record(found: Mapping[str, Any]) -> str:
    """A line of the trail."""
    line = f"{_moment(found['at'])}  {found.get('kind', '?'):<9}  {found.get('capability', ''):<11}"
    if found.get("kind") == "operation":
        times = ", ".join(f"{path} {ms:g} ms" for path, ms in found.get("ms", {}).items())
        errors = "".join(f", {path}: {error}" for path, error in found.get("errors", {}).items())
        return f"{line}  {found.get('stage')} ({found.get('source')}), {times}{errors}"
    steps = " -> ".join(str(found[key]) for key in ("from", "to") if found.get(key))
    parts = [part for part in (steps, found.get("why")) if part]
    by = found.get("actor") or found.get("source") or ""
    return f"{line}  {by}: {'; '.join(map(str, parts))}"


def retired(found: Retirement) -> Iterator[str]:
    """Since when a synchronous path was not used, and what could go."""
    if found.unused_since is None:
        yield f"{found.capability:<11}  {found.why}"
        return
    days = (time.time() - found.unused_since) / 86_400
    since = _moment(found.unused_since)
    yield f"{found.capability:<11}  not used since {since} ({days:.1f} days): {found.why}"
    if found.removable:
        yield f"{'':<11}  could be removed: {', '.join(found.removable)}"
