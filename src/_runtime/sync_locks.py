"""Locks, events and channels on threads. Twin: ``async_locks``.

Every condition stands on a reentrant lock, because a finaliser can run, and
set an event, inside a guarded block of the same thread.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import Generic, Literal, TypeVar

from .shared import Buffer, ChannelClosed, Fifo
from .sync_scope import current_scope

T = TypeVar("T")


class Event:
    """A flag that can be waited for."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._set = False

    def is_set(self) -> bool:
        """Whether the flag is up."""
        return self._set

    def set(self) -> None:
        """Raise the flag and wake everybody who waits for it."""
        with self._changed:
            self._set = True
            self._changed.notify_all()

    def clear(self) -> None:
        """Lower the flag."""
        with self._changed:
            self._set = False

    def wait(self) -> Literal[True]:
        """Wait until the flag is up."""
        with self._changed:
            current_scope().wait(self._changed, lambda: self._set)
        return True


class Semaphore:
    """At most ``value`` holders at a time, first come first served."""

    def __init__(self, value: int = 1) -> None:
        if value < 0:
            raise ValueError("Semaphore initial value must be >= 0")
        self._lock = threading.RLock()
        self._value = value
        self._queue: deque[threading.Condition] = deque()

    def locked(self) -> bool:
        """Whether a caller would have to wait."""
        return self._value == 0 or bool(self._queue)

    def acquire(self) -> Literal[True]:
        """Wait for a place."""
        turn = threading.Condition(self._lock)
        with turn:
            self._queue.append(turn)
            try:
                current_scope().wait(turn, lambda: self._value > 0 and self._queue[0] is turn)
                self._value -= 1
            finally:
                self._queue.remove(turn)
                self._wake_next()
        return True

    def release(self) -> None:
        """Give the place to whoever waits longest."""
        with self._lock:
            self._value += 1
            self._wake_next()

    def _wake_next(self) -> None:
        if self._value > 0 and self._queue:
            self._queue[0].notify()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *exc: object) -> None:
        self.release()


class Lock(Semaphore):
    """Mutual exclusion across waits, first come first served. Not reentrant."""

    def __init__(self) -> None:
        super().__init__(1)
        self._owner: int | None = None

    def acquire(self) -> Literal[True]:
        """Wait for the lock; raises `RuntimeError` if the caller holds it already."""
        if self._owner == threading.get_ident():
            raise RuntimeError("the lock is not reentrant")
        super().acquire()
        self._owner = threading.get_ident()
        return True

    def release(self) -> None:
        """Give the lock to whoever waits longest."""
        with self._lock:
            if self._value:
                raise RuntimeError("the lock is not held")
            self._owner = None
            super().release()


class StateLock:
    """Guards state that is never held across a wait.

    Reentrant, because a finaliser can run inside the guarded block.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *exc: object) -> None:
        self._lock.release()


class Channel(Generic[T]):
    """Hands items from those who put to those who get, in the buffer's order.

    With ``maxsize`` a put waits while so many items lie in the buffer.
    """

    def __init__(self, buffer: Buffer[T] | None = None, *, maxsize: int = 0) -> None:
        self._buffer: Buffer[T] = Fifo() if buffer is None else buffer
        self._maxsize = maxsize
        self._closed = False
        lock = threading.RLock()
        self._room = threading.Condition(lock)
        self._items = threading.Condition(lock)

    def __len__(self) -> int:
        return len(self._buffer)

    def put(self, item: T) -> None:
        """Add an item; raises `ChannelClosed`."""
        with self._room:
            current_scope().wait(
                self._room,
                lambda: self._closed or not self._maxsize or len(self._buffer) < self._maxsize,
            )
            if self._closed:
                raise ChannelClosed
            self._buffer.push(item)
            self._items.notify()

    def get(self) -> T:
        """Take the next item; raises `ChannelClosed` when there will be none."""
        with self._items:
            current_scope().wait(self._items, lambda: self._closed or len(self._buffer))
            if not len(self._buffer):
                raise ChannelClosed
            item = self._buffer.pop()
            self._room.notify()
            return item

    def close(self) -> None:
        """Take no more items; those inside are still delivered."""
        with self._items:
            self._closed = True
            self._items.notify_all()
            self._room.notify_all()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        try:
            return self.get()
        except ChannelClosed:
            raise StopIteration from None
