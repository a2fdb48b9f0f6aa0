"""File watching on threads. Twin: ``async_watch``."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType

from ..core.report import Signature
from . import inotify
from .inotify import Subscription, WatchTable, WatchUnavailable
from .sync_locks import Event
from .sync_scope import Cancelled, Scope, current_scope, entered


class FileWatcher:
    """Watches files for all who wait, on one descriptor."""

    def __init__(self) -> None:
        self._table: WatchTable | None = None
        self._scope = Scope(None)
        self._thread: threading.Thread | None = None

    def __enter__(self) -> FileWatcher:
        with contextlib.suppress(WatchUnavailable):
            self._table = table = WatchTable()
            try:
                self._thread = threading.Thread(
                    target=self._pump, args=(table,), name="file-watcher", daemon=True
                )
                self._thread.start()
            except BaseException:
                table.close()
                raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._scope.cancel()
        if self._thread is not None:
            self._thread.join()
        if self._table is not None:
            self._table.close()

    def _pump(self, table: WatchTable) -> None:
        with entered(self._scope), contextlib.suppress(Cancelled):
            while True:
                self._scope.wait_readable(table.descriptor)
                table.dispatch()

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
        self._changed = Event()
        self._subscription = Subscription(table, paths, self._changed.set)

    def __enter__(self) -> Watch:
        self._subscription.open()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._subscription.close()

    def changed(self) -> frozenset[Path]:
        """Wait until some of the files were written, replaced or deleted."""
        while True:
            self._changed.clear()
            if self._subscription.polled:  # first: a file may change all the time
                current_scope().sleep(inotify.POLL)
            if changed := self.take():
                return changed
            if not self._subscription.polled:
                self._changed.wait()

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
