"""Scopes and task groups on threads. Twin: ``async_tasks``."""

from __future__ import annotations

import contextlib
import contextvars
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Generic, ParamSpec, TypeVar

from .shared import TaskCancelled
from .sync_locks import Event, Semaphore
from .sync_scope import Cancelled, Scope, current, current_scope, entered

T = TypeVar("T")
R = TypeVar("R")
P = ParamSpec("P")


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
    somebody calls ``scope.cancel()``; ``scope.ended_early`` tells.  A block that
    ends in the same moment by itself has not ended early.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = seconds
        self._scope: Scope | None = None
        self._cancelled = False
        self.ended_early = False

    def cancel(self) -> None:
        """End the block at its next wait."""
        self._cancelled = True
        if (scope := self._scope) is not None:
            scope.cancel()

    def __enter__(self) -> CancelScope:
        deadline = None if self._seconds is None else time.monotonic() + self._seconds
        self._scope = scope = Scope(current_scope(), deadline)
        self._token = current.set(scope)
        if self._cancelled:
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
        self._scope: Scope | None = None
        self._tasks: set[Task[Any]] = set()
        self._threads: list[threading.Thread] = []
        self._errors: list[BaseException] = []

    def __enter__(self) -> TaskGroup:
        self._outer = current_scope()
        self._scope = Scope(self._outer)
        self._token = current.set(self._scope)
        return self

    def start_soon(self, fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Task[R]:
        """Start ``fn(*args)`` in the group; raises `RuntimeError` once the group has ended."""
        with self._changed:
            scope = self._scope
            if scope is None or scope.cancelled:
                raise RuntimeError("the group is not open")
            task: Task[R] = Task(Scope(scope))
            thread = threading.Thread(
                target=contextvars.copy_context().run,
                args=(self._run, scope, task, fn, args, kwargs),
                name=getattr(fn, "__qualname__", None),
                daemon=True,
            )
            self._tasks.add(task)
            try:
                thread.start()
            except BaseException:
                self._tasks.discard(task)
                task._scope.close()
                raise
            self._threads = [known for known in self._threads if known.is_alive()] + [thread]
        return task

    def _run(
        self,
        scope: Scope,
        task: Task[R],
        fn: Callable[..., R],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> None:
        current.set(task._scope)
        try:
            task._scope.check()
            task._value = fn(*args, **kwargs)
        except BaseException as error:
            task._error = error
            if not isinstance(error, Cancelled):
                self._errors.append(error)
                scope.cancel()
        finally:
            task._finished.set()
            self._forget(task)

    def _forget(self, task: Task[Any]) -> None:
        task._scope.close()
        with self._changed:
            self._tasks.discard(task)
            self._changed.notify_all()

    def cancel(self) -> None:
        """Cancel the tasks, not the block that opened the group."""
        with self._changed:
            tasks = list(self._tasks)
        for task in tasks:
            task.cancel()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        assert self._scope is not None  # noqa: S101 - the block was entered
        if exc is not None:
            self._scope.cancel()
        try:
            with self._changed:
                while self._tasks:
                    self._changed.wait()  # an end of the scope reaches the tasks by itself
                scope, self._scope = self._scope, None
            for thread in self._threads:
                thread.join()
        except BaseException:  # interrupted: the tasks have to end by themselves
            self.cancel()
            raise
        finally:
            current.reset(self._token)
        scope.close()
        if exc is not None and not isinstance(exc, Cancelled):
            self._errors.append(exc)
        for error in self._errors:
            if isinstance(error, SystemExit | KeyboardInterrupt):
                raise error
        if self._errors:
            raise BaseExceptionGroup("unhandled errors in a TaskGroup", self._errors) from None
        if exc is None:
            self._outer.check()  # the tasks may have ended because the scope around did


def map_concurrently(fn: Callable[[T], R], items: Iterable[T], *, limit: int) -> list[R]:
    """``fn`` of every item, at most ``limit`` at a time, results in the items' order."""
    if limit < 1:
        raise ValueError("limit must be at least 1")
    slots = Semaphore(limit)

    def one(item: T) -> R:
        result = fn(item)
        slots.release()  # after an error the group ends whoever waits for a place
        return result

    with TaskGroup() as group:
        tasks: list[Task[R]] = []
        for item in items:
            slots.acquire()  # no task is made before it may run
            tasks.append(group.start_soon(one, item))
    return [task.wait() for task in tasks]
