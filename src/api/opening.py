"""Puts the API together and opens it."""

from __future__ import annotations

import errno
import logging
import os
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from .._runtime.commands import Mailbox
from .._runtime.identity import identity
from ..core.events import Event
from . import note
from .bridge import Bridge
from .feed import Feed
from .listener import Listener, bind
from .messages import Route
from .orders import Orders
from .predecessor import About, Predecessor
from .router import Router
from .views import Metrics, Views

logger = logging.getLogger(__name__)

ROOM_WITHIN = 10.0
"""Seconds in which another Code Agent of the same project has to make room when asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to open: a ``port`` of None opens nothing, 0 takes any.

    ``free`` lets everybody on this machine stop the server, as the predecessor did.
    ``routes`` and ``metrics`` are those of other rooms.
    """

    state: Path
    database: Path
    project: Path
    path: str
    port: int | None
    free: bool
    cursor: bool | None
    max_attempts: int
    restarts: Callable[[], int] = lambda: 0
    routes: Sequence[Route] = ()
    metrics: Sequence[Metrics] = field(default=())


class Api:
    """The open API; leaving the block closes it.

    It is a sink of events.  Commands go to the server that ``mailbox`` belongs to.
    """

    def __init__(
        self, plan: Plan, mailbox: Mailbox, record: Callable[[Event], Future[None]]
    ) -> None:
        self._plan = plan
        self._mailbox = mailbox
        self.feed = Feed(record)
        self._listener: Listener | None = None

    @property
    def port(self) -> int | None:
        """Where it listens; None if it does not."""
        return None if self._listener is None else self._listener.port

    def __enter__(self) -> Api:
        plan = self._plan
        token, problem = os.urandom(32).hex(), "api.enabled or server.http_enabled is off"
        if plan.port is not None:
            try:
                listening = _listen(plan.port, plan.project)
            except OSError as error:
                problem = f"no port could be opened: {error.strerror or error}"
                logger.warning("the API is not there: %s", problem)
            else:
                self._listener = Listener(listening, Router(self._routes(), token))
        port = self.port
        try:
            note.write(
                plan.state,
                note.Note(
                    pid=os.getpid(),
                    started=identity(os.getpid()),
                    since=time.time(),
                    path=plan.path,
                    project=str(plan.project),
                    url=None if port is None else f"http://127.0.0.1:{port}",
                    token=None if port is None else token,
                    problem=problem if port is None else None,
                ),
            )
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def moved(self, path: str) -> None:
        """The server goes on on another path: say so in the note."""
        found = note.read(self._plan.state)
        if found is not None and found.path != path:
            found.path = path
            note.write(self._plan.state, found)

    def close(self) -> None:
        """Take the note away, refuse what was not begun, and hang up."""
        note.remove(self._plan.state)
        self._mailbox.close()
        self.feed.close()
        if self._listener is not None:
            self._listener.close()

    def _routes(self) -> list[Route]:
        plan, bridge = self._plan, Bridge(self._mailbox)
        about = About(
            project=plan.project,
            database=plan.database,
            cursor=plan.cursor,
            restarts=plan.restarts,
        )
        views = Views(
            plan.database,
            bridge,
            self.feed,
            max_attempts=plan.max_attempts,
            metrics=plan.metrics,
        )
        predecessor = Predecessor(about, bridge, lambda: self.port or 0)
        return [
            *predecessor.routes(free=plan.free),
            *views.routes(),
            *Orders(bridge).routes(),
            *plan.routes,
        ]


def _listen(port: int, project: Path) -> socket.socket:
    """The port that is wanted, or another one if somebody has it who may keep it.

    A Code Agent on the same project can only be the predecessor's (ours hold the
    project's lock): it is asked to stop, for two would work on one list.
    """
    try:
        return bind(port)
    except OSError as error:
        if not port or error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
    from .ports import ask_to_stop, occupant_of  # an HTTP client, which is seldom needed

    occupant = occupant_of(port)
    if occupant is not None and occupant.project.resolve() == project.resolve():
        logger.warning(
            "another Code Agent at port %d works on this project: asking it to stop", port
        )
        if ask_to_stop(port, ROOM_WITHIN):
            return bind(port)
    who = "another program"
    if occupant is not None:
        who = f"a Code Agent that works on {occupant.project}"
    listening = bind(0)
    logger.warning(
        "port %d belongs to %s, which keeps it: the API is at port %d instead; stop that "
        "program, or set server.http_port to another port",
        port,
        who,
        listening.getsockname()[1],
    )
    return listening
