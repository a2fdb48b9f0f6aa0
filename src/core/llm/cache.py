"""Answers that are known already."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from .asking import Ask
from .wire import WireRequest

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def ask_key(ask: Ask) -> str:
    """The same for questions that may share one answer, in flight or from a cache."""
    return _digest(
        json.dumps(
            [ask.prompt, ask.response_format, ask.model, ask.fastest, ask.parallel], sort_keys=True
        ).encode()
    )


def request_key(request: WireRequest) -> str:
    """The same for requests that are sent to the same place with the same content."""
    return _digest(request.method.encode(), request.url.encode(), request.body)


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


@dataclass(slots=True)
class CacheCounts:
    """What a cache has been asked."""

    hits: int = 0
    misses: int = 0
    evictions: int = 0


class Cache(Generic[K, V]):
    """Keeps values up to an age, and of more than it has room for those used last.

    ``max_size`` is in whatever unit ``put`` is given, ``max_age`` in seconds of the
    clock that the caller reads.  Not safe across threads: the caller guards it.
    """

    __slots__ = ("_entries", "_max_age", "_max_entries", "_max_size", "_size", "counts")

    def __init__(self, *, max_entries: int, max_size: int, max_age: float) -> None:
        self._max_entries = max_entries
        self._max_size = max_size
        self._max_age = max_age
        self._entries: OrderedDict[K, tuple[V, int, float]] = OrderedDict()
        self._size = 0
        self.counts = CacheCounts()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size(self) -> int:
        """The sum of the sizes of all values."""
        return self._size

    def get(self, key: K, now: float) -> V | None:
        """The value, None if it is absent or too old."""
        entry = self._entries.get(key)
        if entry is not None and now >= entry[2] + self._max_age:
            self._drop(key)
            entry = None
        if entry is None:
            self.counts.misses += 1
            return None
        self.counts.hits += 1
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: K, value: V, now: float, size: int = 1) -> None:
        """Keep the value, unless it alone is larger than the cache."""
        if key in self._entries:
            self._drop(key)
        if size > self._max_size or self._max_entries < 1:
            return
        self._entries[key] = (value, size, now)
        self._size += size
        while len(self._entries) > self._max_entries or self._size > self._max_size:
            self._drop(next(iter(self._entries)))
            self.counts.evictions += 1

    def _drop(self, key: K) -> None:
        self._size -= self._entries.pop(key)[1]
