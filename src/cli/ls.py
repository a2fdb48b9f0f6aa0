"""``codeagent ls``: how the tasks stand."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence

from . import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..api.note import Note
    from ..core.overview import TaskView

DONE_SHOWN = 5

_HEADINGS = {
    "attention": "needs a person",
    "running": "running",
    "waiting": "waiting",
    "queued": "queued",
    "done": "done",
}


def add_parser(subparsers: Any) -> None:
    """Add the command to the program's parser."""
    parser = subparsers.add_parser(
        "ls",
        description="Show the tasks: what needs a person first, then what runs, what waits, and "
        "what is done. It needs no running server.",
    )
    common.add_place(parser)
    parser.add_argument("--all", action="store_true", help="all tasks that are done, too")
    parser.add_argument("--json", action="store_true", help="as one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0, or 2 if there is nothing to show."""
    from ..api import note
    from ..store import StoreError
    from . import place, tasks

    found = place.find_place(args)
    if found is None:
        return common.WRONG_USAGE
    server = note.read(found.state)
    try:
        views = tasks.read(found, server)
    except StoreError as error:
        return common.complain(error)
    if args.json:
        import json

        about = None if server is None else {**vars(server), "token": None}
        json.dump({"server": about, "tasks": views}, sys.stdout, indent=2)
        print()
        return 0
    for line in lines(views, server, time.time(), everything=args.all):
        print(line)
    return 0


def lines(
    views: Sequence[TaskView], server: Note | None, now: float, *, everything: bool
) -> Iterator[str]:
    """What is shown to people."""
    if server is None:
        yield "no server runs: start one with `codeagent run` or `codeagent serve`"
    else:
        where = f", {server.url}" if server.url else ""
        yield f"a server runs: process {server.pid}, path {server.path}{where}"
    if not views:
        yield "there are no tasks yet"
    texts = {view["id"]: view["text"] for view in views}
    width = max((len(view["id"]) for view in views), default=0)
    for group, heading in _HEADINGS.items():
        members = [view for view in views if view["group"] == group]
        if not members:
            continue
        yield f"\n{heading} ({len(members)})"
        shown = members if everything or group != "done" else members[:DONE_SHOWN]
        for view in shown:
            yield f"  {view['id']:<{width}}  {_line(view['text'])}"
            for detail in _details(view, texts, now):
                yield f"  {'':<{width}}    {detail}"
        if len(shown) < len(members):
            yield f"  and {len(members) - len(shown)} more: codeagent ls --all"


def _details(view: TaskView, texts: dict[str, str], now: float) -> Iterator[str]:
    group = view["group"]
    if group == "running":
        yield ", ".join(_under_way(view, now))
    elif group == "waiting":
        from ..core.times import countdown

        yield f"goes on at {countdown(view['not_before'] or now, now)}"
    elif group == "queued" and view["after"]:
        names = ", ".join(repr(_line(texts.get(other, other))) for other in view["after"])
        yield f"comes after {names}"
    elif group == "done":
        parts = [] if view["state"] == "done" else [view["state"]]
        parts += [f"commit {view['commit'][:12]}"] if view["commit"] else []
        if parts:
            yield ", ".join(parts)
    if view["reason"]:
        yield _line(view["reason"].removeprefix("needs a person: "))
    if view["remedy"]:
        yield f"-> {view['remedy']}"


def _under_way(view: TaskView, now: float) -> Iterator[str]:
    yield view["phase"] or "working"
    if view["instruction"] is not None:
        name = f" ({_line(view['instruction_name'])})" if view["instruction_name"] else ""
        yield f"instruction {view['instruction']}/{view['instructions']}{name}"
    elif view["instructions"]:
        yield f"{view['completed']}/{view['instructions']} instructions done"
    if view["last_event"] is not None:
        yield f"last event {max(0, int(now - view['last_event']))} s ago"
    yield f"attempt {view['attempt']}"
    if view["agent"]:
        yield view["agent"] if not view["model"] else f"{view['agent']} with {view['model']}"
    if view["branch"]:
        yield view["branch"]


def _line(text: str | None) -> str:
    from ..observe.text import one_line

    return one_line(text or "", 160)
