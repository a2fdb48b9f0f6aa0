"""What happens, for whoever follows it by server-sent events.

The format is that of https://html.spec.whatwg.org/multipage/server-sent-events.html.
Events that are kept carry their number in the database as their id, so that a
client that comes back with ``Last-Event-ID`` misses none of them.  Fleeting
ones, such as an agent's progress, have no id and are there only for whoever is.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..core.events import JOURNALLED, Event, is_kept
from ..store import StoreClosed
from ..store.overview import Overview, Row

HEARTBEAT = 15.0
"""Seconds of silence after which something is sent, to see whether the client is still there."""

BATCH = 256
REMEMBERED = 1000

TYPE = "text/event-stream; charset=utf-8"


class Feed:
    """A sink of events: records what is to be kept, and wakes the followers.

    ``record`` stores an event.  Safe for any thread.
    """

    def __init__(self, record: Callable[[Event], Future[None]]) -> None:
        self._record = record
        self._changed = threading.Condition()
        self._heard = 0
        self._fleeting: deque[tuple[int, Event]] = deque(maxlen=REMEMBERED)
        self._last: dict[str, float] = {}
        self._closed = False

    def __call__(self, event: Event) -> None:
        """Take an event."""
        kept = is_kept(event)
        if kept and event.name not in JOURNALLED:
            with suppress(StoreClosed):
                self._record(event).add_done_callback(self._wake)
        with self._changed:
            self._heard += 1
            if not kept:
                self._fleeting.append((self._heard, event))
            if event.task_id is not None:
                self._last[event.task_id] = event.at
            self._changed.notify_all()

    def _wake(self, recorded: Future[None]) -> None:
        with self._changed:
            self._heard += 1
            self._changed.notify_all()

    def last_events(self) -> dict[str, float]:
        """When each task was last heard of."""
        with self._changed:
            return dict(self._last)

    def close(self) -> None:
        """End what follows; later events are still recorded."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def follow(self, database: Path, after: int | None) -> Iterator[bytes]:
        """The stream of one client, from the event with the number ``after`` on.

        None starts with what comes next.
        """
        with self._changed:
            heard, closed = self._heard, self._closed
        with Overview(database) as stored:
            number = stored.newest_event() if after is None else after
            parts = [b"retry: 2000\n\n"]
            while True:
                while rows := stored.events(number, BATCH):
                    number = rows[-1]["number"]
                    yield b"".join([*parts, *map(_encoded_row, rows)])
                    parts = []
                if parts:
                    yield b"".join(parts)
                if closed:
                    return
                before, heard = heard, self._wait(heard)
                with self._changed:
                    closed = self._closed
                    news = [event for at, event in self._fleeting if at > before]
                parts = [_encoded(event.name, event.as_dict()) for event in news]
                if heard == before and not closed:
                    parts = [b": still here\n\n"]

    def _wait(self, heard: int) -> int:
        """Wait for an event after the first ``heard``, or a while; how many there were."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._heard != heard, HEARTBEAT)
            return self._heard


def _encoded_row(row: Row) -> bytes:
    event = Event(row["name"], row["at"], row["task_id"], row["attempt"], json.loads(row["data"]))
    return _encoded(event.name, event.as_dict(), row["number"])


def _encoded(name: str, data: dict[str, Any], number: int | None = None) -> bytes:
    # JSON of ASCII characters holds no line end, whatever is in the data.
    head = f"id: {number}\n" if number is not None else ""
    return f"{head}event: {name}\ndata: {json.dumps(data)}\n\n".encode()
