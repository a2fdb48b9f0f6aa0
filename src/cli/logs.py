"""``codeagent logs``: what was written about a task's newest attempt."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import common

if TYPE_CHECKING:
    from .place import Place

LOOK_EVERY = 0.25
"""Seconds between two looks at the files that are followed."""

CHUNK = 1 << 16


def add_parser(subparsers: Any) -> None:
    """Add the command to the program's parser."""
    parser = subparsers.add_parser(
        "logs",
        description="Show the log of a task and the raw output of the agents and of the "
        "verification of its newest attempt.",
    )
    parser.add_argument("task", help=common.TASK_HELP)
    parser.add_argument(
        "-f", "--follow", action="store_true", help="go on until the task has ended"
    )
    common.add_place(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a piece of text")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0, or 2 if there is no such task."""
    from ..store.overview import Overview
    from . import place, tasks

    found = place.find_place(args)
    if found is None:
        return common.WRONG_USAGE
    with Overview(found.database) as stored:
        row = tasks.pick(stored.tasks(), args.task)
        if row is None:
            return common.WRONG_USAGE
        show = _as_json if args.json else _as_text()
        shown: dict[Path, int] = {}
        while True:
            goes_on = args.follow and _goes_on(found, stored, row["id"])
            files = files_of(found, stored, row["id"])
            for file in files:
                for text in _news(file, shown):
                    show(file, text)
            sys.stdout.flush()
            if not goes_on:
                break
            time.sleep(LOOK_EVERY)
    if not shown:
        return common.complain(f"nothing was written about {row['id']} yet: {row['text']}")
    return 0


def files_of(place: Place, stored: Any, task_id: str) -> list[Path]:
    """The task's log, then what the agents and the commands of its newest attempt printed."""
    from ..observe.tasklog import file_name

    stamp = len("19700101_000000.log")
    name = file_name(task_id, 0)[:-stamp]
    journals = sorted(file for file in place.logs.glob("task_*.log") if file.name[:-stamp] == name)
    attempts = stored.attempts_of(task_id)
    since = attempts[-1]["started_at"] if attempts else 0.0
    raw = [
        file
        for room in ("agents", "verify")
        for file in sorted((place.logs / room / task_id).glob("*"))
        if file.is_file() and file.stat().st_mtime >= since
    ]
    return [*journals[-1:], *raw]


def _goes_on(place: Place, stored: Any, task_id: str) -> bool:
    """Whether more is to come: it runs, or is about to, and somebody runs it."""
    from ..api import note

    if note.read(place.state) is None:
        return False
    row: Mapping[str, Any] = next(row for row in stored.tasks() if row["id"] == task_id)
    return row["state"] == "running" or (
        row["state"] == "pending" and not row.get("attention") and not row["attempts"]
    )


def _news(file: Path, shown: dict[Path, int]) -> Iterator[str]:
    """What a file has grown by since the last look, whole lines if it is still growing."""
    try:
        with file.open("rb") as source:
            at = shown.setdefault(file, 0)
            source.seek(at)
            while data := source.read(CHUNK):
                cut = data.rfind(b"\n") + 1
                if cut and len(data) == CHUNK:
                    data = data[:cut]
                    source.seek(at + cut)
                at += len(data)
                shown[file] = at
                yield data.decode("utf-8", "replace")
    except OSError:  # it was removed to make room
        return


def _as_text() -> Any:
    last: list[Path] = []
    from ..observe.text import plain

    def show(file: Path, text: str) -> None:
        if last[-1:] != [file]:
            before = "\n" if last else ""
            print(f"{before}==> {file} <==")
            last[:] = [file]
        sys.stdout.write(plain(text))

    return show


def _as_json(file: Path, text: str) -> None:
    print(json.dumps({"file": str(file), "text": text}))
