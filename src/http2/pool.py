"""All connections of a transport."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx

from .connection import Connection
from .deadlines import Deadlines
from .exchange import Fate
from .limits import Limits
from .origin import Origin
from .place import Place, Waiter
from .snapshot import Counters, Snapshot

Dial = Callable[["Pool", Origin, int | None], Awaitable[Connection]]

_RETRY_DIAL_AFTER = 1.0
_REMEMBERED_ORIGINS = 256


class Pool:
    """Gives every request room on a connection, within the limits."""

    def __init__(self, limits: Limits, dial: Dial, counters: Counters) -> None:
        self.counters = counters
        self._limits = limits
        self._dial = dial
        self._loop = asyncio.get_running_loop()
        self._places: dict[Origin, Place] = {}
        self._count = 0
        self._idle: dict[Connection, None] = {}
        self._draining: set[Connection] = set()
        self._starved: dict[Origin, None] = {}
        self._leaving: set[Connection] = set()
        self._closing = False

    async def acquire(
        self, origin: Origin, deadlines: Deadlines, *, again: bool = False
    ) -> Connection:
        """A connection on which one request's place is reserved.

        A request that comes ``again`` goes before those that wait for the first time.
        Raises `httpx.ConnectError`, `httpx.ConnectTimeout`, `httpx.PoolTimeout`
        or `httpx.ProxyError`.
        """
        if self._closing:
            raise RuntimeError("the transport is closed")
        place = self._places.get(origin)
        if place is None:
            place = self._enter(origin)
        if again or not place.waiters:
            connection = self._take(place)
            if connection is not None:
                return connection
        return await self._wait(place, deadlines, again)

    def unused(self, connection: Connection) -> None:
        """A place that is not reserved any more was not used either."""
        if connection.idle:
            connection.became_idle()
        self.changed(connection)

    def _enter(self, origin: Origin) -> Place:
        if len(self._places) >= _REMEMBERED_ORIGINS:
            for known in [o for o, p in self._places.items() if p.ledger.empty and not p.waiters]:
                del self._places[known]
        place = self._places[origin] = Place(origin, self._limits)
        return place

    def _take(self, place: Place) -> Connection | None:
        ledger = place.ledger
        while (connection := ledger.choose()) is not None:
            if connection.too_old:
                connection.retire()
                continue
            connection.reserved += 1
            self._idle.pop(connection, None)
            if connection.free <= 0:
                ledger.update(connection)
            return connection
        return None

    async def _wait(self, place: Place, deadlines: Deadlines, again: bool) -> Connection:
        self.counters.waited += 1
        waiter: Waiter = self._loop.create_future()
        place.enqueue(waiter, first=again)
        self._open_if_needed(place)
        phase = "pool" if place.ledger.members else "connect"
        try:
            try:
                await deadlines.wait(waiter, phase)
            except httpx.ConnectTimeout:
                if not place.ledger.members:
                    raise
                waiter = self._loop.create_future()
                place.enqueue(waiter, first=True)
                await deadlines.wait(waiter, "pool")
            return waiter.result()
        except httpx.TimeoutException:
            self.counters.timeouts += 1
            if not any(not other.done() for other in place.waiters):
                self._give_up_dialling(place)
            raise
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                waiter.result().reserved -= 1
                self.unused(waiter.result())
            raise
        finally:
            place.waiters.pop(waiter, None)

    def _serve(self, place: Place) -> None:
        """Hand out what room there is, and open a connection where it does not suffice."""
        waiters = place.waiters
        while waiters:
            waiter = next(iter(waiters))
            if waiter.done():
                del waiters[waiter]
                continue
            connection = self._take(place)
            if connection is None:
                break
            del waiters[waiter]
            waiter.set_result(connection)
        if waiters:
            self._open_if_needed(place)

    def _open_if_needed(self, place: Place) -> None:
        ledger = place.ledger
        while not self._closing and ledger.wants_another(len(place.waiters), self._loop.time()):
            if self._count >= self._limits.max_connections and not self._evict():
                self._starved.setdefault(place.origin)
                return
            ledger.dialling += 1
            self._count += 1
            task = self._loop.create_task(self._open(place))
            place.dials.add(task)
            task.add_done_callback(place.dials.discard)

    async def _open(self, place: Place) -> None:
        ledger = place.ledger
        connection: Connection | None = None
        failure: httpx.TransportError | None = None
        try:
            connection = await self._dial(self, place.origin, ledger.expected)
        except httpx.TransportError as error:
            failure = error
        except Exception as error:
            failure = httpx.ConnectError(f"{place.origin}: {type(error).__name__}: {error}")
            failure.__cause__ = error
        finally:
            ledger.dialling -= 1
            self._count -= 1
        if connection is None:
            self.counters.handshakes_failed += 1
            self._dial_failed(place, failure or httpx.ConnectError(str(place.origin)))
        else:
            self.counters.handshakes += 1
            if self._closing:
                connection.close()
            elif not connection.closed:
                self._count += 1
                ledger.add(connection)
                self._idle[connection] = None
            self._serve(place)
        self._feed_starved()

    def _dial_failed(self, place: Place, error: httpx.TransportError) -> None:
        if place.ledger.members:
            place.ledger.not_before = self._loop.time() + _RETRY_DIAL_AFTER
        elif isinstance(error, httpx.ConnectTimeout):
            # Whoever has waited long enough has given up; the others try again.
            self._open_if_needed(place)
        else:
            place.fail_waiters(error)

    def _give_up_dialling(self, place: Place) -> None:
        for task in list(place.dials):
            task.cancel()

    def _evict(self) -> bool:
        """Close the connection that has been idle longest, to make room for another origin."""
        while self._idle:
            connection = next(iter(self._idle))
            del self._idle[connection]
            if connection.idle:
                self.counters.evicted += 1
                connection.close()
                return True
        return False

    def _feed_starved(self) -> None:
        while self._starved and not self._closing:
            if self._count >= self._limits.max_connections and not self._idle:
                return
            origin = next(iter(self._starved))
            del self._starved[origin]
            place = self._places.get(origin)
            if place is not None:
                self._open_if_needed(place)

    # What the connections report

    def changed(self, connection: Connection) -> None:
        place = self._places.get(connection.origin)
        if place is None or connection not in place.ledger.members:
            return
        place.ledger.update(connection)
        if place.waiters:
            self._serve(place)
        if connection.idle:
            self._idle.pop(connection, None)
            self._idle[connection] = None
            if self._starved:
                self._feed_starved()

    def retired(self, connection: Connection) -> None:
        if self._leave(connection):
            self._draining.add(connection)

    def lost(self, connection: Connection) -> None:
        self._draining.discard(connection)
        if not connection.gone.done():
            self._leaving.add(connection)
            connection.gone.add_done_callback(lambda _: self._leaving.discard(connection))
        self._leave(connection)

    def _leave(self, connection: Connection) -> bool:
        self._idle.pop(connection, None)
        place = self._places.get(connection.origin)
        if place is None or connection not in place.ledger.members:
            return False
        place.ledger.remove(connection)
        self._count -= 1
        if place.waiters:
            self._open_if_needed(place)
        self._feed_starved()
        return True

    # The end, and the view from outside

    async def aclose(self) -> None:
        """Close all connections.  Requests under way fail."""
        self._closing = True
        dials = [task for place in self._places.values() for task in place.dials]
        for task in dials:
            task.cancel()
        await asyncio.gather(*dials, return_exceptions=True)
        for place in self._places.values():
            place.fail_waiters(httpx.ConnectError("the transport was closed"))
        members = [c for place in self._places.values() for c in place.ledger.members]
        for connection in [*members, *self._draining]:
            connection.fail_all(httpx.ReadError("the transport was closed"), Fate.FINAL)
            connection.close()
        connections = list(self._leaving)
        gone = [connection.gone for connection in connections]
        if gone:
            await asyncio.wait(gone, timeout=1.0)
            for connection in connections:
                connection.transport.abort()
            await asyncio.wait(gone, timeout=1.0)
        self._places.clear()

    def snapshot(self) -> Snapshot:
        """The pool at this moment."""
        origins = tuple(place.view() for place in self._places.values())
        return Snapshot(
            connections=sum(o.connections for o in origins),
            idle=len(self._idle),
            connecting=sum(o.connecting for o in origins),
            draining=len(self._draining),
            streams=sum(o.streams for o in origins) + sum(c.streams for c in self._draining),
            waiters=sum(o.waiters for o in origins),
            totals=self.counters,
            origins=origins,
        )
