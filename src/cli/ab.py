"""``codeagent ab``: results of A/B runs as a report, and against each other."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .common import complain


def add_parser(subparsers: Any) -> None:
    """Add the command to the program's parser."""
    parser = subparsers.add_parser(
        "ab",
        description="Reads results that the gate has written, or pytest-benchmark's JSON.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    report = actions.add_parser(
        "report",
        help="make one HTML page and a Markdown table",
        description=(
            "Exit code 0 if every criterion is met, 1 if one is not, 3 if the numbers do not tell."
        ),
    )
    report.add_argument("files", type=Path, nargs="+", metavar="FILE", help="results of one run")
    report.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="DIR",
        help="where report.html and report.md go (beside the first file)",
    )
    report.add_argument("--title", default="A/B report", help="the heading of the page")
    report.set_defaults(run=_report)

    compare = actions.add_parser(
        "compare",
        help="compare a run with an older one",
        description="Exit code 1 for a regression in a gating criterion.",
    )
    compare.add_argument("before", type=Path, metavar="A", help="the older results")
    compare.add_argument("after", type=Path, metavar="B", help="the newer results")
    compare.add_argument(
        "--tolerance",
        type=_share,
        default=0.03,
        metavar="SHARE",
        help="how much worse an estimate may become (0.03)",
    )
    compare.set_defaults(run=_compare)

    combine = actions.add_parser(
        "combine",
        help="make one result of several runs, to compare later ones with",
        description=(
            "How much runs of the same program differ on this machine is seen in several of "
            "them, and a later run that is off by no more is no regression."
        ),
    )
    combine.add_argument("files", type=Path, nargs="+", metavar="FILE", help="results of a run")
    combine.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="where the result goes"
    )
    combine.set_defaults(run=_combine)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share from 0 up to 1, as 0.03 is")
    return value


def _report(args: argparse.Namespace) -> int:
    from ..ab import report
    from ..ab.criteria import EXIT_CODES
    from ..ab.results import ResultsError, load

    try:
        results = report.merged([load(file) for file in args.files])
    except ResultsError as error:
        return complain(error)
    place = args.output or args.files[0].parent
    markdown = report.markdown(results)
    texts = {"report.html": report.html(results, title=args.title), "report.md": markdown}
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (place / name).write_text(text, "utf-8")
    except OSError as error:
        return complain(f"{error.filename}: {error.strerror}; choose another place with -o DIR")
    print(markdown)
    print(f"written: {place / 'report.html'}, {place / 'report.md'}", file=sys.stderr)
    return EXIT_CODES[results.verdict]


def _combine(args: argparse.Namespace) -> int:
    from ..ab import report
    from ..ab.combine import combined
    from ..ab.results import ResultsError, load, save

    try:
        results = combined([load(file) for file in args.files])
    except (ResultsError, ValueError) as error:
        return complain(error)
    try:
        save(results, args.output)
    except OSError as error:
        return complain(f"{args.output}: {error.strerror}; choose another file with -o FILE")
    print(report.markdown(results))
    print(f"written: {args.output}", file=sys.stderr)
    return 0


def _compare(args: argparse.Namespace) -> int:
    from ..ab import report
    from ..ab.compare import compare
    from ..ab.results import ResultsError, load

    try:
        found = compare(load(args.before), load(args.after), tolerance=args.tolerance)
    except ResultsError as error:
        return complain(error)
    print(report.comparison(found), end="")
    return found.exit_code
