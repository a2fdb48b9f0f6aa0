"""Measure the criteria, write results and report, and end with the verdict's exit code."""

from __future__ import annotations

import argparse
import math
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from codeagent.ab import report
from codeagent.ab.compare import Comparison, compare
from codeagent.ab.criteria import EXIT_CODES, Row
from codeagent.ab.decision import Gate, Look
from codeagent.ab.quantities import quantity
from codeagent.ab.results import (
    Line,
    Results,
    ResultsError,
    Series,
    commit_info,
    load,
    machine_info,
    save,
    versions,
)
from codeagent.routing import gate

from . import calls, files, jobs, limits, llm, start
from .trial import ROOT, Found, Measurement, measured, opened_bench

MEASUREMENTS: tuple[Measurement, ...] = (
    *limits.MEASUREMENTS,
    *start.MEASUREMENTS,
    *llm.MEASUREMENTS,
    *calls.MEASUREMENTS,
    *files.MEASUREMENTS,
    *jobs.MEASUREMENTS,  # they take longest, so that they get what the others leave
)
DIRECTORY = ROOT / gate.LOCAL
BASELINE = ROOT / "benchmarks" / "baseline.json"
QUICK = 270.0
"""Seconds for a quick run, all in all."""
AMPLE = 3.0
"""How many equal shares of the time that is left a single measurement may take."""
INTERRUPTED = 130
FAILED = 1
_KEPT = "what was measured until now is kept, and is no complete result"
TOLERANCE = 0.05
"""Share by which a row may be worse than in the baseline: what is asked of most rows."""
PACKAGES = ("codeagent", "httpx", "httpcore", "uvloop", "aiofiles", "pydantic", "pytest-benchmark")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the gate; returns the exit code."""
    args = _parser().parse_args(arguments)
    chosen = [one for one in MEASUREMENTS if _wanted(one, args)]
    if not chosen:
        print("no criterion is called that; --list names all", file=sys.stderr)
        return 2
    if args.list:
        print("\n".join(criterion.name for one in chosen for criterion in one.criteria))
        return 0
    try:
        before = load(args.baseline) if args.baseline.exists() else None
    except ResultsError as error:
        print(error, file=sys.stderr)
        return 2
    every, ended = Found(), 0
    try:
        _measure(chosen, every, quick=args.quick)
    except KeyboardInterrupt:
        ended = INTERRUPTED
        _say(f"interrupted: {_KEPT}")
    except Exception:
        ended = FAILED
        traceback.print_exc()
        _say(f"the gate itself has failed, as told above: {_KEPT}")
    complete = not (args.quick or args.only or ended)
    results = _results(every, complete=complete)
    stem = f"{results.at:%Y%m%d-%H%M%S}-{str(results.commit.get('id', 'unknown'))[:10]}"
    place = args.results / f"{stem}.json"
    save(results, place)
    if complete:
        save(results, gate.home() / place.name)  # for `codeagent rollout advance` anywhere
    place.with_suffix(".html").write_text(report.html(results, title="The A/B gate"), "utf-8")
    place.with_suffix(".md").write_text(text := report.markdown(results), "utf-8")
    print(text)
    print(f"written: {place}, {place.with_suffix('.html').name}", file=sys.stderr)
    compared = None if before is None else _compared(before, results, quick=args.quick)
    if compared is not None:
        print(report.comparison(compared))
    if ended:
        return ended
    if args.store:
        save(replace(results, benchmarks=[], series=[]), args.baseline)  # what is compared
        print(f"stored as the baseline: {args.baseline}", file=sys.stderr)
    code = EXIT_CODES[results.verdict]
    return 1 if compared is not None and compared.regressions else code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small budgets, fewer criteria")
    parser.add_argument(
        "--only", action="append", metavar="TEXT", help="criteria with TEXT in their name"
    )
    parser.add_argument("--list", action="store_true", help="name the criteria and end")
    parser.add_argument(
        "--results", type=Path, default=DIRECTORY, metavar="DIR", help="where results go"
    )
    parser.add_argument(
        "--baseline",
        type=Path,
        default=BASELINE,
        metavar="FILE",
        help="stored results; what has become worse since then fails the gate",
    )
    parser.add_argument("--store", action="store_true", help="make the results the baseline")
    return parser


def _wanted(one: Measurement, args: argparse.Namespace) -> bool:
    if args.only:
        names = [criterion.name for criterion in one.criteria]
        return any(text in name for text in args.only for name in names)
    return one.quick or not args.quick


def _measure(chosen: Sequence[Measurement], every: Found, *, quick: bool) -> None:
    """Measure one after the other, add what was found to ``every``, and say so."""
    ends = time.monotonic() + QUICK
    with opened_bench(quick=quick) as bench:
        for number, one in enumerate(chosen, 1):
            names = ", ".join(criterion.name for criterion in one.criteria)
            _say(f"[{number}/{len(chosen)}] {names}")
            began = time.monotonic()
            if quick:  # what has taken less leaves more to those that follow
                left = max(ends - began, 0)
                bench.seconds = AMPLE * left / (len(chosen) - number + 1)
            found = measured(one, bench, _watch)
            for row in found.rows:
                _say(f"    {row.verdict}: {_shown(row)} ({time.monotonic() - began:.0f} s)")
            every.rows += found.rows
            every.benchmarks += found.benchmarks
            every.points += found.points


def _shown(row: Row) -> str:
    unit = "" if row.criterion.is_ratio else row.unit
    return f"{quantity(row.estimate, unit)}, {row.reason}"


def _watch(seen: Gate | Look) -> None:
    what = "A/A" if isinstance(seen, Gate) else "A/B"
    low, high = seen.interval.low, seen.interval.high
    width = f"[{low:.3f}, {high:.3f}]" if math.isfinite(high) else "unknown"
    _say(f"    {what} after {seen.pairs} pairs: {seen.interval.estimate:.3f} {width}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _results(found: Found, *, complete: bool) -> Results:
    """What was found as a document."""
    return Results(
        at=datetime.now(UTC),
        version=metadata.version("codeagent"),
        complete=complete,
        rows=found.rows,
        benchmarks=found.benchmarks,
        series=_series(found),
        machine=machine_info(),
        commit=commit_info(ROOT),
        versions=versions(PACKAGES),
    )


def _series(found: Found) -> list[Series]:
    """The points of all experiments, put together by title and side."""
    series = []
    for title in dict.fromkeys(point.title for point, _, _ in found.points):
        points = [(point, name, at) for point, name, at in found.points if point.title == title]
        lines = [
            Line(name=name, points=[(point.x, at) for point, side, at in points if side == name])
            for name in dict.fromkeys(name for _, name, _ in points)
        ]
        first = points[0][0]
        series.append(Series(title=title, x=first.over, unit=first.unit, lines=lines))
    return series


def _compared(before: Results, after: Results, *, quick: bool) -> Comparison:
    """Against the stored run; what a partial run has left out is not missed."""
    if not after.complete:
        names = {row.name for row in after.rows}
        before = replace(before, rows=[row for row in before.rows if row.name in names])
    return compare(before, after, tolerance=TOLERANCE, brief=quick)


if __name__ == "__main__":
    sys.exit(main())
