"""Where everything lies: the predecessor's places for its configuration, else
one directory of our own inside the project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .config import Config

OWN_DIRECTORY = ".codeagent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Absolute paths of one installation.

    ``root`` is where the relative paths of its configuration count from;
    ``checkpoints`` are the places where the checkpoint may be found; the first
    one is written.
    """

    root: Path
    project: Path
    state: Path
    database: Path
    lock: Path
    logs: Path
    log: Path
    status: Path
    checkpoints: tuple[Path, ...]
    directories: tuple[Path, ...]


def root_of(config_file: Path, project: Path | None) -> Path:
    """The directory that relative paths of a configuration file count from.

    For ``<root>/config/config.yaml`` it is ``<root>``, as it was for the
    predecessor; for any other file it is the file's own directory.
    """
    if config_file.name in ("codeagent.yaml", "codeagent.yml") and project is not None:
        return project
    parent = config_file.parent
    return parent.parent if parent.name == "config" else parent


def plan(config: Config, *, root: Path, project: Path) -> Layout:
    """The layout for a configuration whose relative paths count from ``root``."""
    wanted = config.runtime.state_dir
    if config.predecessor:
        checkpoints = tuple(root / name for name in config.checkpoint_files)
        state = root / wanted if wanted else checkpoints[0].parent
        logs, log_name = root / "logs", "code_agent.log"
        exchange = [
            project / "cursor_commands",
            project / "cursor_results",
            project / config.docs.results_dir,
            project / config.docs.reviews_dir,
        ]
    else:
        state = root / wanted if wanted else project / OWN_DIRECTORY
        checkpoints = (state / "checkpoint.json",)
        logs, log_name = state / "logs", "codeagent.log"
        exchange = []
    status = project / config.project.status_file
    return Layout(
        root=root,
        project=project,
        state=state,
        database=state / "codeagent.db",
        lock=state / "codeagent.lock",
        logs=logs,
        log=logs / log_name,
        status=status,
        checkpoints=checkpoints,
        directories=(
            state,
            logs,
            *dict.fromkeys(path.parent for path in checkpoints),
            status.parent,
            *exchange,
        ),
    )
