"""File watching on asyncio. Twin: ``sync_watch``."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType

from ..core.report import Signature
from . import inotify
from .inotify import Subscription, WatchTable, WatchUnavailable


class FileWatcher:
    """Watches files for all who wait, on one descriptor."""

    def __init__(self) -> None:
        self._table: WatchTable | None = None

    async def __aenter__(self) -> FileWatcher:
        with contextlib.suppress(WatchUnavailable):
            self._table = table = WatchTable()
            try:
                asyncio.get_running_loop().add_reader(table.descriptor, table.dispatch)
            except BaseException:
                table.close()
                raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self._table is not None:
            asyncio.get_running_loop().remove_reader(self._table.descriptor)
            self._table.close()

    @property
    def watching(self) -> bool:
        """Whether the system tells of changes; otherwise they are looked for."""
        return self._table is not None

    def watch(self, paths: Iterable[Path]) -> Watch:
        """Wait for changes of ``paths``; their directories may be missing yet."""
        return Watch(self._table, paths)


class Watch:
    """The changes of some files, from the moment the block is entered."""

    def __init__(self, table: WatchTable | None, paths: Iterable[Path]) -> None:
        self._changed = asyncio.Event()
        self._subscription = Subscription(table, paths, self._changed.set)

    async def __aenter__(self) -> Watch:
        self._subscription.open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._subscription.close()

    async def changed(self) -> frozenset[Path]:
        """Wait until some of the files were written, replaced or deleted."""
        while True:
            self._changed.clear()
            if self._subscription.polled:  # first: a file may change all the time
                await asyncio.sleep(inotify.POLL)
            if changed := self.take():
                return changed
            if not self._subscription.polled:
                await self._changed.wait()

    @property
    def before(self) -> Mapping[Path, Signature]:
        """The files that were there when the block was entered, as they were then."""
        return self._subscription.before

    def missing(self) -> list[Path]:
        """The directories of the files that are not there."""
        return self._subscription.missing()

    def take(self) -> frozenset[Path]:
        """The changes since the last call, perhaps none; does not wait."""
        return self._subscription.take()
