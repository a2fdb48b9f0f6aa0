"""What is measured besides time: memory, allocations, the lag of a loop, descriptors."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

# On Linux the peak of a new process begins at that of the process that started
# it (exec_mmap keeps the high-water mark), so a small one comes in between.
_LAUNCHER: Final = """
import json, os, sys, time
began = time.perf_counter()
pid = os.fork()
if not pid:
    try:
        os.execvp(sys.argv[2], sys.argv[2:])
    except OSError as error:
        os.write(2, f"{error.strerror}: {sys.argv[2]}\\n".encode())
    finally:
        os._exit(127)
status, usage = os.wait4(pid, 0)[1:]
wall = time.perf_counter() - began
peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
os.write(int(sys.argv[1]), json.dumps({
    "wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak_rss": peak,
    "code": os.waitstatus_to_exitcode(status)}).encode())
"""
_TAIL: Final = 2000


class MeasureError(Exception):
    """Something could not be measured; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement: seconds of wall clock and of CPU, bytes of peak memory if it was taken."""

    wall: float
    cpu: float
    peak_rss: float | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """Where time comes from, in seconds: a wall clock and the CPU time of this process."""

    wall: Callable[[], float] = time.perf_counter
    cpu: Callable[[], float] = time.process_time


def run_command(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 600.0,
) -> Sample:
    """Run a command in a fresh process and wait for it: wall and CPU time, peak memory.

    CPU time and peak are the kernel's account of the command and of the children
    that it has waited for (``wait4``; the peak is the largest of them, no sum).
    The peak cannot come out below that of a bare interpreter, some 10 MB.  The
    command's process group is ended if it takes longer than ``timeout`` seconds.

    Raises:
        MeasureError: if it fails, does not start, or takes too long.
    """
    shown = " ".join(command)
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as answer, tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(writer), *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd=cwd,
                env=env,
                pass_fds=(writer,),
                start_new_session=True,
            )
        except OSError as error:
            raise MeasureError(f"cannot start {shown}: {error}") from error
        finally:
            os.close(writer)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise MeasureError(f"{shown} took longer than {timeout:g} s") from None
        finally:
            end_group(process)
        text = answer.read()
        found = json.loads(text) if text else {"code": process.returncode}
        if found["code"] != 0:
            raise MeasureError(f"{shown} ended with {found['code']}: {tail(errors)}")
    return Sample(found["wall"], found["cpu"], found["peak_rss"])


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads its own group, and all that it has started in that group."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def tail(errors: BinaryIO) -> str:
    """The end of what was written to standard error."""
    errors.seek(0, os.SEEK_END)
    errors.seek(max(0, errors.tell() - _TAIL))
    return errors.read().decode("utf-8", "replace").strip() or "it said nothing"


@dataclass(frozen=True, slots=True)
class Traced:
    """Python's own account of memory: bytes at the peak and kept at the end, blocks kept."""

    peak: int
    kept: int
    blocks: int


class Tracing:
    """Measures what the code within allocates; slow, so never together with time.

    ``peak`` and ``kept`` are tracemalloc's, relative to the beginning; ``blocks``
    is the growth of ``sys.getallocatedblocks()`` after a collection.  ``result`` is
    there after the end.
    """

    def __init__(self) -> None:
        self.result: Traced | None = None
        self._begun = (0, 0)
        self._started = False

    def __enter__(self) -> Self:
        gc.collect()
        self._started = not tracemalloc.is_tracing()
        if self._started:
            tracemalloc.start()
        tracemalloc.reset_peak()
        self._begun = (tracemalloc.get_traced_memory()[0], sys.getallocatedblocks())
        return self

    def __exit__(self, *_: object) -> None:
        peak = tracemalloc.get_traced_memory()[1]
        gc.collect()
        kept, blocks = tracemalloc.get_traced_memory()[0], sys.getallocatedblocks()
        if self._started:
            tracemalloc.stop()
        bytes_before, blocks_before = self._begun
        self.result = Traced(peak - bytes_before, kept - bytes_before, blocks - blocks_before)


@dataclass(slots=True)
class LoopLag:
    """How late a running event loop calls back, in seconds.

    An asynchronous context manager: inside it a task sleeps for ``interval`` again
    and again, and notes how much longer it took.  A stall counts once for each
    wake-up that it delays, so that rare long ones are not lost in the many good
    ones: what was missed is filled in (coordinated omission; Tene, "How NOT to
    measure latency").
    """

    interval: float = 0.005
    lags: list[float] = field(default_factory=list)
    _task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._probe())
        await asyncio.sleep(0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._task is not None:
            await asyncio.sleep(self.interval)  # a stall at the very end is seen too
            self._task.cancel()
            await asyncio.wait([self._task])

    @property
    def worst(self) -> float:
        """The longest lag; 0 before the first wake-up."""
        return max(self.lags, default=0.0)

    async def _probe(self) -> None:
        now = asyncio.get_running_loop().time
        while True:
            due = now() + self.interval
            await asyncio.sleep(self.interval)
            lag = max(0.0, now() - due)
            while lag > 0:
                self.lags.append(lag)
                lag -= self.interval
            if lag == 0:
                self.lags.append(0.0)


@dataclass(frozen=True, slots=True)
class Descriptors:
    """Open file descriptors of a process, and how many are sockets, or established TCP."""

    total: int
    sockets: int
    connections: int


def descriptors(pid: int | None = None) -> Descriptors:
    """Count what a process, this one by default, holds open.

    Read from ``/proc`` where there is one; elsewhere only this process's total is
    known, and the rest is 0.

    Raises:
        MeasureError: for a process that is gone or another user's.
    """
    place = Path("/proc", "self" if pid is None else str(pid))
    if not Path("/proc/self/fd").exists() and pid is None:
        return Descriptors(len(os.listdir("/dev/fd")), 0, 0)  # noqa: PTH208 - names only
    try:
        names = [entry.name for entry in (place / "fd").iterdir()]
        established = _established(place)
    except OSError as error:
        raise MeasureError(f"the descriptors of process {pid} cannot be read: {error}") from error
    total = sockets = connections = 0
    for name in names:
        try:
            target = os.readlink(place / "fd" / name)  # noqa: PTH115 - it is no path
        except OSError:
            continue  # the one that listed the directory
        total += 1
        if target.startswith("socket:["):
            sockets += 1
            connections += target[8:-1] in established
    return Descriptors(total, sockets, connections)


def _established(place: Path) -> set[str]:
    """The inodes of established TCP connections (proc(5): state 01, inode in column 10)."""
    found = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(FileNotFoundError):
            for line in (place / "net" / table).read_text("ascii").splitlines()[1:]:
                columns = line.split()
                if columns[3] == "01":
                    found.add(columns[9])
    return found


def memory(pid: int | None = None) -> tuple[int, int] | None:
    """Resident memory of a process in bytes, now and at its peak; None without ``/proc``."""
    place = Path("/proc", "self" if pid is None else str(pid), "status")
    try:
        lines = place.read_text("ascii", "replace").splitlines()
    except OSError:
        return None
    values = {name: rest for name, _, rest in (line.partition(":") for line in lines)}
    if "VmRSS" not in values:
        return None
    return int(values["VmRSS"].split()[0]) * 1024, int(values["VmHWM"].split()[0]) * 1024
