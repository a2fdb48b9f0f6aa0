"""Cancellation and deadlines for threads: a tree of scopes.

Every wait of the synchronous path happens inside the scope that is current in
its context.  Cancelling a scope wakes whoever waits below it; nobody polls.

The tree has no lock.  Whoever waits registers first and looks at the flags
then; whoever cancels raises the flag first and calls the registered then.  So
one of the two always sees the other, and a finaliser that runs in the middle
of either finds nothing held.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import select
import threading
import time
from collections.abc import Callable, Iterator

_LONGEST_POLL = 3600.0  # poll(2) counts milliseconds in 32 bits


class Cancelled(BaseException):
    """The scope that the caller runs in has ended. Clean up and let it pass."""


class Scope:
    """A part of the work that can be cancelled, or has a deadline, as a whole.

    ``deadline`` is on the monotonic clock, in seconds; the nearest of its own
    and its ancestors' deadlines holds.
    """

    __slots__ = ("_below", "_own_deadline", "_parent", "_wakers", "cancelled", "deadline")

    def __init__(self, parent: Scope | None, deadline: float | None = None) -> None:
        self._parent = parent
        self._below: set[Scope] = set()
        self._wakers: dict[object, Callable[[], None]] = {}
        self._own_deadline = deadline
        self.cancelled = False
        inherited = None if parent is None else parent.deadline
        ends = [end for end in (deadline, inherited) if end is not None]
        self.deadline: float | None = min(ends) if ends else None
        if parent is not None:
            parent._below.add(self)

    def close(self) -> None:
        """Leave the tree."""
        if self._parent is not None:
            self._parent._below.discard(self)

    def cancel(self) -> None:
        """End every wait at and below this scope."""
        self.cancelled = True
        reached = [self]
        for scope in reached:  # grows on the way; `copy` is one step for other threads
            reached.extend(scope._below.copy())
        for scope in reached:
            for wake in scope._wakers.copy().values():
                wake()

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

    def wait(
        self, changed: threading.Condition, ready: Callable[[], object], until: float | None = None
    ) -> None:
        """With ``changed`` held, wait for ``ready()`` or ``until``; raises `Cancelled`."""

        def wake() -> None:
            with changed:
                changed.notify_all()

        if ready() and not self.ended():
            return
        key = object()
        self._wakers[key] = wake
        try:
            while True:
                self.check()
                if ready() or (until is not None and time.monotonic() >= until):
                    return
                ends = [end for end in (until, self.deadline) if end is not None]
                left = min(ends) - time.monotonic() if ends else None
                changed.wait(None if left is None else min(max(left, 0), threading.TIMEOUT_MAX))
        except Cancelled:
            changed.notify()  # a wake-up that came with the end is for the next in line
            raise
        finally:
            del self._wakers[key]

    def sleep(self, delay: float) -> None:
        """Wait for ``delay`` seconds; raises `Cancelled`."""
        pause = threading.Condition()
        with pause:
            self.wait(pause, lambda: False, time.monotonic() + delay)

    def wait_readable(self, descriptor: int) -> None:
        """Wait until ``descriptor`` can be read, perhaps in vain; raises `Cancelled`."""
        self._wait_for(descriptor, select.POLLIN)

    def wait_writable(self, descriptor: int) -> None:
        """Wait until ``descriptor`` can be written, perhaps in vain; raises `Cancelled`."""
        self._wait_for(descriptor, select.POLLOUT)

    def _wait_for(self, descriptor: int, event: int) -> None:
        bell = _Bell()
        poller = select.poll()
        poller.register(descriptor, event)  # errors and hang-ups are always told
        poller.register(bell.reader, select.POLLIN)
        self._wakers[bell] = bell.ring
        try:
            while True:
                self.check()
                left = _LONGEST_POLL
                if self.deadline is not None:
                    left = min(max(self.deadline - time.monotonic(), 0), left)
                if poller.poll(left * 1000 + 1):
                    self.check()
                    return
        finally:
            del self._wakers[bell]
            bell.close()


class _Bell:
    """Wakes a thread from poll(2)."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._open = True
        if hasattr(os, "eventfd"):
            self.reader = self._writer = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        else:
            self.reader, self._writer = os.pipe()

    def ring(self) -> None:
        with self._lock:  # once closed, the descriptor's number may be another file's
            if self._open:
                os.write(self._writer, (1).to_bytes(8, "little"))

    def close(self) -> None:
        with self._lock:
            self._open = False
            os.close(self.reader)
            if self._writer != self.reader:
                os.close(self._writer)


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
