"""``codeagent retry``: have tasks done again that failed, were cancelled, or are done."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import common

if TYPE_CHECKING:
    from ..core.overview import Row
    from .place import Place


def add_parser(subparsers: Any) -> None:
    """Add the command to the program's parser."""
    parser = subparsers.add_parser(
        "retry",
        description="Forget the attempts and the progress of tasks, so that they are done again: "
        "at once by a server that runs, otherwise with the next run. Without a server the line "
        "of a task that is done has to be open: [ ].",
    )
    parser.add_argument("task", nargs="*", help=common.TASK_HELP)
    parser.add_argument("--all", action="store_true", help="every task that needs a person")
    common.add_place(parser)
    parser.add_argument("--json", action="store_true", help="the tasks as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 done, 1 some could not be, 2 wrong usage."""
    from ..api import note
    from ..store import StoreError
    from . import place, tasks

    if bool(args.task) == args.all:
        return common.complain("name the tasks that are to run again, or all with --all")
    found = place.find_place(args)
    if found is None:
        return common.WRONG_USAGE
    server = note.read(found.state)
    try:
        views = tasks.read(found, server)
    except StoreError as error:
        return common.complain(error)
    if args.all:
        chosen: list[Row | None] = [view for view in views if view["group"] == "attention"]
    else:
        chosen = [tasks.pick(views, wanted) for wanted in args.task]
    rows = [row for row in chosen if row is not None]
    if len(rows) < len(chosen):
        return common.WRONG_USAGE
    if not rows:
        print("[]" if args.json else "no task needs a person")
        return 0
    code, done = (_by_server if server is not None else _by_ourselves)(found, rows)
    if args.json:
        print(json.dumps([{"id": row["id"], "text": row["text"]} for row in done]))
        return code
    when = "now" if server is not None else "with the next `codeagent run`"
    for row in done:
        print(f"{row['id']} runs again {when}: {row['text']}")
    return code


def _by_server(place: Place, rows: Sequence[Row]) -> tuple[int, list[Row]]:
    from ..api.client import NoAnswer
    from .orders import client_for

    client = client_for(place)
    if client is None:
        return common.WRONG_USAGE, []
    done = []
    for row in rows:
        try:
            client.post(f"/v1/tasks/{row['id']}/retry")
        except NoAnswer as error:
            common.complain(f"{row['id']}: {error}")
        else:
            done.append(row)
    return int(len(done) < len(rows)), done


def _by_ourselves(place: Place, rows: Sequence[Row]) -> tuple[int, list[Row]]:
    from ..store import InvalidTransition, StoreError, open_store
    from ..store.lock import ProjectBusy, ProjectLock

    lock = ProjectLock(
        [place.project, place.state], place.state / "codeagent.lock", "codeagent retry"
    )
    done: list[Row] = []
    try:
        with lock, open_store(place.database) as store:
            for row in rows:
                store.reset_task(row["id"], time.time()).result()
                done.append(row)
    except (ProjectBusy, InvalidTransition) as error:
        return common.complain(error), done
    except StoreError as error:
        common.complain(error)
        return 1, done
    return 0, done
