# Generated from src/_async/integration.py. Do not edit.
"""The worktree in which commits are verified before they land."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from .._runtime import sync_runtime as rt
from ..core.verify import Evidence
from .git import Git, GitError

Verify = Callable[[Path, str], rt.Result[Evidence]]
"""Runs the project's commands in a directory; the second argument names the run."""

Prepare = Callable[[Path], rt.Result[None]]
"""Makes a new worktree ready, as that of a task is made."""


class Integration:
    """One detached worktree that is kept, and made clean, between landings.

    ``kept`` are patterns of `gitignore(5)` for files that are not cleaned away,
    such as installed dependencies.
    """

    def __init__(
        self,
        git: Git,
        *,
        repository: Path,
        path: Path,
        verify: Verify,
        prepare: Prepare | None = None,
        kept: Sequence[str] = (),
    ) -> None:
        self._git = git
        self._repository = repository
        self._path = path
        self._ready = path.with_name(f"{path.name}.ready")
        self._verify = verify
        self._prepare = prepare
        self._kept = tuple(word for pattern in kept for word in ("-e", pattern))

    def verify(self, commit: str, label: str) -> Evidence:
        """Verify the content of ``commit``.

        Raises `GitError` and `OSError` if it cannot be checked out, and what
        ``prepare`` raises.
        """
        if not rt.run_blocking(_is_usable, self._path, self._ready):
            self._make(commit)
        try:
            self._take(commit)
        except GitError:  # a lock that nobody holds any more, or a broken index
            self._make(commit)
            self._take(commit)
        return self._verify(self._path, label)

    def _take(self, commit: str) -> None:
        self._git.run(self._path, "reset", "--hard", "--quiet", commit)
        self._git.run(self._path, "clean", "-ffdxq", *self._kept)

    def _make(self, commit: str) -> None:
        rt.run_blocking(_remove, self._path, self._ready)
        with self._git.repository_lock(self._repository):
            self._git.run(
                self._repository,
                "worktree",
                "add",
                "-ff",
                "--quiet",
                "--detach",
                str(self._path),
                commit,
            )
        if self._prepare is not None:
            self._prepare(self._path)
        rt.run_blocking(self._ready.touch)


def _is_usable(path: Path, ready: Path) -> bool:
    return ready.exists() and (path / ".git").is_file()


def _remove(path: Path, ready: Path) -> None:
    ready.unlink(missing_ok=True)
    if path.exists():
        shutil.rmtree(path)
    path.parent.mkdir(parents=True, exist_ok=True)
