"""What the benchmarks share, and the table at the end of a run."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from . import measure
from .agents import make_agent
from .sides import PATHS, Side, opened


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    name: str
    value: str
    target: str
    verdict: str
    load: float

    def cells(self) -> tuple[str, ...]:
        """The columns as text."""
        return (self.name, self.value, self.target, self.verdict, f"{self.load:.1f}")


Rows = Callable[..., None]

_ROWS: pytest.StashKey[list[Row]] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    """Begin an empty table."""
    config.stash[_ROWS] = []


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Rows:
    """Add a line to the table: ``row(name, shown, value=, below=)``.

    With an interval as ``value`` the verdict is given only where the whole of
    it lies on one side of ``below``.
    """
    rows = request.config.stash[_ROWS]

    def add(
        name: str,
        shown: str,
        *,
        value: float | measure.Ratio | None = None,
        below: float | None = None,
        target: str = "",
    ) -> None:
        rows.append(Row(name, shown, target, _verdict(value, below), measure.load()))

    return add


def _verdict(value: float | measure.Ratio | None, below: float | None) -> str:
    if value is None or below is None:
        return ""
    low, high = (value.low, value.high) if isinstance(value, measure.Ratio) else (value, value)
    if high <= below:
        return "met"
    return "not met" if low > below else "unclear"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table, as Markdown."""
    rows: list[Row] = terminalreporter.config.stash[_ROWS]
    if not rows:
        return
    head = ("what", "measured", "target", "", "load")
    lines = [head, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    table = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines]
    table.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    terminalreporter.section("targets")
    terminalreporter.write_line(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.platform()}\n"
    )
    terminalreporter.write_line("\n".join(table))


@pytest.fixture(scope="module", params=PATHS)
def side(request: pytest.FixtureRequest) -> Iterator[Side]:
    """Each path in turn, with its loop warm for the whole module."""
    with opened(request.param) as ready:
        yield ready


@pytest.fixture(params=PATHS)
def path(request: pytest.FixtureRequest) -> str:
    """The name of each path in turn."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The coding agent that costs next to nothing: compiled, where there is a compiler."""
    return make_agent(tmp_path_factory.mktemp("agent") / "agent")
