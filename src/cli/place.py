"""Where a project's state lies, found as fast as it can be.

Reading the configuration takes longer than all that a command which only shows
the state has to do.  Most configurations do not say a word about where the state
lies; then it is where it always is.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from . import common

MAX_ATTEMPTS = 3
"""The default of ``server.checkpoint.max_task_attempts``."""

_OWN_STATE = ".codeagent"
_DECISIVE = ("state_dir", "base_dir", "max_task_attempts", "\\")
"""A configuration of ours without any of these has its state in the usual place; a
backslash may hide them."""


class Place:
    """What a command has to know of an installation."""

    def __init__(
        self, project: Path, state: Path, logs: Path, max_attempts: int = MAX_ATTEMPTS
    ) -> None:
        self.project = project
        self.state = state
        self.logs = logs
        self.max_attempts = max_attempts

    @property
    def database(self) -> Path:
        """The state file."""
        return self.state / "codeagent.db"


def find_place(args: argparse.Namespace) -> Place | None:
    """The place that the arguments mean; None once it is told what is wrong with them."""
    found = locate(args)
    if found is not None and not found.database.exists():
        common.complain(
            f"nothing was run here yet: there is no {found.database}; start with `codeagent run`, "
            "or name the project with --project"
        )
        return None
    return found


def locate(args: argparse.Namespace) -> Place | None:
    """As `find_place`, also where nothing was run yet."""
    return _usual(args) or _configured(args)


def _usual(args: argparse.Namespace) -> Place | None:
    """Where it always is, if nothing that is configured can say otherwise."""
    if args.config is not None or Path("config/config.yaml").is_file():
        return None
    project = (args.project or Path()).resolve()
    for name in ("codeagent.yaml", "codeagent.yml"):
        try:
            text = (project / name).read_text("utf-8")
        except FileNotFoundError:
            continue
        except (OSError, ValueError):
            return None
        if any(word in text for word in _DECISIVE):
            return None
        break
    state = project / _OWN_STATE
    return Place(project, state, state / "logs")


def _configured(args: argparse.Namespace) -> Place | None:
    prepared = common.prepared(args)
    if prepared is None:
        return None
    layout = prepared.layout
    return Place(layout.project, layout.state, layout.logs, prepared.config.max_attempts)
