"""The worktree in which commits are verified before they land."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from .._runtime import async_runtime as rt
from .._runtime.repositories import common_directory, linked_git_directory
from ..core.git import fields
from ..core.trees import literal_pattern
from ..core.verify import Evidence
from .git import AsyncGit, GitError

Verify = Callable[[Path, str], rt.Result[Evidence]]
"""Runs the project's commands in a directory; the second argument names the run."""

Prepare = Callable[[Path], rt.Result[None]]
"""Makes a new worktree ready, as that of a task is made; called again, it does so again."""

_READY = "codeagent-ready"
"""In the worktree's git directory: what ``prepare`` has put into it, names ending with a NUL."""


class AsyncIntegration:
    """One detached worktree that is kept, and made clean, between landings.

    Everything that git does not have is cleaned away, ignored files too, for
    what one commit leaves behind would speak for the next.  Only what
    ``prepare`` made stays, and what ``kept`` names, patterns of `gitignore(5)`.
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
        self._verify = verify
        self._prepare = prepare
        self._kept = tuple(kept)
        self._turn = rt.Lock()

    async def get_ready(self, commit: str) -> None:
        """Make the worktree ahead of the first verification, with what is in ``commit``.

        Raises as `verify` does.
        """
        async with self._turn:
            if await self._prepared() is None:
                await self._make(commit)

    async def verify(self, commit: str, label: str, *, again: bool = False) -> Evidence:
        """Verify the content of ``commit``; ``again`` also prepares the worktree anew.

        Raises `GitError` and `OSError` if it cannot be checked out, and what
        ``prepare`` raises.
        """
        async with self._turn:
            await self._bring(commit, again=again)
            return await self._verify(self._path, label)

    async def _bring(self, commit: str, *, again: bool) -> None:
        prepared = await self._prepared()
        if prepared is None:
            await self._make(commit)
            return
        try:
            await self._take(commit, prepared)
        except GitError:  # a lock that nobody holds any more, or a broken index
            await self._make(commit)
            return
        if again:
            await self._furnish()

    async def _prepared(self) -> list[str] | None:
        """What ``prepare`` made, None if the worktree is not ready."""
        return await rt.run_blocking(_read, self._path, self._repository)

    async def _take(self, commit: str, prepared: Iterable[str]) -> None:
        await self._git.run(self._path, "reset", "--hard", "--quiet", commit)
        patterns = [*self._kept, *(literal_pattern(name) for name in prepared)]
        words = [word for pattern in patterns for word in ("-e", pattern)]
        await self._git.run(self._path, "clean", "-ffdxq", *words)

    async def _make(self, commit: str) -> None:
        async with self._git.repository_lock(self._repository):
            await rt.run_blocking(_remove, self._path)
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
        await self._furnish()

    async def _furnish(self) -> None:
        made: list[str] = []
        if self._prepare is not None:
            await self._prepare(self._path)
            out = await self._git.run(self._path, "ls-files", "-z", "--others", "--directory")
            made = [name for name in fields(out) if not name.endswith("__pycache__/")]
        await rt.run_blocking(_write, self._path, self._repository, made)


def _ready(path: Path, repository: Path) -> Path | None:
    git_directory = linked_git_directory(path, common_directory(repository))
    return None if git_directory is None else git_directory / _READY


def _read(path: Path, repository: Path) -> list[str] | None:
    ready = _ready(path, repository)
    try:
        return None if ready is None else fields(ready.read_bytes())
    except FileNotFoundError:
        return None


def _write(path: Path, repository: Path, names: Iterable[str]) -> None:
    ready = _ready(path, repository)
    if ready is not None:
        text = "".join(f"{name}\0" for name in names)
        ready.write_bytes(text.encode("utf-8", "surrogateescape"))


def _remove(path: Path) -> None:
    if path.exists():
        shutil.rmtree(path)
    path.parent.mkdir(parents=True, exist_ok=True)
