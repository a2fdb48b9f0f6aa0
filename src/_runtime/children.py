"""Child processes as the operating system sees them: start, identify, end.

A child leads its own session and process group, so that it ends with all that
it started.  The leader is left unreaped until its group has been ended: while
it is a zombie the kernel cannot give its id to somebody else.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from .identity import identity

CHUNK = 1 << 18
"""How many bytes one read of a pipe takes at most.

More than a pipe holds, so that what was read lies in a block of its own and leaves
no hole behind: see `usage.give_back_large_blocks`.
"""


def spawn(
    argv: Sequence[str],
    *,
    cwd: str | os.PathLike[str] | None,
    env: Mapping[str, str] | None,
    stdin: bytes | None,
) -> subprocess.Popen[bytes]:
    """Start ``argv`` as the leader of a process group, both outputs on pipes.

    ``stdin`` is what the child reads before it meets the end of its input; it
    lies in a file without a name, so that nobody has to feed a pipe that the
    child may never read.  Raises `OSError` if the program cannot be started.
    """
    if any("\0" in argument for argument in argv):
        raise OSError(errno.EINVAL, "a zero byte in the command line", argv[0])
    with contextlib.ExitStack() as stack:
        source: IO[bytes] | int = subprocess.DEVNULL
        if stdin is not None:
            source = stack.enter_context(tempfile.TemporaryFile())
            source.write(stdin)
            source.seek(0)
        process = subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=None if env is None else dict(env),
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=os.name == "posix",
        )
    for pipe in (process.stdout, process.stderr):
        assert pipe is not None  # noqa: S101 - asked for above
        os.set_blocking(pipe.fileno(), False)
    return process


def begin(
    argv: Sequence[str],
    *,
    cwd: str | os.PathLike[str] | None,
    env: Mapping[str, str] | None,
    stdin: bytes | None,
    spawned: Callable[[int, str], object] | None,
) -> tuple[subprocess.Popen[bytes], str]:
    """A child as `spawn` starts it, and its `identity`; ``spawned`` is told of both.

    A child that could not be told of is ended again.
    """
    process = spawn(argv, cwd=cwd, env=env, stdin=stdin)
    try:
        started = identity(process.pid)
        if spawned is not None:
            spawned(process.pid, started)
    except BaseException:
        discard(process)
        raise
    return process, started


def exit_status(pid: int) -> int | None:
    """The exit code of an own child, or None while it runs; does not reap it.

    Negative codes are signal numbers, as `subprocess` has them.
    """
    try:
        result = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
    except ChildProcessError:
        return -signal.SIGKILL  # reaped behind our back; its true status is lost
    if result is None:
        return None
    return result.si_status if result.si_code == os.CLD_EXITED else -result.si_status


def wait_unreaped(pid: int) -> None:
    """Wait until an own child has exited; does not reap it."""
    with contextlib.suppress(ChildProcessError):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def discard(process: subprocess.Popen[bytes]) -> None:
    """End a child that nobody wants after all, with its group, and reap it."""
    signal_group(process.pid, signal.SIGKILL)
    with process:  # closes the pipes and waits
        pass


def signal_group(pid: int, signum: int) -> None:
    """Send ``signum`` to the group that ``pid`` leads; a group that is gone is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signum)


def end_stranger(pid: int, started: str, patience: float = 5.0) -> bool:
    """End the group of a process that a former server started; whether it is gone.

    Does nothing unless the process with this id certainly is the one that was
    recorded.  Waits up to ``patience`` seconds.
    """
    try:
        watched = os.pidfd_open(pid)
    except (OSError, AttributeError):
        return False
    try:  # the descriptor stands for one process, so what follows speaks of the same
        if not started or identity(pid) != started or os.getpgid(pid) != pid:
            return False
        signal_group(pid, signal.SIGKILL)
        poller = select.poll()
        poller.register(watched, select.POLLIN)
        return bool(poller.poll(patience * 1000))
    except ProcessLookupError:
        return False
    finally:
        os.close(watched)


def end_marked(mark: str, patience: float = 5.0, *, younger_than: int = 0) -> list[int]:
    """End every process in whose environment ``mark`` (``NAME=value``) stands; their ids.

    A server that is killed may just have started a child whose id it could not
    record any more, and any child may have left its group.  Those that this
    process descends from are spared.  ``younger_than`` is a process that was
    there before them: it spares a look at all that is older.  Waits up to
    ``patience`` seconds for each.  Without procfs (proc(5)) nothing is found.
    """
    ended = []
    for pid in _candidates(younger_than):
        try:
            watched = os.pidfd_open(pid)
        except (OSError, AttributeError):
            continue
        try:
            if _is_marked(pid, mark) and pid not in _lineage():
                signal.pidfd_send_signal(watched, signal.SIGKILL)
                poller = select.poll()
                poller.register(watched, select.POLLIN)
                poller.poll(patience * 1000)
                ended.append(pid)
        except OSError:  # it has ended meanwhile
            pass
        finally:
            os.close(watched)
    return ended


def _candidates(younger_than: int) -> list[int]:
    """The ids of all processes, or of those that came after one of them."""
    try:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
        newest = int(Path("/proc/loadavg").read_text("ascii").split()[-1])
    except OSError:
        return []
    if newest < younger_than:  # the numbers have started again from the bottom
        return [pid for pid in pids if pid > younger_than or pid <= newest]
    return [pid for pid in pids if pid > younger_than]


def _is_marked(pid: int, mark: str) -> bool:
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:  # it has ended, or it is somebody else's
        return False
    return os.fsencode(mark) in variables.split(b"\0")


def _lineage() -> set[int]:
    """This process, its parent, and so on."""
    found, pid = set[int](), os.getpid()
    while pid > 0 and pid not in found:
        found.add(pid)
        try:
            stat = Path(f"/proc/{pid}/stat").read_bytes()
        except OSError:
            break
        pid = int(stat[stat.rindex(b")") + 2 :].split()[1])
    return found
