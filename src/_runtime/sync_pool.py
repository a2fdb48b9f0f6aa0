"""httpcore's pool for many threads: what one of them gives up, no other takes."""

from __future__ import annotations

import threading

import httpcore


class ConnectionPool(httpcore.ConnectionPool):
    """A pool that never closes a connection on which a request has begun.

    httpcore gives a connection to a request first, and takes it into use later,
    without the pool's lock.  A thread that looks for expired connections in between
    finds it idle, sees the answer to the request come in, takes that for the server's
    good-bye, and closes the connection: the request fails with ``EBADF``.
    """

    def create_connection(self, origin: httpcore.Origin) -> httpcore.ConnectionInterface:
        """A connection that is taken into use or given up, but not both."""
        return Connection(super().create_connection(origin))


class Connection(httpcore.ConnectionInterface):
    """One connection of the pool: another, and who has it."""

    def __init__(self, inner: httpcore.ConnectionInterface) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self._beginning = 0
        self._given_up = False

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send ``request``; the pool finds another connection if this was given up."""
        with self._lock:
            if self._given_up:
                raise httpcore.ConnectionNotAvailable
            self._beginning += 1
        try:
            return self._inner.handle_request(request)
        finally:
            with self._lock:
                self._beginning -= 1

    def has_expired(self) -> bool:
        """Whether nobody may use it any more; then it stays so."""
        with self._lock:
            if not self._beginning and not self._given_up:
                self._given_up = self._inner.has_expired()
            return self._given_up

    def close(self) -> None:
        """Let go of it."""
        with self._lock:
            self._given_up = True
        self._inner.close()

    def can_handle_request(self, origin: httpcore.Origin) -> bool:
        """Whether it leads to ``origin``."""
        return self._inner.can_handle_request(origin)

    def is_available(self) -> bool:
        """Whether a request can be sent now."""
        return not self._given_up and self._inner.is_available()

    def is_idle(self) -> bool:
        """Whether no request is on it."""
        return self._inner.is_idle()

    def is_closed(self) -> bool:
        """Whether it is no more."""
        return self._inner.is_closed()

    def info(self) -> str:
        """Its state, for people."""
        return self._inner.info()
