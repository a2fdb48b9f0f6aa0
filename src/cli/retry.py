"""``codeagent retry``: have a task done again that failed or was done."""

from __future__ import annotations

import argparse
import time
from typing import Any

from . import common


def add_parser(subparsers: Any) -> None:
    """Add the command to the program's parser."""
    parser = subparsers.add_parser(
        "retry",
        help="let a task run again from its beginning",
        description="Forget the attempts and the progress of a task, so that the next run "
        "does it again. Its line in the list has to be open: [ ].",
    )
    parser.add_argument("task", help="the task's id, or the text of its item")
    common.add_place(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 done, 1 it could not be done, 2 wrong usage."""
    from ..core.reconcile import normalised
    from ..store import InvalidTransition, StoreError, open_store
    from ..store.lock import ProjectBusy, ProjectLock

    prepared = common.prepared(args)
    if prepared is None:
        return common.WRONG_USAGE
    layout = prepared.layout
    if not layout.database.exists():
        return common.complain(f"nothing was run here yet: there is no {layout.database}")
    try:
        with (
            ProjectLock([layout.project, layout.state], layout.lock, "codeagent retry"),
            open_store(layout.database) as store,
        ):
            wanted = normalised(args.task)
            tasks = store.tasks().result()
            found = [t for t in tasks if wanted in (t.id, normalised(t.text))]
            if not found:
                return common.complain(f"there is no task {args.task!r}")
            store.reset_task(found[0].id, time.time()).result()
    except (ProjectBusy, InvalidTransition) as error:
        return common.complain(error)
    except StoreError as error:
        common.complain(error)
        return 1
    print(f"{found[0].id} runs again with the next `codeagent run`: {found[0].text}")
    return 0
