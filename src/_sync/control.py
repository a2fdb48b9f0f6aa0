# Generated from src/_async/control.py. Do not edit.
"""Obeys what is asked of the running server from other threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._runtime import sync_runtime as rt
from .._runtime.commands import Command, Mailbox, MailboxClosed


class Control:
    """Takes commands from a mailbox and carries them out, several at a time.

    ``actions`` are by name, and may or may not have to be waited for; what they
    return or raise is the answer.
    """

    def __init__(self, mailbox: Mailbox, actions: Mapping[str, Callable[..., Any]]) -> None:
        self._mailbox = mailbox
        self._actions = actions
        self._state = rt.StateLock()
        self._busy = 0
        self._ending = False
        self._settled = rt.Event()
        self._settled.set()

    def run(self) -> None:
        """Obey until cancelled; what was not begun by then stays in the mailbox."""
        with rt.TaskGroup() as group:
            while True:
                rt.wait_for_future(self._mailbox.arrival())
                if self._ending:
                    return
                while (command := self._next()) is not None:
                    group.start_soon(self._obey, command)

    def finish(self) -> None:
        """Begin no more commands, and wait for those that were begun."""
        with self._state:
            self._ending = True
        self._settled.wait()

    def _next(self) -> Command | None:
        with self._state:
            command = None if self._ending else self._mailbox.take()
            if command is not None:
                self._busy += 1
                self._settled.clear()
            return command

    def _obey(self, command: Command) -> None:
        try:
            action = self._actions.get(command.name)
            if action is None:
                raise LookupError(f"there is no command {command.name!r}")
            result = rt.call(action, **command.arguments)
        except rt.Cancelled:
            command.answer.set_exception(MailboxClosed("the server has ended"))
            raise
        except Exception as error:
            command.answer.set_exception(error)
        else:
            command.answer.set_result(result)
        finally:
            with self._state:
                self._busy -= 1
                if not self._busy:
                    self._settled.set()
