"""The two files that every landing changes: the TODO list and the status file.

In both the target's version is the one that counts, and what is to be said is
said to it: so landings never conflict there, whatever a branch did to them.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import status as texts
from .reconcile import normalised
from .task import Task
from .times import local
from .todo import ItemState, TodoError, TodoFormat, done_comment, format_of, mark, parse, stamped


@dataclass(frozen=True, slots=True)
class SharedFiles:
    """Where these files may be, relative to the top of the repository with ``/``.

    ``lists`` are the names that a list may have, ``status`` that of the status
    file, None if it lies elsewhere.
    """

    lists: frozenset[str]
    status: str | None = None

    @property
    def names(self) -> frozenset[str]:
        """All of them."""
        return self.lists if self.status is None else self.lists | {self.status}

    def of(self, task: Task) -> tuple[str, ...]:
        """Those that the landing of a task changes."""
        names = (task.source, self.status)
        return tuple(dict.fromkeys(name for name in names if name))


def ticked(data: bytes, task: Task, now: float) -> bytes | None:
    """The list with the task's item done, None if it cannot be marked there.

    Nothing but the item's line changes; what somebody ticked or struck out
    meanwhile stays as it is.
    """
    form = _format(task.source, data)
    text = normalised(task.text)
    states = {i.state for i in parse(data, form).items if normalised(i.text) == text}
    if states and ItemState.PENDING not in states:
        return data
    comment = done_comment(len(task.completed), task.total_instructions)
    try:
        return mark(data, form, task.text, ItemState.DONE, stamped(comment, local(now)))
    except TodoError:
        return None


def noted(data: bytes, task: Task) -> bytes:
    """The status file with the entry that the task is done."""
    details = texts.details_done(len(task.completed), task.total_instructions, task.id)
    entry = texts.task_update(task.text, texts.Status.DONE, details)
    return data + (texts.separator() + entry).encode("utf-8", "replace")


def carried(name: str, before: bytes, after: bytes, other: bytes, *, status: bool) -> bytes:
    """``other`` with the change from ``before`` to ``after`` made to it as well.

    All three are versions of the file ``name``.  What cannot be made is left
    out: an item that ``other`` no longer has, or an entry that was not appended.
    """
    return _appended(before, after, other) if status else _marked(name, before, after, other)


def _appended(before: bytes, after: bytes, other: bytes) -> bytes:
    if not after.startswith(before):
        return other
    tail = after[len(before) :]
    if b"\r\n" in other and b"\r\n" not in after:  # git converts line ends in this checkout
        tail = tail.replace(b"\n", b"\r\n")
    return other if tail in other else other + tail


def _marked(name: str, before: bytes, after: bytes, other: bytes) -> bytes:
    form = _format(name, after)
    was = [(item.text, item.state, item.comment) for item in parse(before, form).items]
    for item in parse(after, form).items:
        marked = (item.text, item.state, item.comment)
        if marked in was:
            was.remove(marked)
            continue
        try:
            other = mark(other, form, item.text, item.state, item.comment)
        except TodoError:
            continue
    return other


def _format(name: str, data: bytes) -> TodoFormat:
    return format_of(name, data[:1024].decode("utf-8", "replace"))
