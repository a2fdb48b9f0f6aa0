"""What several commands have in common."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

TYPE_CHECKING = False  # `typing` itself would be a twelfth of the start of `codeagent ls`
if TYPE_CHECKING:
    from typing import Any

    from ..app import Prepared, Request

WRONG_USAGE = 2

TASK_HELP = "the task's id, the beginning of it, or a part of its text"


def add_place(parser: Any) -> None:
    """The arguments that say which project, and which configuration."""
    parser.add_argument("--project", type=Path, metavar="DIR", help="the project to work on")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the configuration file")


def add_path(parser: Any) -> None:
    """The argument that picks the path."""
    parser.add_argument(
        "--path",
        choices=("async", "sync"),
        help="the path to run on (async.path in the configuration; async by default)",
    )


def request(args: argparse.Namespace) -> Request:
    """The request that the arguments make."""
    from ..app import Request

    return Request(
        project=args.project,
        config=args.config,
        path=getattr(args, "path", None),
        agent=getattr(args, "agent", None),
    )


def prepared(args: argparse.Namespace) -> Prepared | None:
    """What the arguments and the configuration say; None once the error is told."""
    from ..app import Refused, prepare
    from ..core.config import ConfigError

    try:
        return prepare(request(args))
    except (Refused, ConfigError) as error:
        complain(error)
        return None


def complain(error: object) -> int:
    """Say on standard error what is wrong; returns the exit code for wrong usage."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        error = f"{error.filename}: {error.strerror}; mend that and try again"
    print(f"codeagent: {error}", file=sys.stderr)
    return WRONG_USAGE
