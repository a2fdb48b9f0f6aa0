# Generated from src/_async/git.py. Do not edit.
"""Calls git."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from .._runtime import sync_runtime as rt
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


class Git:
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

    def run(
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
        outcome = self.attempt(
            directory, *arguments, stdin=stdin, environment=environment, seconds=seconds
        )
        if outcome.code:
            raise GitError(arguments, outcome.code, outcome.err)
        return outcome.out

    def text(self, directory: Path, *arguments: str) -> str:
        """As `run`, as text without the white space around it."""
        out = self.run(directory, *arguments)
        return decoded(out).strip()

    def attempt(
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
        outcome = call()
        for _ in range(LOCK_RETRIES):
            if not outcome.code or not is_lock_error(outcome.err):
                break
            rt.sleep(LOCK_PAUSE)
            outcome = call()
        return outcome

    def answer(
        self,
        directory: Path,
        *arguments: str,
        stdin: bytes | None = None,
        environment: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> GitOutcome:
        """As `attempt`, but raises `Unanswered` if git was not heard to the end."""
        outcome = Git.attempt(
            self, directory, *arguments, stdin=stdin, environment=environment, seconds=seconds
        )
        if outcome.code < 0:
            raise Unanswered(outcome)
        return outcome

    def _call(
        self,
        argv: Sequence[str],
        directory: Path,
        environment: Mapping[str, str],
        stdin: bytes | None,
        seconds: float,
    ) -> GitOutcome:
        opened: list[rt.Process] = []

        def start() -> None:
            opened.append(rt.open_process(argv, cwd=directory, env=environment, stdin=stdin))

        try:
            rt.shielded(start)  # what is cancelled in this moment would be killed
        except (OSError, ValueError) as error:
            return GitOutcome(-1, b"", f"git could not be started in {directory}: {error}")
        except rt.Cancelled:
            for process in opened:
                with process:
                    rt.shielded(_end, process)
            raise
        with opened[0] as process:
            out, err = bytearray(), bytearray()
            scope = rt.CancelScope(seconds)
            try:
                with scope:
                    _follow(process, out, err)
                    code = process.wait()
                    return GitOutcome(code, bytes(out), decoded(bytes(err)))
            except rt.Cancelled:
                rt.shielded(_end, process)
                raise
            _end(process)
            return GitOutcome(-signal.SIGTERM, b"", f"it did not end within {seconds:g} s")


def _follow(process: rt.Process, out: bytearray, err: bytearray) -> None:
    """Collect both outputs until git has ended."""
    with rt.TaskGroup() as group:
        reading = [
            group.start_soon(_collect, process.stdout, out),
            group.start_soon(_collect, process.stderr, err),
        ]
        process.wait()
        with rt.CancelScope(DRAIN):
            for task in reading:
                task.wait()
        group.cancel()


def _collect(stream: rt.ByteStream, into: bytearray) -> None:
    while data := stream.read():
        into += data


def _end(process: rt.Process) -> None:
    """Let git end; ask it to if that takes long, and leaving its block kills it.

    A signal in the moment in which it locks something leaves the lock behind.
    """
    with rt.CancelScope(MOMENT) as scope:
        process.wait()
    if not scope.ended_early:
        return
    process.signal(signal.SIGTERM)
    with rt.CancelScope(PATIENCE):
        process.wait()
