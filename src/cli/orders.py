"""``codeagent cancel``, ``pause``, ``resume`` and ``drain``: orders to the running server."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from . import common
from .commands import COMMANDS

if TYPE_CHECKING:
    from ..api.client import Client
    from .place import Place

_ORDERS = {
    "pause": "no more tasks are started; what runs goes on",
    "resume": "tasks are started again",
    "drain": "the server ends when what runs has ended",
}


def add_parser(subparsers: Any) -> None:
    """Add the commands to the program's parser."""
    parser = subparsers.add_parser(
        "cancel",
        description="End the attempt at a task, or keep it from starting. It runs again after "
        "`codeagent retry`.",
    )
    parser.add_argument("task", nargs="+", help=common.TASK_HELP)
    _add_rest(parser, cancel)
    for name in _ORDERS:
        _, text = COMMANDS[name]
        parser = subparsers.add_parser(name, description=f"{text.capitalize()}.")
        _add_rest(parser, order)
        parser.set_defaults(order=name)


def _add_rest(parser: Any, function: Any) -> None:
    common.add_place(parser)
    parser.add_argument("--json", action="store_true", help="the server's answer as JSON")
    parser.set_defaults(run=function)


def order(args: argparse.Namespace) -> int:
    """0 if the server obeyed, 1 if it did not, 2 if there is none."""
    from . import place

    found = place.find_place(args)
    if found is None or (client := client_for(found)) is None:
        return common.WRONG_USAGE
    answer = _send(client, f"/v1/{args.order}")
    if answer is None:
        return 1
    print(json.dumps(answer) if args.json else _ORDERS[args.order])
    return 0


def cancel(args: argparse.Namespace) -> int:
    """0 if all tasks were cancelled, 1 if some were not, 2 if there is no server or task."""
    from ..store.overview import Overview
    from . import place, tasks

    found = place.find_place(args)
    if found is None or (client := client_for(found)) is None:
        return common.WRONG_USAGE
    with Overview(found.database) as stored:
        rows = stored.tasks()
    chosen = [tasks.pick(rows, wanted) for wanted in args.task]
    if None in chosen:
        return common.WRONG_USAGE
    code = 0
    answers = []
    for row in chosen:
        assert row is not None  # noqa: S101 - see above
        answer = _send(client, f"/v1/tasks/{row['id']}/cancel")
        if answer is None:
            code = 1
            continue
        answers.append(answer)
        if not args.json:
            print(f"{row['id']} is cancelled: {row['text']}")
            print(f"to have it done after all: codeagent retry {row['id']}")
    if args.json:
        print(json.dumps(answers))
    return code


def client_for(place: Place) -> Client | None:
    """A client of the server that runs; None once it is told why there is none."""
    from ..api import note
    from ..api.client import Client

    server = note.read(place.state)
    if server is None:
        common.complain(
            f"no server runs on {place.project}: start one with `codeagent run` or "
            "`codeagent serve`"
        )
        return None
    if server.url is None or server.token is None:
        common.complain(
            f"the server on {place.project} (process {server.pid}) takes no orders: "
            f"{server.problem or 'its API is not open'}"
        )
        return None
    return Client(server.url, server.token)


def _send(client: Client, path: str) -> Any:
    from ..api.client import NoAnswer

    try:
        return client.post(path)
    except NoAnswer as error:
        common.complain(error)
        return None
