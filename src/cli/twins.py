"""``codeagent twins``: the synchronous twins of a project's asynchronous packages."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_parser(subparsers: Any) -> None:
    """Add the command to the program's parser."""
    parser = subparsers.add_parser(
        "twins",
        description="The trees are named in [tool.codeagent.twins] of the nearest pyproject.toml.",
    )
    parser.add_argument("action", choices=("generate", "check", "lint"), help="what to do")
    parser.add_argument("--config", type=Path, metavar="FILE", help="another file with the section")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do what the parsed arguments say; returns the exit code."""
    from ..twins import command

    return command.run(args)
