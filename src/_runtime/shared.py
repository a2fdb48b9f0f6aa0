"""Values and rules that both runtimes share."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from heapq import heappop, heappush
from itertools import count
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")


class ChannelClosed(Exception):
    """The channel takes no more items and has delivered those it had."""


class TaskCancelled(Exception):
    """The task that was waited for was cancelled before it had a result."""


def outcome(future: Future[T], cancelled: type[BaseException]) -> T:
    """The result or the error of a finished ``future``.

    Raises `TaskCancelled` if it was cancelled or its work ended with ``cancelled``,
    which would otherwise be mistaken for the end of the caller.
    """
    try:
        return future.result()
    except (CancelledError, cancelled) as error:
        raise TaskCancelled from error


class Buffer(Protocol[T]):
    """The order in which a channel delivers."""

    def push(self, item: T, /) -> None: ...
    def pop(self) -> T: ...
    def __len__(self) -> int: ...


class Fifo(Generic[T]):
    """Oldest item first."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()

    def push(self, item: T, /) -> None:
        self._items.append(item)

    def pop(self) -> T:
        return self._items.popleft()

    def __len__(self) -> int:
        return len(self._items)


class Prioritised(Generic[T]):
    """Smallest ``key(item)`` first, oldest first among equals."""

    def __init__(self, key: Callable[[T], float]) -> None:
        self._key = key
        self._heap: list[tuple[float, int, T]] = []
        self._order = count()

    def push(self, item: T, /) -> None:
        heappush(self._heap, (self._key(item), next(self._order), item))

    def pop(self) -> T:
        return heappop(self._heap)[2]

    def __len__(self) -> int:
        return len(self._heap)
