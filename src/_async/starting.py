"""The commit that new work starts from."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from .._runtime import async_runtime as rt
from ..core.config.work import WorkspaceSettings
from ..core.git import decoded
from ..core.landing import INTEGRATION
from ..core.redact import redact
from ..core.workspace import WorkspaceError
from .git import AsyncGit

logger = logging.getLogger(__name__)

FETCHED = "refs/codeagent/fetched/"
"""Beginning of the refs that remember what was fetched; the branch's name follows."""

FRESH = 30.0
"""Seconds for which what was fetched is new enough: tasks often start together."""


class AsyncStartingPoint:
    """The newest commit of the target branch that landings build upon.

    That is the target itself, what has landed and the target has not taken
    yet, or, if landed work is ``published``, what others have published.
    """

    def __init__(
        self,
        git: AsyncGit,
        settings: WorkspaceSettings,
        *,
        project: Path,
        target: str | None,
        published: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._git = git
        self._settings = settings
        self._project = project
        self._target = target
        self._published = published
        self._clock = clock
        self._turn = rt.Lock()
        self._fetched: float | None = None

    async def commit(self) -> str:
        """Its id, after a fetch if that is configured.

        Raises `WorkspaceError` if there is no such commit, `GitError`.
        """
        name = self._target or await self._checked_out()
        if name is None:
            found = await self._resolve("HEAD")
            if found is None:
                raise WorkspaceError(f"there is no commit in {self._project}: make one")
            return found
        if self._settings.fetch:
            await self._fetch_now_and_then(name)
        heads = await self._heads(name)
        found = heads.get(f"refs/heads/{name}")
        if found is None:
            raise WorkspaceError(
                f"there is no branch {name} with a commit in {self._project}: "
                "make it, or set landing.target"
            )
        newer = heads.get(f"{FETCHED}{name}") if self._settings.fetch else None
        if newer is not None and newer != found and await self._is_ancestor(found, newer):
            if self._published:
                found = newer
            else:
                logger.warning(
                    "%s is behind %s: pull it, or set landing.push", name, self._settings.remote
                )
        landed = heads.get(f"refs/heads/{INTEGRATION}{name}")
        if landed is not None and await self._is_ancestor(found, landed):
            found = landed
        return found

    async def _checked_out(self) -> str | None:
        outcome = await self._git.attempt(
            self._project, "symbolic-ref", "--quiet", "--short", "HEAD"
        )
        return decoded(outcome.out).strip() or None

    async def _resolve(self, name: str) -> str | None:
        outcome = await self._git.attempt(
            self._project, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"
        )
        return None if outcome.code else decoded(outcome.out).strip()

    async def _heads(self, name: str) -> dict[str, str]:
        """The target, what has landed upon it, and what was fetched, as far as they exist."""
        out = await self._git.text(
            self._project,
            "for-each-ref",
            "--format=%(refname) %(objectname)",
            f"refs/heads/{name}",
            f"refs/heads/{INTEGRATION}{name}",
            f"{FETCHED}{name}",
        )
        return dict(line.rsplit(" ", 1) for line in out.splitlines())

    async def _is_ancestor(self, old: str, new: str) -> bool:
        outcome = await self._git.attempt(self._project, "merge-base", "--is-ancestor", old, new)
        return outcome.code == 0

    async def _fetch_now_and_then(self, name: str) -> None:
        async with self._turn:
            now = self._clock()
            if self._fetched is None or now - self._fetched >= FRESH:
                await self._fetch(name)
                self._fetched = now

    async def _fetch(self, name: str) -> None:
        remote = self._settings.remote
        known = await self._git.attempt(self._project, "remote", "get-url", remote)
        if known.code:
            logger.warning("workspace.fetch is set, but there is no remote %s", remote)
            return
        outcome = await self._git.attempt(
            self._project,
            "fetch",
            "--no-tags",
            "--no-auto-maintenance",
            "--no-write-fetch-head",
            "--quiet",
            remote,
            f"+refs/heads/{name}:{FETCHED}{name}",
            seconds=self._settings.fetch_timeout,
        )
        if outcome.code:
            said = redact(outcome.err.strip())
            logger.warning("%s of %s could not be fetched: %s", name, remote, said)
