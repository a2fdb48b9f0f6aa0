"""The command line. Only the command that is called is loaded, and imports what it needs when it runs."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from importlib import import_module

from .. import __version__
from .commands import COMMANDS
from .parsing import Parser
from .plugins import leave_out_plugins

DESCRIPTION = "Works through a project's TODO list with a coding agent."
LOADED = 20_000
"""New objects after which garbage is looked for: what a start loads is hardly any. To look as
often as usual takes a sixth of the time, never to look 1 MB."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code.

    0 everything is done, 1 something failed or needs a person, 2 wrong usage
    or configuration, 130 interrupted.
    """
    gc.set_threshold(LOADED)
    leave_out_plugins()
    words = sys.argv[1:] if argv is None else argv
    args = _parser(words[0] if words else "").parse_args(words)
    try:
        code: int = args.run(args)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    finally:
        # The process is about to end; the interpreter need not search it for
        # garbage on its way out, which takes as long as several instructions.
        gc.freeze()
    return code


def _parser(command: str) -> argparse.ArgumentParser:
    """The parser of that command, or the list of all for help and errors."""
    parser = Parser(prog="codeagent", description=DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"codeagent {__version__}")
    commands = parser.add_subparsers(
        title="commands",
        metavar="COMMAND",
        required=True,
        prog="codeagent",  # else argparse writes a usage to know it, which takes 3 ms
    )
    if command in COMMANDS:
        import_module(f".{COMMANDS[command][0]}", __name__).add_parser(commands)
    else:
        for name, (_, text) in COMMANDS.items():
            listed = commands.add_parser(name, help=text)
            listed.set_defaults(run=lambda _: parser.error("name the command first"))
    return parser
