"""The newest results of the A/B gate for this version."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ..ab.criteria import Verdict
from ..ab.results import Results, ResultsError, load

PLACES = ("ab-results", ".ab")
"""Where the gate leaves its results, relative to the working directory."""


class Gate(NamedTuple):
    """What the gate said, and where that stands."""

    verdict: Verdict
    file: Path

    @property
    def passed(self) -> bool:
        """Whether every criterion is met."""
        return self.verdict is Verdict.PROMOTE


def newest(places: Iterable[Path], version: str) -> Gate | None:
    """The newest results of that version of codeagent; None if there are none.

    Places are files or directories of ``*.json``; what is no results file is passed over.
    """
    found: list[tuple[Results, Path]] = []
    for place in places:
        for file in sorted(place.rglob("*.json")) if place.is_dir() else [place]:
            try:
                results = load(file)
            except ResultsError:
                continue
            if results.rows and results.versions.get("codeagent") == version:
                found.append((results, file))
    if not found:
        return None
    results, file = max(found, key=lambda each: each[0].at.timestamp())
    return Gate(results.verdict, file)
