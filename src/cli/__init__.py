"""The command line. Each command imports what it needs when it runs."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence

from .. import __version__

DESCRIPTION = "Works through a project's TODO list with a coding agent."


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code.

    0 everything is done, 1 something failed or needs a person, 2 wrong usage
    or configuration, 130 interrupted.
    """
    args = _parser().parse_args(argv)
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


def _parser() -> argparse.ArgumentParser:
    from . import (
        ab,
        demo,
        diff,
        doctor,
        init,
        logs,
        ls,
        migrate,
        models,
        orders,
        retry,
        rollout,
        run,
        twins,
    )

    parser = argparse.ArgumentParser(prog="codeagent", description=DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"codeagent {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in (
        init,
        run,
        ls,
        logs,
        diff,
        retry,
        orders,
        rollout,
        demo,
        doctor,
        models,
        migrate,
        twins,
        ab,
    ):
        module.add_parser(commands)
    return parser
