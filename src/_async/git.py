"""Calls git."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from .._runtime import async_runtime as rt
from .._runtime.repositories import common_directory
from ..core.git import (
    LOCK_PAUSE,
    LOCK_RETRIES,
    GitOutcome,
    Unanswered,
    advice,
    command_line,
    decoded,
    git_environment,
    is_lock_error,
)
from ..core.redact import redact

DRAIN = 1.0
"""Seconds that output may take to arrive once git has ended: a daemon that it
started can hold the pipe open for ever."""

MOMENT = 1.0
"""Seconds in which git mostly ends by itself."""

PATIENCE = 2.0
"""Seconds that a git which is asked to end gets to take its lock files away."""


class GitError(Exception):
    """A call of git that failed; the message says what git said, and what to do where known."""

    def __init__(self, argv: Sequence[str], code: int, stderr: str) -> None:
        self.argv = tuple(argv)
        self.code = code
        self.stderr = stderr
        said = redact(stderr.strip()) or f"it ended with code {code}"
        what = advice(stderr)
        super().__init__(f"git {_shown(argv)}: {said}" + (f" ({what})" if what else ""))


def _shown(argv: Sequence[str]) -> str:
    line = redact(" ".join(argv))
    return line if len(line) <= 120 else f"{line[:119]}…"


class AsyncGit:
    """Calls git without hooks, prompts and housekeeping, in a clean environment.

    What fails because another git process holds a lock is tried again.  A call
    that takes longer than ``timeout`` seconds, or its own ``seconds``, is ended.
    """

    def __init__(self, environment: Mapping[str, str], *, timeout: float = 60.0) -> None:
        self._environment = dict(environment)
        self._timeout = timeout
        self._state = rt.StateLock()
        self._locks: dict[Path, rt.Lock] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(timeout={self._timeout})"  # the environment holds secrets

    def repository_lock(self, directory: Path) -> rt.Lock:
        """The lock of the repository that ``directory`` is in, the same for all its worktrees.

        Whoever changes refs, worktrees or the configuration of a repository
        holds it.  Raises `OSError` if the repository cannot be looked at.
        """
        place = common_directory(directory)
        with self._state:
            return self._locks.setdefault(place, rt.Lock())

    async def run(
        self,
        directory: Path,
        *arguments: str,
        stdin: bytes | None = None,
        environment: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> bytes:
        """What git writes when it is called with ``arguments`` in ``directory``.

        Raises `GitError` if it ends with another code than 0.
        """
        outcome = await self.attempt(
            directory, *arguments, stdin=stdin, environment=environment, seconds=seconds
        )
        if outcome.code:
            raise GitError(arguments, outcome.code, outcome.err)
        return outcome.out

    async def text(self, directory: Path, *arguments: str) -> str:
        """As `run`, as text without the white space around it."""
        out = await self.run(directory, *arguments)
        return decoded(out).strip()

    async def attempt(
        self,
        directory: Path,
        *arguments: str,
        stdin: bytes | None = None,
        environment: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> GitOutcome:
        """How a call ends, whichever way.

        The code is negative if it was ended or could not be started.
        """
        call = partial(
            self._call,
            command_line(arguments),
            directory,
            git_environment(self._environment, environment or {}),
            stdin,
            self._timeout if seconds is None else seconds,
        )
        outcome = await call()
        for _ in range(LOCK_RETRIES):
            if not outcome.code or not is_lock_error(outcome.err):
                break
            await rt.sleep(LOCK_PAUSE)
            outcome = await call()
        return outcome

    async def answer(
        self,
        directory: Path,
        *arguments: str,
        stdin: bytes | None = None,
        environment: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> GitOutcome:
        """As `attempt`, but raises `Unanswered` if git was not heard to the end."""
        outcome = await AsyncGit.attempt(
            self, directory, *arguments, stdin=stdin, environment=environment, seconds=seconds
        )
        if outcome.code < 0:
            raise Unanswered(outcome)
        return outcome

    async def _call(
        self,
        argv: Sequence[str],
        directory: Path,
        environment: Mapping[str, str],
        stdin: bytes | None,
        seconds: float,
    ) -> GitOutcome:
        opened: list[rt.Process] = []

        async def start() -> None:
            opened.append(await rt.open_process(argv, cwd=directory, env=environment, stdin=stdin))

        try:
            await rt.shielded(start)  # what is cancelled in this moment would be killed
        except (OSError, ValueError) as error:
            return GitOutcome(-1, b"", f"git could not be started in {directory}: {error}")
        except rt.Cancelled:
            for process in opened:
                async with process:
                    await rt.shielded(_end, process)
            raise
        async with opened[0] as process:
            out, err = bytearray(), bytearray()
            scope = rt.CancelScope(seconds)
            try:
                async with scope:
                    await _follow(process, out, err)
                    code = await process.wait()
                    return GitOutcome(code, bytes(out), decoded(bytes(err)))
            except rt.Cancelled:
                await rt.shielded(_end, process)
                raise
            await _end(process)
            return GitOutcome(-signal.SIGTERM, b"", f"it did not end within {seconds:g} s")


async def _follow(process: rt.Process, out: bytearray, err: bytearray) -> None:
    """Collect both outputs until git has ended."""
    async with rt.TaskGroup() as group:
        reading = [
            group.start_soon(_collect, process.stdout, out),
            group.start_soon(_collect, process.stderr, err),
        ]
        await process.wait()
        async with rt.CancelScope(DRAIN):
            for task in reading:
                await task.wait()
        group.cancel()


async def _collect(stream: rt.ByteStream, into: bytearray) -> None:
    while data := await stream.read():
        into += data


async def _end(process: rt.Process) -> None:
    """Let git end; ask it to if that takes long, and leaving its block kills it.

    A signal in the moment in which it locks something leaves the lock behind.
    """
    async with rt.CancelScope(MOMENT) as scope:
        await process.wait()
    if not scope.ended_early:
        return
    process.signal(signal.SIGTERM)
    async with rt.CancelScope(PATIENCE):
        await process.wait()
