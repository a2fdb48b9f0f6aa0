"""Signals on threads. Twin: ``async_signals``."""

from __future__ import annotations

import contextlib
import os
import signal
from types import TracebackType
from typing import Any

from .sync_scope import current_scope


class Signals:
    """The signals that arrive while the block runs, instead of their usual effect.

    One that came and that nobody has taken has it when the block is left.

    They come through the wake-up descriptor (`signal.set_wakeup_fd`), which is
    written to at once.  A handler in Python would have to wait until the main
    thread runs Python code again, and that may be blocked for long.
    """

    def __init__(self, *signums: int) -> None:
        self._signums = signums
        self._before: dict[int, Any] = {}
        self._reader, self._writer, self._woken_before = -1, -1, -1

    def __enter__(self) -> Signals:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        with contextlib.suppress(ValueError):  # not in the main thread
            self._woken_before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
            for signum in self._signums:
                self._before[signum] = signal.signal(signum, _leave_to_the_descriptor)
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
        if self._before:
            signal.set_wakeup_fd(self._woken_before)
        left = b""
        with contextlib.suppress(BlockingIOError):
            left = os.read(self._reader, 1024)
        os.close(self._reader)
        os.close(self._writer)
        for signum in left:
            if signum in self._before:
                signal.raise_signal(signum)

    def wait(self) -> int:
        """The next signal. Never returns outside the main thread."""
        while True:
            current_scope().wait_readable(self._reader)
            with contextlib.suppress(BlockingIOError):
                signum = os.read(self._reader, 1)[0]
                if signum in self._before:
                    return signum


def _leave_to_the_descriptor(signum: int, frame: object) -> None:
    """Without a handler of its own a signal would have its usual effect."""
