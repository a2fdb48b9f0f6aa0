"""One server per project: whoever comes second is told who was first.

The directories themselves are locked, with flock(2): nothing is left behind
that could go stale, and the lock ends with the process, however it ends.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType


class ProjectBusy(Exception):
    """Another process works on the project; the message names it."""


class ProjectLock:
    """Holds some directories for this process while the block runs.

    Raises `ProjectBusy` if another process holds one of them.
    """

    def __init__(self, directories: Sequence[Path], note: Path, command: str) -> None:
        self._directories = list(dict.fromkeys(path.resolve() for path in directories))
        self._note = note
        self._command = command
        self._held: list[int] = []

    def __enter__(self) -> ProjectLock:
        try:
            for directory in self._directories:
                self._hold(directory)
        except BaseException:
            self._release()
            raise
        about = {"pid": os.getpid(), "command": self._command, "since": time.time()}
        self._note.write_text(json.dumps(about), "utf-8")
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._note.unlink(missing_ok=True)
        self._release()

    def _hold(self, directory: Path) -> None:
        import fcntl

        descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = self._holder(directory, os.fstat(descriptor).st_ino)
            os.close(descriptor)
            raise ProjectBusy(
                f"{holder} works on {directory} already: "
                "wait until it has finished, or stop it, and try again"
            ) from None
        self._held.append(descriptor)

    def _release(self) -> None:
        for descriptor in self._held:
            os.close(descriptor)
        self._held.clear()

    def _holder(self, directory: Path, inode: int) -> str:
        """Who holds the lock: the kernel knows (proc_locks(5)), our note says since when."""
        try:
            about = json.loads(self._note.read_text("utf-8"))
            since = time.strftime("%H:%M:%S", time.localtime(float(about["since"])))
            details = f"{about['command']}, since {since}"
            pid = int(about["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            details, pid = "", 0
        pid = _locked_by(inode) or pid
        named = f"process {pid}" if pid else "another process"
        return f"Code Agent ({named}{', ' + details if details else ''})"


def _locked_by(inode: int) -> int | None:
    try:
        lines = Path("/proc/locks").read_text("ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        fields = line.split()
        if len(fields) > 5 and fields[1] == "FLOCK" and fields[5].endswith(f":{inode}"):
            return int(fields[4])
    return None
