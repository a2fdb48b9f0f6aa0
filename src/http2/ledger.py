"""Which connection of an origin serves the next request, and when to open one more."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar


class Member(Protocol):
    """What is asked of a connection."""

    @property
    def free(self) -> int: ...

    @property
    def announced(self) -> int | None: ...


C = TypeVar("C", bound=Member)


class Ledger(Generic[C]):
    """One origin's connections.  Every decision takes constant time.

    Requests go to the connection that has most lately had room, so that those
    which are not needed stay idle and close.  While it is unknown how much a
    connection carries, no other is opened beside it.
    """

    def __init__(self, max_connections: int) -> None:
        self.members: set[C] = set()
        self.dialling = 0
        self.expected: int | None = None
        """How many requests a new connection carries; None until the first is there."""
        self.not_before = 0.0
        """When a connection may be tried again while others stand."""
        self._max = max_connections
        self._available: dict[C, None] = {}
        self._unsettled: set[C] = set()

    @property
    def empty(self) -> bool:
        return not self.members and not self.dialling

    def update(self, connection: C) -> None:
        """Its room has changed, or it has announced how much it carries."""
        if connection.free > 0:
            self._available.setdefault(connection)
        else:
            self._available.pop(connection, None)
        if connection.announced is not None:
            self.expected = connection.announced
            self._unsettled.discard(connection)

    def add(self, connection: C) -> None:
        self.members.add(connection)
        self._unsettled.add(connection)
        self.update(connection)

    def remove(self, connection: C) -> None:
        self.members.discard(connection)
        self._unsettled.discard(connection)
        self._available.pop(connection, None)

    def choose(self) -> C | None:
        """A connection with room for a request, if there is one."""
        available = self._available
        while available:
            connection = next(reversed(available))
            if connection.free > 0:
                return connection
            del available[connection]
        return None

    def wants_another(self, waiting: int, now: float) -> bool:
        """Whether ``waiting`` requests call for a further connection."""
        if len(self.members) + self.dialling >= self._max:
            return False
        if self._unsettled or (self.members and now < self.not_before):
            return False
        if not self.dialling:
            return waiting > 0
        return self.expected is not None and waiting > self.dialling * self.expected
