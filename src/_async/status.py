"""The status file: what people read to see how the list goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .._runtime import async_runtime as rt
from ..core import status as texts
from .io import AsyncIOManager


class AsyncStatusManager:
    """Appends to the status file, and creates it with its heading where it is missing."""

    def __init__(self, io: AsyncIOManager, path: Path, *, clock: Callable[[], float]) -> None:
        self._io = io
        self._path = path
        self._clock = clock

    async def open(self) -> None:
        """Create the file if there is none. Raises `OSError`."""
        if not await rt.run_blocking(self._path.exists):
            await self._io.append(self._path, texts.header(self._clock()))

    async def append(self, entry: str) -> None:
        """Append one entry, as `core.status` words it. Raises `OSError`."""
        await self._io.append(self._path, entry)
