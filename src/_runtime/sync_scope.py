"""Cancellation and deadlines for threads: a tree of scopes.

Every wait of the synchronous path happens inside the scope that is current in
its context.  Cancelling a scope wakes whoever waits below it; nobody polls.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import select
import threading
import time
from collections.abc import Callable, Iterator


class Cancelled(BaseException):
    """The scope that the caller runs in has ended. Clean up and let it pass."""


_tree = threading.RLock()  # reentrant: a finaliser may close a scope inside the guarded part


class Scope:
    """A part of the work that can be cancelled, or has a deadline, as a whole.

    ``deadline`` is on the monotonic clock, in seconds; the nearest of its own
    and its ancestors' deadlines holds.
    """

    __slots__ = ("_children", "_own_deadline", "_parent", "_wakers", "cancelled", "deadline")

    def __init__(self, parent: Scope | None, deadline: float | None = None) -> None:
        self._parent = parent
        self._children: set[Scope] = set()
        self._wakers: dict[object, Callable[[], None]] = {}
        self._own_deadline = deadline
        self.cancelled = False
        inherited = None if parent is None else parent.deadline
        ends = [end for end in (deadline, inherited) if end is not None]
        self.deadline: float | None = min(ends) if ends else None
        if parent is not None:
            with _tree:
                parent._children.add(self)

    def close(self) -> None:
        """Leave the tree."""
        if self._parent is not None:
            with _tree:
                self._parent._children.discard(self)

    def cancel(self) -> None:
        """End every wait at and below this scope."""
        with _tree:
            self.cancelled = True
            wakers: list[Callable[[], None]] = []
            below = [self]
            while below:
                scope = below.pop()
                wakers.extend(scope._wakers.values())
                below.extend(scope._children)
        for wake in wakers:  # outside the lock: a waker takes the waiter's own lock
            wake()

    def cancel_children(self) -> None:
        """Cancel what runs below, not this scope itself."""
        with _tree:
            children = list(self._children)
        for child in children:
            child.cancel()

    def ended(self) -> bool:
        """Whether this scope or one above it was cancelled or has run out of time."""
        if self.deadline is not None and time.monotonic() >= self.deadline:
            return True
        scope: Scope | None = self
        while scope is not None:
            if scope.cancelled:
                return True
            scope = scope._parent
        return False

    def ended_by_itself(self) -> bool:
        """Whether it was this very scope that ended, and none above it."""
        own = self._own_deadline
        itself = self.cancelled or (own is not None and time.monotonic() >= own)
        return itself and not (self._parent is not None and self._parent.ended())

    def check(self) -> None:
        """Raise `Cancelled` if the scope has ended."""
        if self.ended():
            raise Cancelled

    @contextlib.contextmanager
    def waking(self, wake: Callable[[], None]) -> Iterator[None]:
        """Have ``wake`` called when the scope is cancelled."""
        key = object()
        with _tree:
            self._wakers[key] = wake
        try:
            yield
        finally:
            with _tree:
                del self._wakers[key]

    def wait(
        self, changed: threading.Condition, ready: Callable[[], object], until: float | None = None
    ) -> None:
        """With ``changed`` held, wait for ``ready()`` or ``until``; raises `Cancelled`."""

        def wake() -> None:
            with changed:
                changed.notify_all()

        if ready() and not self.ended():
            return
        with self.waking(wake):
            while True:
                self.check()
                if ready() or (until is not None and time.monotonic() >= until):
                    return
                ends = [end for end in (until, self.deadline) if end is not None]
                changed.wait(max(min(ends) - time.monotonic(), 0) if ends else None)

    def wait_readable(self, descriptor: int) -> None:
        """Wait until ``descriptor`` can be read; raises `Cancelled`."""
        reader, writer = _pipe()
        try:
            poller = select.poll()
            poller.register(descriptor, select.POLLIN)
            poller.register(reader, select.POLLIN)
            with self.waking(lambda: _ring(writer)):
                while True:
                    self.check()
                    left = None if self.deadline is None else self.deadline - time.monotonic()
                    events = poller.poll(None if left is None else max(left, 0) * 1000 + 1)
                    if any(ready == descriptor for ready, _ in events):
                        return
        finally:
            os.close(reader)
            if writer != reader:
                os.close(writer)


def _pipe() -> tuple[int, int]:
    if hasattr(os, "eventfd"):
        descriptor = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        return descriptor, descriptor
    return os.pipe()


def _ring(writer: int) -> None:
    with contextlib.suppress(OSError):
        os.write(writer, (1).to_bytes(8, "little"))


current: contextvars.ContextVar[Scope] = contextvars.ContextVar("scope")


def current_scope() -> Scope:
    """The scope of the caller; a thread of foreign origin gets one of its own."""
    try:
        return current.get()
    except LookupError:
        scope = Scope(None)
        current.set(scope)
        return scope


@contextlib.contextmanager
def entered(scope: Scope) -> Iterator[Scope]:
    """Make ``scope`` the current one for the block."""
    token = current.set(scope)
    try:
        yield scope
    finally:
        current.reset(token)
        scope.close()
