"""``codeagent migrate``: the schema of a state file, forward and back."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = subparsers.add_parser(
        "migrate",
        description="Show the schema version of a state file, or lead it forward or back."
        " No server may have the file open while it changes.",
    )
    parser.add_argument("action", choices=("status", "up", "down"))
    parser.add_argument(
        "--to",
        type=int,
        metavar="N",
        help="the version to reach (up: the latest, down: one back)",
    )
    parser.add_argument("--state", type=Path, required=True, metavar="FILE", help="the state file")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 done, 1 it could not be done, 2 wrong usage."""
    from ..store import StoreError

    if not args.state.is_file():
        return _refuse(f"there is no state file {args.state}; the server makes one at its start")
    if args.action == "status" and args.to is not None:
        return _refuse("--to goes with up and down, not with status")
    try:
        return _run(args.action, args.state, args.to)
    except StoreError as exc:
        _refuse(str(exc))
        return 1


def _run(action: str, path: Path, to: int | None) -> int:
    from contextlib import closing

    from ..store import schema
    from ..store.database import connect

    with closing(connect(path, exclusive=action != "status")) as connection:
        current = schema.version(connection)
        if action == "status":
            sys.stdout.write(_table(current))
            return 0
        target = to
        if target is None:
            target = schema.latest() if action == "up" else max(0, current - 1)
        if (action == "up" and target < current) or (action == "down" and target > current):
            return _refuse(
                f"the state file has version {current}; {action} does not lead to {target}"
            )
        if action == "down" and target < current:
            _keep_copy(connection, path, current)
        for step in schema.migrate(connection, target):
            sys.stdout.write(f"{action:<4}  {step.number:04d}  {step.name}\n")
        sys.stdout.write(f"version {schema.version(connection)}\n")
    return 0


def _keep_copy(connection: sqlite3.Connection, path: Path, version: int) -> None:
    from ..store.database import copy

    number = 0
    while (target := path.with_name(f"{path.name}.v{version}.{number}")).exists():
        number += 1
    copy(connection, target)
    sys.stdout.write(f"copied to {target}\n")


def _table(current: int) -> str:
    from ..store import schema

    lines = ["version  name             applied\n"]
    for step in schema.migrations():
        applied = "yes" if step.number <= current else "no"
        lines.append(f"{step.number:04d}     {step.name:<15}  {applied}\n")
    if current > schema.latest():
        lines.append(f"{current:04d}     (of a newer Code Agent)\n")
    return "".join(lines)


def _refuse(problem: str) -> int:
    sys.stderr.write(f"codeagent migrate: {problem}\n")
    return 2
