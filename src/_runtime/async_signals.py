"""Signals on asyncio. Twin: ``sync_signals``."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from types import TracebackType
from typing import Any

_ROUNDS = 3
"""Rounds of the loop that a signal takes at most from the system to its handler."""


async def _come_through() -> None:
    for _ in range(_ROUNDS):
        await asyncio.sleep(0)


class Signals:
    """The signals that arrive while the block runs, instead of their usual effect.

    One that came and that nobody has taken has it when the block is left.
    """

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
        await _come_through()
        for signum, before in self._before.items():
            asyncio.get_running_loop().remove_signal_handler(signum)
            if before is not None:  # None: it was installed by something else than Python
                signal.signal(signum, before)
        if not self._arrived.empty():
            while not self._arrived.empty():
                signal.raise_signal(self._arrived.get_nowait())
            await _come_through()  # the loop hears of these, too

    async def wait(self) -> int:
        """The next signal. Never returns outside the main thread."""
        return await self._arrived.get()
