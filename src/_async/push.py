"""Pushes: the target branch after a landing, and what an instruction has committed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from ..core.events import Event, Sink
from ..core.git import decoded
from ..core.landing import REMOTE_REFS
from ..core.push import (
    COMMAND_TIMEOUT,
    PUSH_TIMEOUT,
    CommitInfo,
    PushResult,
    PushVerdict,
    asks_for_push,
    push_verdict,
)
from ..core.redact import redact
from ..core.task import Task
from .git import AsyncGit

logger = logging.getLogger(__name__)

REMOTE = "origin"
"""Where the predecessor pushes."""


class AsyncPusher:
    """Pushes branches of one repository, never by force."""

    def __init__(self, git: AsyncGit, repository: Path) -> None:
        self._git = git
        self._repository = repository

    async def push(self, remote: str, commit: str, target: str) -> tuple[PushVerdict, str]:
        """Make ``commit`` the remote's ``target``; the reason in words if it is not."""
        outcome = await self._git.attempt(
            self._repository,
            "push",
            "--porcelain",
            remote,
            f"{commit}:refs/heads/{target}",
            seconds=PUSH_TIMEOUT,
        )
        verdict, reason = push_verdict(outcome.code, decoded(outcome.out), outcome.err)
        if verdict is PushVerdict.PUSHED:
            await self._git.run(self._repository, "update-ref", f"{REMOTE_REFS}{target}", commit)
        return verdict, reason

    async def fetch(self, remote: str, target: str) -> str:
        """Remember where the remote's ``target`` stands; what went wrong, "" if nothing did.

        A remote that has no such branch is no mishap: the first push makes it.
        """
        ref = f"{REMOTE_REFS}{target}"
        outcome = await self._git.attempt(
            self._repository,
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-auto-gc",
            remote,
            f"+refs/heads/{target}:{ref}",
            seconds=PUSH_TIMEOUT,
        )
        if outcome.code == 0:
            return ""
        if "couldn't find remote ref" in outcome.err:
            await self._git.attempt(self._repository, "update-ref", "-d", ref)
            return ""
        said = [line for line in outcome.err.splitlines() if line.strip()]
        return redact(said[-1] if said else f"git fetch ended with code {outcome.code}")

    async def push_commits(self) -> PushResult:
        """Push the branch that is checked out, if the remote does not have all of it.

        What an instruction that commits is followed by; nothing is raised.
        """
        branch = await self._say("branch", "--show-current")
        if not branch:
            return PushResult(
                success=False, error="no branch is checked out: there is none to push"
            )
        log = await self._say("log", "-1", "--format=%H%n%h%n%s")
        if log is None:
            return PushResult(success=False, branch=branch, error="there is no commit to push")
        full, short, subject = [*log.split("\n", 2), "", ""][:3]
        info = CommitInfo(full, short, subject)
        if await self._say("cat-file", "-e", full) is None:
            error = f"the commit {short} cannot be read: run git fsck"
            return PushResult(success=False, branch=branch, commit_info=info, error=error)
        unpushed = await self._say("log", f"{REMOTE}/{branch}..{branch}", "--oneline")
        if unpushed == "":
            return PushResult(
                success=True, branch=branch, commit_info=info, push_stdout="nothing to push"
            )
        outcome = await self._git.attempt(
            self._repository, "push", REMOTE, branch, seconds=PUSH_TIMEOUT
        )
        pushed = outcome.code == 0
        stderr = redact(outcome.err)
        return PushResult(
            success=pushed,
            branch=branch,
            commit_info=info,
            push_success=pushed,
            push_stdout=redact(decoded(outcome.out)),
            push_stderr=stderr,
            error=None if pushed else stderr.strip() or f"git push ended with code {outcome.code}",
        )

    async def _say(self, *arguments: str) -> str | None:
        """What git answers, None if it fails."""
        outcome = await self._git.attempt(self._repository, *arguments, seconds=COMMAND_TIMEOUT)
        return None if outcome.code else decoded(outcome.out).strip()


class AsyncAutoPush:
    """Pushes after an instruction that says it has committed, as the predecessor does."""

    def __init__(
        self, pusher: AsyncPusher, *, enabled: bool, sink: Sink, clock: Callable[[], float]
    ) -> None:
        self._pusher = pusher
        self._enabled = enabled
        self._sink = sink
        self._clock = clock

    async def push_after(self, task: Task, control_phrase: str) -> PushResult | None:
        """Push if a successful instruction with this phrase asks for it.

        A push that fails is a warning: nothing else depends on it.
        """
        if not asks_for_push(control_phrase, self._enabled):
            return None
        result = await self._pusher.push_commits()
        data: dict[str, object] = {"branch": result.branch}
        if result.success:
            info = result.commit_info
            data |= {"commit": info.hash_short if info else None, "pushed": result.push_success}
        else:
            data["reason"] = result.error
            logger.warning("what was committed could not be pushed: %s", result.error)
        name = "push.done" if result.success else "push.failed"
        self._sink(Event(name, self._clock(), task.id, task.epoch, data))
        return result
