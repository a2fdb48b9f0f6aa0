# Generated from src/_async/checkpoint.py. Do not edit.
"""Keeps the predecessor's checkpoint document beside the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from .._runtime import sync_runtime as rt
from ..core import checkpoint as documents
from ..store import Store
from .io import IOManager

PAUSE = 0.25
"""Seconds between two writes: what changes meanwhile is written together."""


class CheckpointManager:
    """Writes the document after every change and reads one that is newer than the store.

    The store is the truth.  The document is for the tools that read it, and
    for going back to the predecessor.
    """

    def __init__(
        self,
        io: IOManager,
        store: Store,
        places: Sequence[Path],
        *,
        keep: int,
        clock: Callable[[], float],
    ) -> None:
        self._io = io
        self._store = store
        self._places = tuple(places)
        self._keep = keep
        self._clock = clock
        self._document: documents.Json = {}
        self._written = b""
        self._changed = rt.Event()

    @property
    def path(self) -> Path:
        """Where the document is written."""
        return self._places[0]

    @property
    def _backup(self) -> Path:
        return self.path.with_name(f"{self.path.name}.backup")

    def load(self) -> list[str]:
        """Take over a newer document, if there is one; what people should hear of it."""
        said: list[str] = []
        for place in self._places:
            backup = place.with_name(f"{place.name}.backup")
            main, spare = self._io.read(place), self._io.read(backup)
            if main is None and spare is None:
                continue
            choice = documents.choose(main, spare)
            if choice.problem is not None:
                went_on = "went on from its backup" if choice.source else "went on without it"
                said.append(f"{place} was not used, {choice.problem}; {went_on}")
            if choice.document is not None:
                if choice.may_back_up and place == self.path:
                    self._written = main or b""
                said += self._adopt(place, choice.document)
                break
        return said

    def _adopt(self, place: Path, document: documents.Json) -> list[str]:
        self._document = document
        said = [f"{place}: {problem}" for problem in documents.problems(document)]
        last_change = rt.wait_for_future(self._store.last_change())
        if not documents.is_newer(document, last_change):
            return said
        count = rt.wait_for_future(
            self._store.adopt(
                documents.tasks_from(document), documents.server_from(document), self._clock()
            )
        )
        return [*said, f"took over {count} tasks from {place}"] if count else said

    def touch(self) -> None:
        """Tell that the store has changed."""
        self._changed.set()

    def run(self) -> None:
        """Write the document whenever the store has changed."""
        while True:
            self._changed.wait()
            self._changed.clear()
            rt.shielded(self.write)
            rt.sleep(PAUSE)

    def write(self) -> None:
        """Write the document as the store stands now. Raises `OSError`.

        A document that went before is kept as the backup.
        """
        last_change = rt.wait_for_future(self._store.last_change())
        tasks = rt.wait_for_future(self._store.tasks())
        server = rt.wait_for_future(self._store.server_state())
        self._document = documents.build(
            tasks, server, last_update=last_change, keep=self._keep, previous=self._document
        )
        data = documents.dumps(self._document)
        if self._written:
            self._io.write(self._backup, self._written)
        self._io.write(self.path, data)
        self._written = data
