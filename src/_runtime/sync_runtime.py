"""Concurrency on threads. Twin: ``async_runtime``.

Functions that start work take the function and its arguments.  No operation
has a time-out of its own: deadlines come from scopes.
"""

from __future__ import annotations

import contextlib
import contextvars
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from types import TracebackType
from typing import Annotated, Any, Generic, Literal, ParamSpec, TypeVar

from .shared import ChannelClosed, Fifo, Prioritised, TaskCancelled
from .sync_io import (
    AppendFile,
    FileWatcher,
    Process,
    Signals,
    Watch,
    append,
    open_append,
    open_process,
    read_bytes,
    run_blocking,
    write_atomic,
)
from .sync_locks import Channel, Event, Lock, Semaphore, StateLock
from .sync_scope import Cancelled, Scope, current, current_scope, entered

__all__ = [
    "PATH",
    "AppendFile",
    "CancelScope",
    "Cancelled",
    "Channel",
    "ChannelClosed",
    "Event",
    "Fifo",
    "FileWatcher",
    "Lock",
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
    "loop_name",
    "map_concurrently",
    "open_append",
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
) -> R:
    """Run ``main`` to its end and return its result.

    The settings of the other path mean nothing here.
    """
    with entered(Scope(None)):
        return main(*args)


def loop_name() -> str:
    """What the calling code runs on: threads."""
    return "threads"


def sleep(delay: float) -> None:
    """Wait for ``delay`` seconds."""
    pause = threading.Condition()
    with pause:
        current_scope().wait(pause, lambda: False, time.monotonic() + delay)


def checkpoint() -> None:
    """Let others run, and end here if the scope has ended."""
    current_scope().check()


def shielded(fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run ``fn`` to its end even if the caller is cancelled meanwhile."""
    with entered(Scope(None)):
        result = fn(*args, **kwargs)
    current_scope().check()
    return result


def call(fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call ``fn``, which may or may not have to be waited for."""
    return fn(*args, **kwargs)


def wait_for_future(future: Future[T]) -> T:
    """Wait for what another thread promised. Cancelling the wait leaves the work alone."""
    finished = threading.Condition()

    def wake(_: Future[T]) -> None:
        with finished:
            finished.notify_all()

    future.add_done_callback(wake)
    with finished:
        current_scope().wait(finished, future.done)
    return future.result()


@contextlib.contextmanager
def timeout(delay: float | None) -> Iterator[None]:
    """End the block after ``delay`` seconds with `TimeoutError`; None: never."""
    deadline = None if delay is None else time.monotonic() + delay
    with entered(Scope(current_scope(), deadline)) as scope:
        try:
            yield
        except Cancelled:
            if scope.ended_by_itself():
                raise TimeoutError from None
            raise


class CancelScope:
    """A block that can be ended from outside, or by its deadline, without an error.

    ``with CancelScope(5) as scope`` leaves the block after five seconds or when
    somebody calls ``scope.cancel()``; ``scope.ended_early`` tells.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = seconds
        self._scope: Scope | None = None
        self._cancelled = False
        self._lock = threading.Lock()
        self.ended_early = False

    def cancel(self) -> None:
        """End the block at its next wait."""
        with self._lock:
            self._cancelled = True
            scope = self._scope
        if scope is not None:
            scope.cancel()

    def __enter__(self) -> CancelScope:
        deadline = None if self._seconds is None else time.monotonic() + self._seconds
        self._scope = scope = Scope(current_scope(), deadline)
        self._token = current.set(scope)
        with self._lock:
            cancelled = self._cancelled
        if cancelled:
            scope.cancel()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> bool:
        assert self._scope is not None  # noqa: S101 - the block was entered
        scope, self._scope = self._scope, None
        current.reset(self._token)
        scope.close()
        self.ended_early = isinstance(exc, Cancelled) and scope.ended_by_itself()
        return self.ended_early


class Task(Generic[T]):
    """A function that runs in a `TaskGroup`."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._finished = Event()
        self._value: T
        self._error: BaseException | None = None

    def wait(self) -> T:
        """Its result or its error; raises `TaskCancelled` if it was cancelled.

        Cancelling the wait does not cancel the task.
        """
        self._finished.wait()
        if isinstance(self._error, Cancelled):
            raise TaskCancelled
        if self._error is not None:
            raise self._error
        return self._value

    def done(self) -> bool:
        """Whether it has ended, in whichever way."""
        return self._finished.is_set()

    def cancel(self) -> None:
        """End it at its next wait."""
        self._scope.cancel()


class TaskGroup:
    """Runs functions side by side; leaving the block waits for all of them.

    The first error cancels the others and is raised at the end of the block
    within an `ExceptionGroup`.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running = 0
        self._ended = False
        self._errors: list[BaseException] = []

    def __enter__(self) -> TaskGroup:
        self._outer = current_scope()
        self._scope = Scope(self._outer)
        self._token = current.set(self._scope)
        return self

    def start_soon(self, fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Task[R]:
        """Start ``fn(*args)`` in the group; raises `RuntimeError` once the group has ended."""
        with self._changed:
            if self._ended or self._scope.cancelled:
                raise RuntimeError("the group has ended")
            self._running += 1
        task: Task[R] = Task(Scope(self._scope))
        context = contextvars.copy_context()

        def body() -> None:
            current.set(task._scope)
            try:
                task._scope.check()
                task._value = fn(*args, **kwargs)
            except BaseException as error:
                task._error = error
                if not isinstance(error, Cancelled):
                    with self._changed:
                        self._errors.append(error)
                    self._scope.cancel()
            finally:
                task._scope.close()
                task._finished.set()
                with self._changed:
                    self._running -= 1
                    self._changed.notify_all()

        name = getattr(fn, "__qualname__", None)
        threading.Thread(target=context.run, args=(body,), name=name, daemon=True).start()
        return task

    def cancel(self) -> None:
        """Cancel the tasks, not the block that opened the group."""
        self._scope.cancel_children()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if exc is not None:
            self._scope.cancel()
        with self._changed:
            while self._running:
                self._changed.wait()  # an end of the scope reaches the tasks by itself
            self._ended = True
        current.reset(self._token)
        self._scope.close()
        if exc is not None and not isinstance(exc, Cancelled):
            self._errors.append(exc)
        if self._errors:
            raise BaseExceptionGroup("unhandled errors in a TaskGroup", self._errors) from None
        if exc is None:
            self._outer.check()  # the tasks may have ended because the scope around did


def map_concurrently(fn: Callable[[T], R], items: Iterable[T], *, limit: int) -> list[R]:
    """``fn`` of every item, at most ``limit`` at a time, results in the items' order."""
    slots = Semaphore(limit)

    def one(item: T) -> R:
        try:
            return fn(item)
        finally:
            slots.release()

    with TaskGroup() as group:
        tasks: list[Task[R]] = []
        for item in items:
            slots.acquire()  # no thread is made before it may run
            tasks.append(group.start_soon(one, item))
    return [task.wait() for task in tasks]
