"""From the threads of the API to the running server."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError
from typing import Any

from .._runtime.commands import Mailbox, MailboxClosed
from ..core.live import Live
from ..core.todo import TodoError
from ..store import InvalidTransition, StoreError, UnknownTask
from .messages import Refusal

OBEYED_WITHIN = 45.0
"""Seconds in which a command has to be obeyed: an agent that is to end has its grace period."""

LOOKED_WITHIN = 1.0


class Bridge:
    """Has commands obeyed, and waits for the answers."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._lock = threading.Lock()
        self._live: Live | None = None

    def tell(self, name: str, /, **arguments: Any) -> None:
        """Give a command whose answer does not matter; a server that has ended does not either."""
        try:
            self._mailbox.submit(name, **arguments)
        except MailboxClosed:
            return

    def ask(self, name: str, /, timeout: float = OBEYED_WITHIN, **arguments: Any) -> Any:
        """Have a command obeyed; its result.  Raises `Refusal`."""
        try:
            answer = self._mailbox.submit(name, **arguments)
            try:
                return answer.result(timeout)
            finally:
                answer.cancel()  # not begun in time: it is not to be obeyed later
        except TimeoutError:
            raise Refusal(504, f"the server has not obeyed within {timeout:g} s") from None
        except (MailboxClosed, CancelledError):
            raise Refusal(503, "the server is ending") from None
        except (UnknownTask, LookupError) as error:
            raise Refusal(404, str(error)) from None
        except (InvalidTransition, TodoError) as error:
            raise Refusal(409, str(error)) from None
        except (StoreError, OSError) as error:
            raise Refusal(500, str(error)) from None

    def look(self) -> tuple[Live | None, bool]:
        """The newest that is known of the server, and whether it has just told it.

        A server that is too busy to answer does not keep the API from doing so.
        """
        try:
            live: Live | None = self.ask("look", LOOKED_WITHIN)
        except Refusal:
            with self._lock:
                return self._live, False
        with self._lock:
            self._live = live
        return live, True
