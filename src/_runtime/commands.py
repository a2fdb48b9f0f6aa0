"""Commands from other threads to the server, whichever path it runs on."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any


class MailboxClosed(Exception):
    """The server has ended and obeys no more."""


@dataclass(frozen=True, slots=True)
class Command:
    """What is to be done; ``answer`` is the result, or the error that says why not.

    Whoever has given up waiting cancels the answer, and the command with it if
    nobody has begun to obey.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    answer: Future[Any] = field(default_factory=Future)


class Mailbox:
    """Hands commands from any thread to the one server.

    The server waits for `arrival` and then calls `take` until there is nothing
    left.  A wait that is cancelled loses nothing, for it takes nothing.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[Command] = deque()
        self._arrival: Future[None] = Future()
        self._closed = False

    def submit(self, name: str, /, **arguments: Any) -> Future[Any]:
        """Have a command obeyed; raises `MailboxClosed`."""
        command = Command(name, arguments)
        with self._lock:
            if self._closed:
                raise MailboxClosed("the server has ended")
            self._waiting.append(command)
            if not self._arrival.done():
                self._arrival.set_result(None)
        return command.answer

    def arrival(self) -> Future[None]:
        """Resolves when there may be something to take."""
        with self._lock:
            if self._arrival.done() and not self._waiting:
                self._arrival = Future()
            return self._arrival

    def take(self) -> Command | None:
        """The oldest command that somebody still wants obeyed; None if there is none.

        Whoever takes it has to see to its answer.
        """
        while True:
            with self._lock:
                if not self._waiting:
                    return None
                command = self._waiting.popleft()
            if command.answer.set_running_or_notify_cancel():
                return command

    def close(self) -> None:
        """Take no more commands, and refuse those that nobody has taken."""
        with self._lock:
            self._closed = True
            left, self._waiting = self._waiting, deque()
        for command in left:
            if command.answer.set_running_or_notify_cancel():
                command.answer.set_exception(MailboxClosed("the server has ended"))
