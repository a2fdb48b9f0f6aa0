"""The newest results of the A/B gate for this version."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ..ab import results
from ..ab.criteria import Verdict
from ..core.workspace import state_home

LOCAL = Path(".benchmarks", "ab")
"""Where the gate leaves its results, below the directory that it runs in."""


class Gate(NamedTuple):
    """What the gate said, and where that stands."""

    verdict: Verdict
    file: Path

    @property
    def passed(self) -> bool:
        """Whether every criterion is met."""
        return self.verdict is Verdict.PROMOTE


def home() -> Path:
    """Where the gate leaves complete results for all projects of a user."""
    return state_home(os.environ, Path(os.path.expanduser("~"))) / "ab"  # noqa: PTH111 - no error


def places(*projects: Path) -> list[Path]:
    """Where results are looked for: below these directories, and in `home`."""
    return [*dict.fromkeys(project.absolute() / LOCAL for project in projects), home()]


def newest(places: Iterable[Path], version: str) -> Gate | None:
    """The newest complete results of that version of codeagent; None if there are none.

    Places are files or directories; what is no results file is passed over.
    """
    found = results.newest(places, version)
    return None if found is None else Gate(found[1].verdict, found[0])
