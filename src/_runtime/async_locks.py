"""Locks, events and channels on asyncio. Twin: ``sync_locks``."""

from __future__ import annotations

import asyncio
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
        self._owner = None
        super().release()


class StateLock:
    """Guards state that is never held across a wait.

    On asyncio such a block is atomic anyway, so this only checks the rule.
    """

    _held = False

    def __enter__(self) -> None:
        if self._held:
            raise RuntimeError("waited or re-entered while holding a state lock")
        self._held = True

    def __exit__(self, *exc: object) -> None:
        self._held = False


class Channel(Generic[T]):
    """Hands items from those who put to those who get, in the buffer's order.

    With ``maxsize`` a put waits while so many items lie in the buffer.
    """

    def __init__(self, buffer: Buffer[T] | None = None, *, maxsize: int = 0) -> None:
        self._buffer: Buffer[T] = Fifo() if buffer is None else buffer
        self._maxsize = maxsize
        self._closed = False
        self._changed = asyncio.Condition()

    def __len__(self) -> int:
        return len(self._buffer)

    async def put(self, item: T) -> None:
        """Add an item; raises `ChannelClosed`."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: self._closed or not self._maxsize or len(self._buffer) < self._maxsize
            )
            if self._closed:
                raise ChannelClosed
            self._buffer.push(item)
            self._changed.notify_all()

    async def get(self) -> T:
        """Take the next item; raises `ChannelClosed` when there will be none."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._closed or len(self._buffer))
            if not len(self._buffer):
                raise ChannelClosed
            item = self._buffer.pop()
            self._changed.notify_all()
            return item

    async def aclose(self) -> None:
        """Take no more items; those inside are still delivered."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        try:
            return await self.get()
        except ChannelClosed:
            raise StopAsyncIteration from None
