"""One origin in the pool: its connections, and who waits for them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

import httpx

from .connection import Connection, repeat
from .ledger import Ledger
from .limits import Limits
from .origin import Origin
from .snapshot import OriginSnapshot

Waiter = asyncio.Future[Connection]


class Place:
    """First come, first served; whoever comes again goes before those who come anew."""

    __slots__ = ("dials", "ledger", "origin", "waiters")

    def __init__(self, origin: Origin, limits: Limits) -> None:
        self.origin = origin
        self.ledger: Ledger[Connection] = Ledger(limits.max_connections_per_host)
        self.waiters: OrderedDict[Waiter, None] = OrderedDict()
        self.dials: set[asyncio.Task[None]] = set()

    def enqueue(self, waiter: Waiter, *, first: bool) -> None:
        self.waiters[waiter] = None
        if first:
            self.waiters.move_to_end(waiter, last=False)

    def fail_waiters(self, error: httpx.TransportError) -> None:
        """Give up everybody who waits."""
        while self.waiters:
            waiter, _ = self.waiters.popitem(last=False)
            if not waiter.done():
                waiter.set_exception(repeat(error))

    def view(self) -> OriginSnapshot:
        ledger = self.ledger
        return OriginSnapshot(
            origin=str(self.origin),
            connections=len(ledger.members),
            connecting=ledger.dialling,
            streams=sum(connection.streams for connection in ledger.members),
            waiters=len(self.waiters),
            stream_limit=ledger.expected,
        )
