"""Looks up the addresses of hosts, without holding up a caller that is cancelled.

Nothing can end ``getaddrinfo``, which may take half a minute where no server of
names answers.  So it runs in a thread of its own, and callers only wait for it.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

from .sync_locks import Event

Addresses = list[tuple[Any, ...]]
"""As ``socket.getaddrinfo`` returns them."""


class _Lookup:
    """One question under way."""

    def __init__(self) -> None:
        self.done = Event()
        self.found: Addresses = []
        self.error: OSError | UnicodeError | None = None


class Names:
    """One look-up at a time for a host and port, however many ask for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[tuple[str, int], _Lookup] = {}

    def addresses(self, host: str, port: int) -> Addresses:
        """Where ``host`` is reached.  Raises `OSError`; the wait ends with the caller's scope."""
        with contextlib.suppress(OSError, UnicodeError):
            return _look_up(host, port, socket.AI_NUMERICHOST)
        key = (host, port)
        with self._lock:
            lookup = self._under_way.get(key)
            if lookup is None:
                lookup = self._under_way[key] = _Lookup()
                work = threading.Thread(
                    target=self._answer, args=(key, lookup), name=f"look up {host}", daemon=True
                )
                work.start()
        lookup.done.wait()
        if lookup.error is not None:
            problem = lookup.error
            raise type(problem)(*problem.args) from problem  # several may wait: to each its own
        return lookup.found

    def _answer(self, key: tuple[str, int], lookup: _Lookup) -> None:
        try:
            lookup.found = _look_up(*key)
        except (OSError, UnicodeError) as error:
            lookup.error = error
        finally:
            with self._lock:
                del self._under_way[key]
            lookup.done.set()


def _look_up(host: str, port: int, flags: int = 0) -> Addresses:
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags))
