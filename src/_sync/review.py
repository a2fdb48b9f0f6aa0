# Generated from src/_async/review.py. Do not edit.
"""What the models are asked about the list: what stands in it twice, and what to redo."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from .._runtime import sync_runtime as rt
from ..core.handover import Memory
from ..core.llm.course import redo
from ..core.llm.duplicates import pairs_to_ask, without_duplicates
from ..core.llm.questions import similar
from ..core.reconcile import normalised
from ..core.task import TaskState
from ..core.times import local
from ..core.todo import ItemState, ListedItem, TodoError, parse_done_comment, stamped
from ..store import Store
from .assessment import Assessor
from .llm import LLMManager
from .todo import Loaded, TodoManager

logger = logging.getLogger(__name__)

AT_ONCE = 10
"""Questions about one list that are asked side by side."""

Pair = tuple[str, str]


class ListReview:
    """Loads the list as it is worked on: without duplicates, redone tasks pending again.

    Each question is asked once in a ``memory``.
    """

    def __init__(
        self,
        llm: LLMManager,
        assessor: Assessor,
        *,
        todo: TodoManager,
        store: Store,
        clock: Callable[[], float],
        memory: Memory | None = None,
    ) -> None:
        memory = memory or Memory()
        self._llm = llm
        self._assessor = assessor
        self._todo = todo
        self._store = store
        self._clock = clock
        self._similar, self._asked = memory.similar, memory.asked
        self._left_out = memory.left_out

    def load(self) -> Loaded:
        """The list, once everything new in it has been asked about."""
        loaded = self._todo.load()
        if self._redo(loaded):
            loaded = self._todo.load()
        self._assessor.comments_are(
            {
                normalised(entry.item.text): entry.item.comment
                for entry in loaded.items
                if entry.item.comment and entry.item.state is ItemState.PENDING
            }
        )
        new = [pair for pair in _pairs(_counting(loaded)).values() if pair not in self._similar]
        answers = rt.map_concurrently(self._ask, new, limit=AT_ONCE)
        self._similar.update(zip(new, answers, strict=True))
        return self._without_duplicates(loaded)

    def load_known(self) -> Loaded:
        """The list, with what is known of it already."""
        return self._without_duplicates(self._todo.load())

    def _ask(self, pair: Pair) -> bool:
        return self._llm.put(similar(*pair))

    def _without_duplicates(self, loaded: Loaded) -> Loaded:
        counting = _counting(loaded)
        same = [at for at, pair in _pairs(counting).items() if self._similar.get(pair, False)]
        kept = without_duplicates(len(counting), same)
        dropped = {entry.item.text for entry in counting} - {counting[i].item.text for i in kept}
        for text in sorted(dropped - self._left_out):
            logger.info("left out, it asks for the same as another: %s", text)
        self._left_out |= dropped
        items = (entry for entry in loaded.items if entry.item.text not in dropped)
        return replace(loaded, items=tuple(items))

    def _redo(self, loaded: Loaded) -> bool:
        """Put tasks back that were done in part and are to be redone; whether there were any."""
        partly = [
            entry
            for entry in loaded.items
            if _is_partly_done(entry) and entry.item.text not in self._asked
        ]
        self._asked.update(entry.item.text for entry in partly)
        decided = rt.map_concurrently(self._is_to_redo, partly, limit=AT_ONCE)
        again = [entry for entry, yes in zip(partly, decided, strict=True) if yes]
        for entry in again:
            rt.shielded(self._put_back, entry)
        return bool(again)

    def _is_to_redo(self, entry: ListedItem) -> bool:
        comment = entry.item.comment or ""
        completed, total = parse_done_comment(comment) or (0, 0)
        decision = self._llm.put(redo(entry.item.text, comment, completed, total))
        return decision.yes

    def _put_back(self, entry: ListedItem) -> None:
        key = normalised(entry.item.text)
        for task in rt.wait_for_future(self._store.tasks(TaskState.DONE)):
            if normalised(task.text) == key:
                rt.wait_for_future(self._store.reset_task(task.id, self._clock()))
        comment = f"Доработка незавершенной задачи: {entry.item.comment}"
        try:
            self._todo.mark(
                entry.source,
                entry.item.text,
                ItemState.PENDING,
                stamped(comment, local(self._clock())),
            )
        except (TodoError, OSError) as error:
            logger.warning("%s could not be put back: %s", entry.item.text, error)


def _counting(loaded: Loaded) -> list[ListedItem]:
    """The items that others may repeat: those to do, and those done."""
    return [entry for entry in loaded.items if entry.item.state is not ItemState.SKIPPED]


def _pairs(entries: Sequence[ListedItem]) -> dict[tuple[int, int], Pair]:
    """The texts to compare, by their places; a later one that is done matters no more."""
    texts = [entry.item.text for entry in entries]
    return {
        (one, other): (texts[one], texts[other])
        for one, other in pairs_to_ask(texts)
        if entries[other].item.state is ItemState.PENDING
    }


def _is_partly_done(entry: ListedItem) -> bool:
    counted = parse_done_comment(entry.item.comment)
    done = entry.item.state is ItemState.DONE
    return done and counted is not None and counted[0] < counted[1]
