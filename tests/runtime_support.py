"""Views into the runtimes for tests of either colour."""

from __future__ import annotations

import contextvars
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

PYTHON = (sys.executable, "-S", "-E", "-c")
COLOUR: contextvars.ContextVar[str] = contextvars.ContextVar("colour", default="none")


def waiting(primitive: Any) -> int:
    """How many wait for a lock, a semaphore, an event or a channel."""
    queues = ("_waiters", "_getters", "_putters", "_queue", "_changed", "_room", "_items")
    found = [getattr(primitive, name) for name in queues if hasattr(primitive, name)]
    return sum(len(getattr(queue, "_waiters", queue) or ()) for queue in found)


def promised(fn: Callable[[], Any]) -> Future[Any]:
    """What ``fn`` returns or raises, some time later, from another thread."""
    future: Future[Any] = Future()

    def work() -> None:
        try:
            result = fn()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=work).start()
    return future


def alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and was not waited for does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return stat[stat.rindex(b")") + 2 :].split()[0] not in (b"Z", b"X")


def descriptors() -> int:
    """How many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


class Gate:
    """Holds a blocking function up until the test lets it go."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._opened = threading.Event()

    def pass_through(self) -> None:
        self._reached.set()
        self._opened.wait(30)

    def reached(self) -> bool:
        return self._reached.is_set()

    def open(self) -> None:
        self._opened.set()


def unkept() -> Future[Any]:
    """A promise that nobody keeps unless the test does."""
    return Future()
