# Generated from src/_async/verify.py. Do not edit.
"""Finds out whether a task's work is good: looks at the change, runs the project's commands."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Collection, Mapping
from hashlib import sha256
from pathlib import Path

from .._runtime import files, project_files
from .._runtime import sync_runtime as rt
from ..core import verify
from ..core.config.verify import Command, VerifySettings
from ..core.detect import Detection, detect, is_of_interest
from ..core.diff import PATCH, RAW, SIZES, in_batches, parse_raw, parse_sizes
from ..core.errors import first
from ..core.git import parse_status
from ..core.redact import Redactor
from ..core.screening_diff import DiffScreening, Finding, gather, shown
from ..core.verify import CommandRun, Evidence
from ..core.workspace import Changes
from .git import Git

DRAIN = 1.0
"""Seconds that output may take to arrive once a command has ended: what it
left behind can hold the pipe open for ever."""

PATIENCE = 5.0
"""Seconds that a command which is asked to end gets to clean up."""

HEAD, TAIL = 4 * 2**20, 2**20
"""Bytes of the beginning and of the end of a command's output that its log keeps."""

BATCH = 16 * 2**20
"""Bytes of files that are searched for secrets at once."""

_STATUS = ("status", "--porcelain=v2", "--branch", "-z", "--untracked-files=no")
_CHANGED_SHOWN = 5


class Verifier:
    """Verifies work, one command after another.

    At most ``settings.jobs`` verifications run their commands side by side,
    unless ``limit`` is shared with others.  ``secrets`` are values that must
    neither be landed nor shown, ``keep`` names variables that commands get
    though they look like credentials.  Without ``git`` changes are not looked at.
    """

    def __init__(
        self,
        settings: VerifySettings,
        *,
        git: Git | None = None,
        secrets: Collection[str] = (),
        keep: Collection[str] = (),
        limit: rt.Semaphore | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._git = git
        self._clean = Redactor(secrets)
        self._keep = frozenset(keep)
        self._screening = DiffScreening(settings, secrets)
        self._limit = limit or rt.Semaphore(verify.jobs(settings, os.cpu_count()))
        self._clock = clock
        self._state = rt.StateLock()
        self._running: set[rt.Process] = set()
        self._hurry = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def kill_all(self) -> None:
        """End every command at once, those too that are being asked to end."""
        with self._state:
            self._hurry = True
            running = list(self._running)
        for process in running:
            process.signal(signal.SIGKILL)

    def verify(
        self,
        directory: Path,
        *,
        environment: Mapping[str, str],
        log_directory: Path,
        changes: Changes | None = None,
        label: str = "verify",
    ) -> Evidence:
        """Look at ``changes``, then run the commands in ``directory``, which has them.

        ``environment`` is that of the workspace.  The output of each command is
        in a file of ``log_directory`` whose name begins with ``label``; one of
        the same name is replaced.  Cancelling asks the command to end and kills
        it after `PATIENCE` seconds.

        Raises:
            GitError: the changes cannot be looked at.
            OSError: a log cannot be written.
        """
        findings: list[Finding] = []
        if changes is not None and not changes.empty:
            findings += self.screen(directory, changes)
        if (refused := verify.refusal(self._settings, changes, findings)) is not None:
            return refused
        detection = None if self._settings.commands else self.detect(directory)
        commands = verify.commands(self._settings, detection)
        changed = () if changes is None else changes.files
        findings += verify.told(detection, self._settings, changed)
        runs: list[CommandRun] = []
        if commands:
            prepared = verify.environment(self._settings, environment, self._keep)
            log = log_directory / re.sub(r"[^\w.-]+", "_", label)
            with self._limit:
                runs = self._run_all(commands, directory, prepared, log)
            if changes is not None:
                findings += self._disturbed(directory)
        return verify.evidence(runs, gather(findings), changes, detection, self._settings.timeout)

    def detect(self, directory: Path) -> Detection | None:
        """The project's own command, None if none can be told or none is to be looked for."""
        if not self._settings.detect:
            return None
        return detect(rt.run_blocking(project_files.texts, directory, is_of_interest))

    def screen(self, directory: Path, changes: Changes) -> tuple[Finding, ...]:
        """What is wrong with ``changes``, commits of the repository that ``directory`` is in.

        Raises `GitError`.
        """
        if self._git is None:
            return ()
        trees = (changes.base, changes.commit)
        deltas = parse_raw(self._git.run(directory, *RAW, *trees))
        ids = dict.fromkeys(delta.blob for delta in deltas if delta.is_file)
        listed = self._git.run(directory, *SIZES, stdin="\n".join(ids).encode())
        sizes = parse_sizes(listed)
        findings = list(self._screening.paths(deltas, sizes))
        weights = {delta.path: sizes.get(delta.blob, 0) for delta in deltas}
        for batch in in_batches(self._screening.to_search(deltas, sizes), weights, size=BATCH):
            patch = self._git.run(directory, *PATCH, *trees, "--", *batch)
            findings += rt.run_blocking(self._screening.patch, patch)
        return gather(findings)

    def _run_all(
        self,
        commands: tuple[Command, ...],
        directory: Path,
        environment: Mapping[str, str],
        log: Path,
    ) -> list[CommandRun]:
        """Every command, to the first that fails for good."""
        runs: list[CommandRun] = []
        for number, command in enumerate(commands, 1):
            runs += self._run_until_good(command, directory, environment, f"{log}-{number}")
            if not runs[-1].ok:
                break
        return runs

    def _run_until_good(
        self, command: Command, directory: Path, environment: Mapping[str, str], log: str
    ) -> list[CommandRun]:
        """One run of a command, and more of them while it fails and may be tried again."""
        runs = [self._run(command, directory, environment, Path(f"{log}.log"))]
        for again in range(1, self._settings.retries + 1):
            if runs[-1].ok or runs[-1].timed_out or runs[-1].exit_code is None:
                break
            place = Path(f"{log}-again-{again}.log")
            runs.append(self._run(command, directory, environment, place))
        return runs

    def _run(
        self, command: Command, directory: Path, environment: Mapping[str, str], log: Path
    ) -> CommandRun:
        started, name = self._clock(), self._clean(command.text)
        try:
            opened = rt.open_process(command.argv, cwd=directory, env=environment)
        except (OSError, ValueError) as error:
            said = self._clean(f"{command.argv[0]}: {error}")
            return CommandRun(name, None, 0.0, "", output=said)
        with opened as process:
            rt.run_blocking(files.remove, [log])
            with rt.open_append(log) as file:
                with self._state:
                    self._running.add(process)
                output = _Output(file)
                try:
                    timed_out = self._follow(process, output)
                except BaseExceptionGroup as group:
                    raise first(group) from None
                except rt.Cancelled:
                    rt.shielded(self._end, process)
                    raise
                finally:
                    with self._state:
                        self._running.discard(process)
                digest = output.finish()
            code = process.wait()
        failed = timed_out or code != 0
        return CommandRun(
            command=name,
            exit_code=code,
            seconds=self._clock() - started,
            log=str(log),
            timed_out=timed_out,
            sha256=digest,
            output=verify.last_words(output.recent, self._clean) if failed else "",
        )

    def _follow(self, process: rt.Process, output: _Output) -> bool:
        """Keep the output until the command has ended; whether it had to be ended."""
        with rt.TaskGroup() as group:
            reading = [
                group.start_soon(output.copy, process.stdout),
                group.start_soon(output.copy, process.stderr),
            ]
            with rt.CancelScope(self._settings.timeout) as scope:
                process.wait()
            if scope.ended_early:
                self._end(process)
            with rt.CancelScope(DRAIN):
                for task in reading:
                    task.wait()
            group.cancel()
        return scope.ended_early

    def _end(self, process: rt.Process) -> None:
        with self._state:
            hurry = self._hurry
        if not hurry:
            process.signal(signal.SIGTERM)
            with rt.CancelScope(PATIENCE):
                process.wait()
        process.signal(signal.SIGKILL)
        process.wait()

    def _disturbed(self, directory: Path) -> list[Finding]:
        """What the commands have changed of that which they were to verify."""
        if self._git is None:
            return []
        paths = [entry.path for entry in parse_status(self._git.run(directory, *_STATUS)).entries]
        if not paths:
            return []
        listed = ", ".join(map(shown, paths[:_CHANGED_SHOWN]))
        more = f" and {len(paths) - _CHANGED_SHOWN} more" if len(paths) > _CHANGED_SHOWN else ""
        return [Finding(f"changed by the verification: {listed}{more}")]


class _Output:
    """Both outputs of a command on their way into its log, which keeps their two ends."""

    def __init__(self, file: rt.AppendFile) -> None:
        self._file = file
        self._turn = rt.Lock()
        self._digest = sha256()
        self._room = HEAD
        self._tail = bytearray()
        self._left_out = 0
        self.recent = b""

    def copy(self, stream: rt.ByteStream) -> None:
        """Take what comes from one of the outputs, to its end."""
        while data := stream.read():
            with self._turn:
                self._take(data)

    def finish(self) -> str:
        """Write what is still to be written; the SHA-256 of the whole log."""
        self._shorten()
        if self._left_out:
            self._write(f"\n\n[... {self._left_out} bytes left out ...]\n\n".encode())
        self._write(bytes(self._tail))
        return self._digest.hexdigest()

    def _take(self, data: bytes) -> None:
        self.recent = (self.recent + data)[-8 * verify.TAIL :]
        if self._room:
            head = data[: self._room]
            self._room -= len(head)
            self._write(head)
            data = data[len(head) :]
        self._tail += data
        if len(self._tail) > 2 * TAIL:
            self._shorten()

    def _shorten(self) -> None:
        surplus = max(len(self._tail) - TAIL, 0)
        del self._tail[:surplus]
        self._left_out += surplus

    def _write(self, data: bytes) -> None:
        self._digest.update(data)
        self._file.write(data)
