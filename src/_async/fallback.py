"""Keeps the predecessor's state of the fall-back to another model."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from ..core.failure import FailureKind
from ..core.fallback import FallbackState, read_state
from .io import AsyncIOManager

logger = logging.getLogger(__name__)


class AsyncModelFallback:
    """Which models are asked now, as the file says and the latest runs have changed it.

    A file that cannot be written costs no run: the state goes on in memory.
    """

    def __init__(self, io: AsyncIOManager, path: Path, *, clock: Callable[[], float]) -> None:
        self._io = io
        self._path = path
        self._clock = clock
        self._state = FallbackState()

    async def load(self) -> None:
        """Take over what an earlier run, or the predecessor, has left. Raises `OSError`."""
        self._state = read_state(await self._io.read(self._path))

    def models(self, first: str, others: Sequence[str], *, most: int) -> tuple[str, ...]:
        """The models to ask for an instruction, in order."""
        return self._state.models(first, others, most=most, now=self._clock())

    async def note_success(self, *, fell_back: bool) -> None:
        """A run has succeeded; it ``fell_back`` if another model had failed before."""
        await self._put(self._state.succeeded(self._clock(), fell_back=fell_back))

    async def note_failure(self, kind: FailureKind) -> None:
        """A run has failed."""
        await self._put(self._state.failed(kind, self._clock()))

    async def _put(self, state: FallbackState) -> None:
        if state == self._state:
            return
        self._state = state
        try:
            await self._io.make_directories([self._path.parent])
            await self._io.write(self._path, state.to_json())
        except OSError as error:
            logger.warning("the state of the fall-back was not written: %s", error)
