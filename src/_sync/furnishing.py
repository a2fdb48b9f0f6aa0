# Generated from src/_async/furnishing.py. Do not edit.
"""Puts into a worktree what no commit holds, and makes it ready for work."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from .._runtime import directories
from .._runtime import sync_runtime as rt
from ..core.config.work import WorkspaceSettings
from ..core.git import fields
from ..core.limits import cpu_share
from ..core.redact import redact
from ..core.surroundings import for_commands, inherited, temporary
from ..core.workspace import INTEGRATION, OWN_DIRECTORY, SetupFailed, Workspace
from .git import Git
from .setup import run_logged

logger = logging.getLogger(__name__)


class Furnisher:
    """Copies untracked files from ``project`` and runs the set-up command.

    At most ``settings.setup_jobs`` of those run at once, by default half as
    many as there are processors.
    """

    def __init__(
        self,
        settings: WorkspaceSettings,
        *,
        project: Path,
        root: Path,
        git: Git,
        environment: Mapping[str, str],
    ) -> None:
        self._settings = settings
        self._project = project
        self._root = root
        self._git = git
        self._environment = environment
        jobs = cpu_share(os.cpu_count(), settings.setup_jobs)
        self._turns = rt.Semaphore(jobs)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def furnish(self, workspace: Workspace, log: Path, *, is_new: bool) -> Workspace:
        """The workspace with what was copied; the set-up's output goes to ``log``.

        What is there already is never overwritten.  Raises `SetupFailed`,
        `GitError` and `OSError`.
        """
        path = workspace.path
        rt.run_blocking(directories.ignore_all, path / OWN_DIRECTORY)
        wanted = rt.run_blocking(directories.matching, self._project, self._settings.copy_files)
        names = self._untracked(path, wanted.names)
        problems = rt.run_blocking(directories.copy_missing, self._project, path, names)
        for problem in (*wanted.problems, *problems):
            logger.warning("workspace.copy: %s", problem)
        if is_new:
            self._set_up(path, workspace.environment, log)
        return replace(workspace, copied=tuple(sorted({*workspace.copied, *names})))

    def furnish_integration(self, path: Path) -> None:
        """Make the worktree in which branches are brought together ready as those of tasks are.

        Raises as `furnish` does.
        """
        own = self._root / "run" / INTEGRATION
        rt.run_blocking(directories.make_private, [self._root, own, own / "tmp"])
        environment = self.integration_environment()
        workspace = Workspace(task_id=INTEGRATION, path=path, environment=environment)
        self.furnish(workspace, own / "setup.log", is_new=True)

    def integration_environment(self) -> dict[str, str]:
        """What commands in that worktree get to see."""
        configured = self._settings.environment
        usual = for_commands(inherited(self._environment, configured), configured)
        return {**usual, **temporary(self._root / "run" / INTEGRATION)}

    def _untracked(self, path: Path, names: tuple[str, ...]) -> list[str]:
        if not names:
            return []
        tracked = set(fields(self._git.run(path, "ls-files", "-z")))
        return [name for name in names if name not in tracked]

    def _set_up(self, path: Path, environment: Mapping[str, str], log: Path) -> None:
        command, seconds = self._settings.setup, self._settings.setup_timeout
        if command is None:
            return
        shown = f"workspace.setup: {redact(command.text)!r}"
        with self._turns:
            try:
                ended = run_logged(
                    command.argv,
                    cwd=path,
                    environment=for_commands(environment, self._settings.environment),
                    log=log,
                    seconds=seconds,
                )
            except (OSError, ValueError) as error:
                raise SetupFailed(f"{shown} cannot be run: {error}") from error
        if ended.code == 0:
            return
        how = f"did not end within {seconds:g} s"
        if ended.code is not None:
            how = f"ended with code {ended.code}"
        raise SetupFailed(f"{shown} {how}, see {log}: {redact(ended.tail.strip()[-500:])}")
