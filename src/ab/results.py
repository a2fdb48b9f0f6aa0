"""The results of a run as a file.

JSON in the shape of pytest-benchmark (``machine_info``, ``commit_info``,
``benchmarks`` with ``stats``; its documentation, "Comparing past runs"), so that its
tools read it; what they have no place for is under the key ``ab``.  A file that
pytest-benchmark itself wrote can be read too.
"""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..core.stats import Interval
from .criteria import Row, Verdict, overall

if TYPE_CHECKING:
    from .experiment import Outcome

SCHEMA: Final = 1
"""Version of what is under ``ab``."""


class ResultsError(Exception):
    """A file is no results file; the message says what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """Repeated measurements of one thing; costs of single operations in ``unit``.

    ``group`` is what is done, ``name`` who does it.
    """

    group: str
    name: str
    data: Sequence[float]
    unit: str = "s"
    params: Mapping[str, Any] = field(default_factory=dict)
    iterations: int = 1

    @property
    def key(self) -> str:
        """What it is found by in another run."""
        return f"{self.group}[{self.name}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One side of a series: its name and, for each x, a value with its interval."""

    name: str
    points: Sequence[tuple[float, Interval]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A quantity over another, as memory over the number of tasks at once."""

    title: str
    x: str
    unit: str
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """All that a run has found, and where.

    ``version`` is that of what was measured; ``complete`` is false for a run that
    has left out some of its criteria, which decides nothing for others.
    """

    at: datetime
    version: str = ""
    complete: bool = True
    rows: Sequence[Row] = ()
    benchmarks: Sequence[Benchmark] = ()
    series: Sequence[Series] = ()
    machine: Mapping[str, Any] = field(default_factory=dict)
    commit: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """The verdict of all rows together."""
        return overall(self.rows)


def benchmarks_of(outcome: Outcome) -> tuple[Benchmark, ...]:
    """The measurements of both sides of an experiment."""
    criterion, metric = outcome.plan.criterion, outcome.settings.metric
    return tuple(
        Benchmark(
            group=criterion.name,
            name=name,
            data=data,
            unit="B" if metric == "peak_rss" else "s",
            params={"path": name, "metric": metric.value},
            iterations=outcome.repeats,
        )
        for name, data in zip((outcome.baseline, outcome.contender), outcome.costs(), strict=True)
        if data
    )


def save(results: Results, file: Path) -> None:
    """Write the results; the file appears whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    half = file.with_name(f".{file.name}.{os.getpid()}")
    text = json.dumps(to_json(results), indent=1, ensure_ascii=False, allow_nan=False)
    half.write_text(text + "\n", "utf-8")
    half.replace(file)


def load(file: Path) -> Results:
    """Read results.

    Raises:
        ResultsError: if the file cannot be read or is something else.
    """
    try:
        data = json.loads(file.read_text("utf-8-sig"))
    except OSError as error:
        raise ResultsError(f"{file}: {error.strerror or error}") from error
    except ValueError as error:
        raise ResultsError(f"{file} is no JSON: {error}") from error
    try:
        return from_json(data)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else error
        raise ResultsError(f"{file} is no results file of this program: {what}") from error


def newest(places: Iterable[Path], version: str) -> tuple[Path, Results] | None:
    """The newest complete results of that version, with their file; None if there are none.

    Places are files, or directories of ``*.json``.  What is no results file is passed
    over, since other things may lie there as well.
    """
    found: tuple[Path, Results] | None = None
    for file in (file for place in places for file in _files(place)):
        try:
            results = load(file)
        except ResultsError:
            continue
        if results.version != version or not results.complete or not results.rows:
            continue
        if found is None or results.at.timestamp() >= found[1].at.timestamp():
            found = file, results
    return found


def _files(place: Path) -> Iterable[Path]:
    return sorted(place.glob("*.json")) if place.is_dir() else (place,)


def to_json(results: Results) -> dict[str, Any]:
    """The whole document."""
    return {
        "machine_info": dict(results.machine),
        "commit_info": dict(results.commit),
        "benchmarks": [_benchmark(one) for one in results.benchmarks],
        "datetime": results.at.isoformat(),
        "version": "5.1.0",  # of pytest-benchmark, whose shape it is
        "ab": {
            "schema": SCHEMA,
            "verdict": results.verdict.value,
            "version": results.version,
            "complete": results.complete,
            "rows": [row.to_json() for row in results.rows],
            "series": [_series(one) for one in results.series],
            "versions": dict(results.versions),
        },
    }


def _benchmark(one: Benchmark) -> dict[str, Any]:
    return {
        "group": one.group,
        "name": one.key,
        "fullname": one.key,
        "params": dict(one.params) | {"name": one.name},
        "param": one.name,
        "extra_info": {"unit": one.unit},
        "options": {"timer": "perf_counter", "warmup": True},
        "stats": stats(one.data, one.iterations),
    }


def stats(data: Sequence[float], iterations: int = 1) -> dict[str, Any]:
    """The figures that pytest-benchmark gives, by its definitions."""
    ordered = sorted(data)
    count = len(ordered)
    mean = statistics.fmean(ordered)
    sd = statistics.stdev(ordered) if count > 1 else 0.0
    q1, q3 = _quartile(ordered), -_quartile([-value for value in reversed(ordered)])
    iqr = q3 - q1
    outside = sum(not q1 - 1.5 * iqr <= value <= q3 + 1.5 * iqr for value in ordered)
    far = sum(abs(value - mean) > sd for value in ordered)
    return {
        "min": ordered[0],
        "max": ordered[-1],
        "mean": mean,
        "stddev": sd,
        "rounds": count,
        "median": statistics.median(ordered),
        "iqr": iqr,
        "q1": q1,
        "q3": q3,
        "iqr_outliers": outside,
        "stddev_outliers": far,
        "outliers": f"{far};{outside}",
        "ld15iqr": next(value for value in ordered if value >= q1 - 1.5 * iqr),
        "hd15iqr": next(value for value in reversed(ordered) if value <= q3 + 1.5 * iqr),
        "ops": 1 / mean if mean else 0.0,
        "total": math.fsum(ordered),
        "iterations": iterations,
        "data": list(data),
    }


def _quartile(ordered: Sequence[float]) -> float:
    """The first quartile: between the medians of the half without and with the middle value."""
    count = len(ordered)
    halves = ordered[: max(count // 2, 1)], ordered[: (count + 1) // 2]
    return statistics.fmean(map(statistics.median, halves))


def _series(one: Series) -> dict[str, Any]:
    lines = [
        {
            "name": line.name,
            "points": [[x, y.estimate, _finite(y.low), _finite(y.high)] for x, y in line.points],
        }
        for line in one.lines
    ]
    return {"title": one.title, "x": one.x, "unit": one.unit, "lines": lines}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def from_json(data: Mapping[str, Any]) -> Results:
    """Read a document of this program or of pytest-benchmark.

    Raises:
        KeyError, TypeError, ValueError: if it is neither.
    """
    more = data.get("ab") or {}
    if more and more["schema"] > SCHEMA:
        raise ValueError(f"it was written by a newer version (schema {more['schema']})")
    return Results(
        at=datetime.fromisoformat(data["datetime"]),
        version=str(more.get("version", "")),
        complete=bool(more.get("complete", True)),
        rows=tuple(map(Row.from_json, more.get("rows", ()))),
        benchmarks=tuple(map(_benchmark_from, data["benchmarks"])),
        series=tuple(map(_series_from, more.get("series", ()))),
        machine=dict(data.get("machine_info") or {}),
        commit=dict(data.get("commit_info") or {}),
        versions=dict(more.get("versions") or {}),
    )


def _benchmark_from(data: Mapping[str, Any]) -> Benchmark:
    figures = data["stats"]
    # Without --benchmark-save-data there are only the five numbers that sum it up.
    values = figures.get("data") or [figures[key] for key in ("min", "q1", "median", "q3", "max")]
    return Benchmark(
        group=str(data.get("group") or str(data["name"]).partition("[")[0]),
        name=str(data.get("param") or data["name"]),
        data=[float(value) for value in values],
        unit=str((data.get("extra_info") or {}).get("unit", "s")),
        params=dict(data.get("params") or {}),
        iterations=int(figures.get("iterations", 1)),
    )


def _series_from(data: Mapping[str, Any]) -> Series:
    lines = []
    for line in data["lines"]:
        points = [
            (
                float(x),
                Interval(
                    float(y),
                    -math.inf if low is None else float(low),
                    math.inf if high is None else float(high),
                ),
            )
            for x, y, low, high in line["points"]
        ]
        lines.append(Line(name=str(line["name"]), points=points))
    return Series(
        title=str(data["title"]), x=str(data["x"]), unit=str(data["unit"]), lines=tuple(lines)
    )


def machine_info() -> dict[str, Any]:
    """What the machine is; for comparisons, and for readers to judge absolute numbers by."""
    load = os.getloadavg() if hasattr(os, "getloadavg") else ()
    return {
        "node": platform.node(),
        "processor": _processor(),
        "machine": platform.machine(),
        "cpu_count": os.cpu_count(),
        "memory": _memory(),
        "system": platform.system(),
        "release": platform.release(),
        "python_implementation": platform.python_implementation(),
        "python_version": platform.python_version(),
        "python_compiler": platform.python_compiler(),
        "load": list(load),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.processor()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def commit_info(place: Path) -> dict[str, Any]:
    """The commit of the working tree at that place; empty outside of one."""

    def git(*args: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(place), *args], capture_output=True, text=True, timeout=30
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "HEAD")
    if commit is None:
        return {}
    return {
        "id": commit,
        "time": git("show", "-s", "--format=%cI", "HEAD"),
        "dirty": bool(git("status", "--porcelain", "--untracked-files=no")),
        "branch": git("rev-parse", "--abbrev-ref", "HEAD"),
    }


def versions(names: Sequence[str]) -> dict[str, str]:
    """The versions of installed distributions; those that are not installed are left out."""
    from importlib import metadata

    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
