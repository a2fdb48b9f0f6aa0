"""Concurrency on threads. Twin: ``async_runtime``.

Functions that start work take the function and its arguments.  No operation
has a time-out of its own: deadlines come from scopes.
"""

from __future__ import annotations

import _thread
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Annotated, Any, Literal, ParamSpec, TypeVar

from .network import NetworkOptions
from .shared import ChannelClosed, Fifo, Prioritised, TaskCancelled, outcome
from .sync_files import AppendFile, append, open_append, read_bytes, run_blocking, write_atomic
from .sync_locks import Channel, Event, Lock, Semaphore, StateLock
from .sync_process import ByteStream, Process, open_process
from .sync_scope import Cancelled, Scope, current_scope, entered
from .sync_signals import Signals
from .sync_tasks import CancelScope, Task, TaskGroup, map_concurrently, timeout
from .sync_watch import FileWatcher, Watch

if TYPE_CHECKING:
    from .sync_http import HTTPSession as HTTPSession  # noqa: PLC0414 - for type checkers

__all__ = [
    "PATH",
    "AppendFile",
    "ByteStream",
    "CancelScope",
    "Cancelled",
    "Channel",
    "ChannelClosed",
    "Event",
    "Fifo",
    "FileWatcher",
    "Future",
    "Lock",
    "NetworkOptions",
    "Prioritised",
    "Process",
    "Result",
    "Semaphore",
    "Signals",
    "StateLock",
    "Task",
    "TaskCancelled",
    "TaskGroup",
    "Watch",
    "append",
    "call",
    "checkpoint",
    "from_any_thread",
    "loop_name",
    "map_concurrently",
    "open_append",
    "open_client",
    "open_process",
    "read_bytes",
    "run",
    "run_blocking",
    "shielded",
    "sleep",
    "timeout",
    "wait_for_future",
    "write_atomic",
]

T = TypeVar("T")
R = TypeVar("R")
P = ParamSpec("P")

PATH: Literal["async", "sync"] = "sync"
Result = Annotated[T, "of a call that waits"]


def run(
    main: Callable[..., R],
    *args: Any,
    loop: str = "auto",
    debug: bool = False,
    io_threads: int = 8,
    watched: object = None,
) -> R:
    """Run ``main`` to its end and return its result.

    The settings of the other path mean nothing here.
    """
    with entered(Scope(None)) as scope, _interruptible(scope):
        return main(*args)


@contextlib.contextmanager
def _interruptible(scope: Scope) -> Iterator[None]:
    """On Ctrl-C end ``scope`` and raise `KeyboardInterrupt` when it has; the second time at once."""
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    interrupted = False

    def interrupt(signum: int, frame: object) -> None:
        nonlocal interrupted
        if interrupted:
            raise KeyboardInterrupt
        interrupted = True
        # Cancelling takes locks that the interrupted code may be about to use.
        _thread.start_new_thread(scope.cancel, ())

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except Cancelled:
        if interrupted:
            raise KeyboardInterrupt from None
        raise
    finally:
        if signal.getsignal(signal.SIGINT) is interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def open_client(options: NetworkOptions) -> HTTPSession:
    """An HTTP client, to be used as a block; see `network`.

    Raises `OSError` if the file of certificates cannot be read.
    """
    from .sync_http import HTTPSession  # takes 0.2 s, which only those pay who need it

    return HTTPSession(options)


def loop_name() -> str:
    """What the calling code runs on: threads."""
    return "threads"


def sleep(delay: float) -> None:
    """Wait for ``delay`` seconds."""
    current_scope().sleep(delay)


def checkpoint() -> None:
    """Let others run, and end here if the scope has ended."""
    current_scope().check()


def shielded(fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run ``fn`` to its end even if the caller is cancelled meanwhile.

    The caller hears of that afterwards; an error of ``fn`` goes first.
    """
    scope = current_scope()
    cleaning_up = scope.ended()
    with entered(Scope(None)):
        result = fn(*args, **kwargs)
    if not cleaning_up:  # otherwise the caller knows, and may have more to shield
        scope.check()
    return result


def call(fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call ``fn``, which may or may not have to be waited for."""
    return fn(*args, **kwargs)


def from_any_thread(fn: Callable[P, R]) -> Callable[P, R]:
    """``fn``, to be called from whichever thread.

    On this path everything may be.
    """
    return fn


def wait_for_future(future: Future[T]) -> T:
    """Wait for what another thread promised. Cancelling the wait leaves the work alone.

    Raises the error of the work, or `TaskCancelled`.
    """
    finished = threading.Condition()

    def wake(_: Future[T]) -> None:
        with finished:
            finished.notify_all()

    future.add_done_callback(wake)
    with finished:
        current_scope().wait(finished, future.done)
    return outcome(future, Cancelled)
