"""``codeagent init``: a configuration and flags to begin with."""

from __future__ import annotations

import argparse
from typing import Any

from . import common

CONFIG = """\
# Settings of Code Agent. Everything has a default; a line counts once its # is taken away.
# All settings: docs/configuration.md

# async:
#   path: async                # sync keeps the core on the synchronous path, whatever the flags say
#   agent: cursor              # or claude, codex, gemini, opencode, or one of your own, see below
#   max_concurrent_tasks: 10   # each task in a git worktree of its own
#   instruction_timeout: 600   # seconds

# agents:
#   mine:
#     command: my-agent --print {prompt}

# verify:
#   commands: [make test]      # what has to pass before work lands

# limits:
#   memory_floor: 512          # MB that have to be free for another task to start
"""


def add_parser(subparsers: Any) -> None:
    """Add the command to the program's parser."""
    parser = subparsers.add_parser(
        "init",
        description="Write codeagent.yaml, every line a comment, and the flag file of the rollout. "
        "What is there already is left alone. With the flag file everything begins on the "
        "synchronous path, and moves with `codeagent rollout advance`.",
    )
    common.add_place(parser)
    parser.add_argument(
        "--complete",
        action="store_true",
        help="begin with everything on the asynchronous path instead",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0, or 2 if the place cannot be used."""
    from ..app import ignore_own
    from ..rollout.control import RolloutError
    from ..rollout.flagfile import Rung
    from ..rollout.stages import Stage
    from ..routing.operator import offline
    from ..routing.routing import ROLLOUT
    from . import rollout as commands

    prepared = common.prepared(args)
    if prepared is None:
        return common.WRONG_USAGE
    layout = prepared.layout
    file = prepared.config_file or layout.project / "codeagent.yaml"
    try:
        if file.exists():
            print(f"{file} is there already")
        else:
            file.write_text(CONFIG, "utf-8")
            print(f"wrote {file}")
        layout.state.mkdir(parents=True, exist_ok=True)
        ignore_own(layout)
        flags = offline(layout.state / ROLLOUT, prepared.environment)
        if not flags.install():
            print(f"{flags.flag_file} is there already")
            return 0
        print(f"wrote {flags.flag_file}")
        if args.complete:
            for name in flags.capabilities:
                whole = Rung(Stage.COMPLETE, 100)
                flags.set(name, whole, actor=commands.actor(), reason="codeagent init --complete")
    except (OSError, RolloutError) as error:
        return common.complain(error)
    where = "asynchronous" if args.complete else "synchronous"
    print(f"everything begins on the {where} path; see `codeagent rollout status`")
    return 0
