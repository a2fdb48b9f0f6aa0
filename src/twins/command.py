"""The command line: ``generate``, ``check`` and ``lint``.

The exit code is 0 when all is well, 1 for drift, findings, or a tree that cannot
be generated, and 2 for wrong usage, a wrong configuration or a missing tool.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .compare import Kind
from .config import Config, load_config
from .errors import ConfigError, ToolMissing, TwinsError
from .findings import Finding
from .project import check, generate, lint


def run(args: argparse.Namespace) -> int:
    """Do what the parsed arguments say; returns the exit code."""
    actions = {"generate": _generate, "check": _check, "lint": _lint}
    try:
        return actions[args.action](load_config(args.config))
    except (TwinsError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2 if isinstance(error, (ConfigError, ToolMissing)) else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """The command on its own, as ``python -m codeagent.twins``."""
    parser = argparse.ArgumentParser(
        prog="python -m codeagent.twins",
        description="Generate synchronous twins of asynchronous packages, and keep them honest.",
    )
    parser.add_argument(
        "action",
        choices=("generate", "check", "lint"),
        help="generate: write the twins; check: compare them, touching nothing;"
        " lint: report what the conversion gets wrong",
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="a TOML file with a [tool.codeagent.twins] section (default: the nearest pyproject.toml)",
    )
    return run(parser.parse_args(arguments))


def _generate(config: Config) -> int:
    done = generate(config)
    for path in done.written:
        _say(f"wrote {path}")
    for path in done.removed:
        _say(f"removed {path}")
    _list(done.findings)
    _say(
        f"{len(done.written)} written, {len(done.removed)} removed, {done.unchanged} unchanged,"
        f" {_count(len(done.findings), 'finding')}"
    )
    return 1 if done.findings else 0


def _check(config: Config) -> int:
    seen = check(config)
    for difference in seen.differences:
        _say(str(difference))
        if difference.kind is Kind.SURPLUS:
            _say("  it has no source in the async directory")
    _list(seen.findings)
    if seen.ok:
        _say(f"{_count(seen.files, 'twin')} up to date")
        return 0
    _say(f"{_count(len(seen.differences), 'difference')}, {_count(len(seen.findings), 'finding')}")
    if seen.differences:
        _say("to bring the twins up to date, run: codeagent twins generate")
    return 1


def _lint(config: Config) -> int:
    findings = lint(config)
    _list(findings)
    _say(_count(len(findings), "finding"))
    return 1 if findings else 0


def _list(findings: Sequence[Finding]) -> None:
    for finding in findings:
        _say(str(finding))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
