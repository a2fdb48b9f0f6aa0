"""``codeagent run`` and ``codeagent serve``: the main job, once or as a daemon."""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from . import common
from .commands import COMMANDS

if TYPE_CHECKING:
    from ..app import Prepared
    from ..core.agents import Adapter

TICK = 1.0
"""Seconds between two redraws of the terminal while nothing happens."""


def add_parser(subparsers: Any) -> None:
    """Add both commands to the program's parser."""
    for name in ("run", "serve"):
        _, text = COMMANDS[name]
        parser = subparsers.add_parser(name, description=f"{text.capitalize()}.")
        common.add_place(parser)
        common.add_path(parser)
        parser.add_argument("--agent", metavar="NAME", help="the agent to use (async.agent)")
        add_output(parser)
        parser.set_defaults(run=run, keep_watching=name == "serve", command=f"codeagent {name}")


def add_output(parser: Any) -> None:
    """The arguments that say what is shown."""
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="one JSON event a line")
    output.add_argument("--quiet", action="store_true", help="only the summary")


def run(args: argparse.Namespace) -> int:
    """Run the server; returns the exit code of `cli.main`."""
    prepared = common.prepared(args)
    if prepared is None:
        return common.WRONG_USAGE
    for warning in prepared.config.warnings:
        print(f"codeagent: {warning}", file=sys.stderr)
    return start(
        prepared,
        json=args.json,
        quiet=args.quiet,
        keep_watching=args.keep_watching,
        command=args.command,
    )


def start(prepared: Prepared, *, json: bool, quiet: bool, keep_watching: bool, command: str) -> int:
    """Run what was prepared and show how it goes."""
    from ..app import Refused, find_agent, require_list
    from ..core.redact import secret_values
    from ..core.supervise import ServiceFailed
    from ..observe import logs
    from ..observe.progress import progress_for
    from ..serving import run_server
    from ..store import StoreError
    from ..store.lock import ProjectBusy

    secrets = secret_values(prepared.environment)
    try:
        if not keep_watching:
            require_list(prepared)
        adapter: Adapter = find_agent(prepared)
        prepared.layout.logs.mkdir(parents=True, exist_ok=True)
        logs.configure(
            prepared.config.runtime.log_level,
            prepared.layout.log,
            secrets=secrets,
            fields={"path": prepared.path},
        )
    except (Refused, logs.LogFileError, OSError) as error:
        return common.complain(error)
    with ExitStack() as stack:
        stack.callback(logs.close)
        progress = progress_for(
            sys.stdout,
            json=json,
            quiet=quiet,
            environ=os.environ,
            logs=str(prepared.layout.logs),
            secrets=secrets,
        )
        stack.callback(progress.close)
        stack.enter_context(_Ticker(progress.tick))
        try:
            return run_server(
                prepared, adapter, sink=progress, keep_watching=keep_watching, command=command
            )
        except (Refused, ProjectBusy) as error:
            problem: object = error
            code = common.WRONG_USAGE
        except (StoreError, ServiceFailed, OSError) as error:
            problem, code = error, 1
    common.complain(problem)
    return code


class _Ticker:
    """Tells the terminal about once a second that time passes."""

    def __init__(self, tick: Callable[[float], None]) -> None:
        self._tick = tick
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def __enter__(self) -> None:
        if sys.stdout.isatty():
            self._thread.start()

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(TICK):
            self._tick(time.time())
