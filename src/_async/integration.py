"""The worktree in which commits are verified before they land."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from .._runtime import async_runtime as rt
from ..core.verify import Evidence
from .git import AsyncGit, GitError

Verify = Callable[[Path, str], rt.Result[Evidence]]
"""Runs the project's commands in a directory; the second argument names the run."""

Prepare = Callable[[Path], rt.Result[None]]
"""Makes a new worktree ready, as that of a task is made."""


class AsyncIntegration:
    """One detached worktree that is kept, and made clean, between landings.

    ``kept`` are patterns of `gitignore(5)` for files that are not cleaned away,
    such as installed dependencies.
    """

    def __init__(
        self,
        git: AsyncGit,
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

    async def verify(self, commit: str, label: str) -> Evidence:
        """Verify the content of ``commit``.

        Raises `GitError` and `OSError` if it cannot be checked out, and what
        ``prepare`` raises.
        """
        if not await rt.run_blocking(_is_usable, self._path, self._ready):
            await self._make(commit)
        try:
            await self._take(commit)
        except GitError:  # a lock that nobody holds any more, or a broken index
            await self._make(commit)
            await self._take(commit)
        return await self._verify(self._path, label)

    async def _take(self, commit: str) -> None:
        await self._git.run(self._path, "reset", "--hard", "--quiet", commit)
        await self._git.run(self._path, "clean", "-ffdxq", *self._kept)

    async def _make(self, commit: str) -> None:
        await rt.run_blocking(_remove, self._path, self._ready)
        async with self._git.repository_lock(self._repository):
            await self._git.run(
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
            await self._prepare(self._path)
        await rt.run_blocking(self._ready.touch)


def _is_usable(path: Path, ready: Path) -> bool:
    return ready.exists() and (path / ".git").is_file()


def _remove(path: Path, ready: Path) -> None:
    ready.unlink(missing_ok=True)
    if path.exists():
        shutil.rmtree(path)
    path.parent.mkdir(parents=True, exist_ok=True)
