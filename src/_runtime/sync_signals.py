"""Signals on threads. Twin: ``async_signals``."""

from __future__ import annotations

import contextlib
import os
import signal
from types import TracebackType
from typing import Any

from .sync_scope import current_scope


class Signals:
    """The signals that arrive while the block runs, instead of their usual effect."""

    def __init__(self, *signums: int) -> None:
        self._signums = signums
        self._before: dict[int, Any] = {}
        self._reader, self._writer = -1, -1

    def __enter__(self) -> Signals:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        for signum in self._signums:
            with contextlib.suppress(ValueError):  # not in the main thread
                self._before[signum] = signal.signal(signum, self._note)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        for signum, before in self._before.items():
            if before is not None:  # None: it was installed by something else than Python
                signal.signal(signum, before)
        os.close(self._reader)
        os.close(self._writer)

    def _note(self, signum: int, frame: object) -> None:
        with contextlib.suppress(OSError):  # no locks here: they may be held already
            os.write(self._writer, bytes([signum]))

    def wait(self) -> int:
        """The next signal. Never returns outside the main thread."""
        while True:
            current_scope().wait_readable(self._reader)
            with contextlib.suppress(BlockingIOError):
                return os.read(self._reader, 1)[0]
