"""Locks, events and channels on asyncio. Twin: ``sync_locks``."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any, Generic, Literal, TypeVar

from .shared import Buffer, ChannelClosed, Fifo

T = TypeVar("T")

Event = asyncio.Event
Semaphore = asyncio.Semaphore


class Lock(asyncio.Lock):
    """Mutual exclusion across waits, first come first served. Not reentrant."""

    _owner: asyncio.Task[Any] | None = None

    async def acquire(self) -> Literal[True]:
        """Wait for the lock; raises `RuntimeError` if the caller holds it already."""
        me = asyncio.current_task()
        if self._owner is me:
            raise RuntimeError("the lock is not reentrant")
        await super().acquire()
        self._owner = me
        return True

    def release(self) -> None:
        """Give the lock to whoever waits longest."""
        if not self.locked():
            raise RuntimeError("the lock is not held")
        self._owner = None
        super().release()


class StateLock:
    """Guards state that is never held across a wait.

    On asyncio such a block is atomic anyway, so this only checks the rule: it
    raises `RuntimeError` for whoever comes while somebody waits inside.
    Reentrant, because a finaliser can run inside the guarded block.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._holder: asyncio.Task[Any] | None = None

    def __enter__(self) -> None:
        me = _current_task()
        if self._depth and self._holder is not me:
            raise RuntimeError("a state lock was held across a wait")
        self._holder = me
        self._depth += 1

    def __exit__(self, *exc: object) -> None:
        self._depth -= 1
        if not self._depth:
            self._holder = None


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no loop runs here
        return None


_Waiters = deque[asyncio.Future[None]]


class Channel(Generic[T]):
    """Hands items from those who put to those who get, in the buffer's order.

    With ``maxsize`` a put waits while so many items lie in the buffer.
    """

    def __init__(self, buffer: Buffer[T] | None = None, *, maxsize: int = 0) -> None:
        self._buffer: Buffer[T] = Fifo() if buffer is None else buffer
        self._maxsize = maxsize
        self._closed = False
        self._putters: _Waiters = deque()
        self._getters: _Waiters = deque()

    def __len__(self) -> int:
        return len(self._buffer)

    async def put(self, item: T) -> None:
        """Add an item; raises `ChannelClosed`."""
        while not self._closed and 0 < self._maxsize <= len(self._buffer):
            await _turn(self._putters)
        if self._closed:
            raise ChannelClosed
        self._buffer.push(item)
        _wake_next(self._getters)

    async def get(self) -> T:
        """Take the next item; raises `ChannelClosed` when there will be none."""
        while not len(self._buffer):
            if self._closed:
                raise ChannelClosed
            await _turn(self._getters)
        item = self._buffer.pop()
        _wake_next(self._putters)
        return item

    async def aclose(self) -> None:
        """Take no more items; those inside are still delivered."""
        self._closed = True
        for waiters in (self._getters, self._putters):
            while waiters:
                _wake_next(waiters)

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        try:
            return await self.get()
        except ChannelClosed:
            raise StopAsyncIteration from None


async def _turn(waiters: _Waiters) -> None:
    waiter = asyncio.get_running_loop().create_future()
    waiters.append(waiter)
    try:
        await waiter
    except asyncio.CancelledError:
        if waiter in waiters:
            waiters.remove(waiter)
        elif not waiter.cancelled():  # a wake-up that came with the end is for the next in line
            _wake_next(waiters)
        raise


def _wake_next(waiters: _Waiters) -> None:
    while waiters:
        waiter = waiters.popleft()
        if not waiter.done():
            waiter.set_result(None)
            return
