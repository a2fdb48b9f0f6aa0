"""Signals on asyncio. Twin: ``sync_signals``."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from types import TracebackType
from typing import Any


class Signals:
    """The signals that arrive while the block runs, instead of their usual effect."""

    def __init__(self, *signums: int) -> None:
        self._signums = signums
        self._arrived: asyncio.Queue[int] = asyncio.Queue()
        self._before: dict[int, Any] = {}

    async def __aenter__(self) -> Signals:
        loop = asyncio.get_running_loop()
        for signum in self._signums:
            before = signal.getsignal(signum)
            with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
                loop.add_signal_handler(signum, self._arrived.put_nowait, signum)
                self._before[signum] = before
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        for signum, before in self._before.items():
            asyncio.get_running_loop().remove_signal_handler(signum)
            if before is not None:  # None: it was installed by something else than Python
                signal.signal(signum, before)

    async def wait(self) -> int:
        """The next signal. Never returns outside the main thread."""
        return await self._arrived.get()
