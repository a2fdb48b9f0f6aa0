"""The TODO list and the stored tasks, brought together.

The list is what people read and write, the store is what the server knows.
A task that the store holds as done is never run again, whatever the list says;
its line is marked again.  A line that somebody ticked is not run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from .task import FINAL, Task, TaskState, task_ids
from .todo import Item, ItemState, ListedItem

IN_COMMIT_COMMENT = "Выполняется"
"""Stands on a line that is ticked ahead of its task's end, so that the tick is
part of the commit that the task's last instruction makes."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What follows from a look at the list.

    ``added``    tasks that are new
    ``moved``    known tasks whose place, urgency or order changed, as they are now
    ``settled``  tasks that somebody ticked, or struck out, by hand
    ``to_mark``  final tasks whose line does not show it
    ``runnable`` what may be run, as it stands in the list
    ``exhausted`` tasks that have failed too often
    ``unknown``  names in ``after`` that no item has, with the item's text
    """

    added: tuple[Task, ...]
    moved: tuple[Task, ...]
    settled: tuple[tuple[Task, TaskState], ...]
    to_mark: tuple[Task, ...]
    runnable: tuple[Task, ...]
    exhausted: tuple[Task, ...]
    unknown: tuple[tuple[str, str], ...]


def reconcile(
    listed: Sequence[ListedItem], stored: Iterable[Task], *, now: float, max_attempts: int
) -> Reconciled:
    """Compare the list as it was just read with the tasks as they are stored."""
    known = {normalised(task.text): task for task in stored}
    ids = _identities(listed, known, now)
    names = {item.id: normalised(item.text) for item in (e.item for e in listed) if item.id}
    done_before = {
        key for e in listed if _is_ticked(e.item) and (key := normalised(e.item.text)) not in known
    }
    added: list[Task] = []
    moved: list[Task] = []
    settled: list[tuple[Task, TaskState]] = []
    to_mark: list[Task] = []
    runnable: list[Task] = []
    exhausted: list[Task] = []
    unknown: list[tuple[str, str]] = []
    for position, entry in enumerate(listed):
        item = entry.item
        key = normalised(item.text)
        unknown += [(item.text, name) for name in item.after if name not in names]
        waits_for = (names[name] for name in item.after if name in names)
        after = tuple(ids[other] for other in waits_for if other not in done_before)
        task = known.get(key)
        ticked = _is_ticked(item)
        if task is None:
            if ticked:
                continue  # done before the server ever saw it
            task = Task(
                id=ids[key],
                text=item.text,
                source=entry.source,
                task_type=item.task_type,
                priority=item.priority,
                position=position,
                after=after,
                paths=item.paths,
                created_at=now,
            )
            added.append(task)
        else:
            place = (position, item.priority, after, entry.source, item.paths)
            if place != (task.position, task.priority, task.after, task.source, task.paths):
                task = replace(
                    task,
                    position=position,
                    priority=item.priority,
                    after=after,
                    source=entry.source,
                    paths=item.paths,
                )
                moved.append(task)
        if task.state in FINAL:
            if not ticked:
                to_mark.append(task)
        elif task.state is TaskState.RUNNING:
            continue
        elif ticked:
            done = item.state is ItemState.DONE
            settled.append((task, TaskState.DONE if done else TaskState.SKIPPED))
        elif task.attention is not None or task.attempts >= max_attempts:
            exhausted.append(task)
        else:
            runnable.append(task)
    return Reconciled(
        tuple(added),
        tuple(moved),
        tuple(settled),
        tuple(to_mark),
        tuple(runnable),
        tuple(exhausted),
        tuple(unknown),
    )


def in_commit(item: Item) -> bool:
    """Whether the line was ticked ahead of its task's end."""
    return item.state is ItemState.DONE and (item.comment or "").startswith(IN_COMMIT_COMMENT)


def _is_ticked(item: Item) -> bool:
    return item.state is not ItemState.PENDING and not in_commit(item)


def normalised(text: str) -> str:
    """A text as tasks are compared by: white space does not matter."""
    return " ".join(text.split())


def _identities(listed: Sequence[ListedItem], known: dict[str, Task], now: float) -> dict[str, str]:
    ids = {key: task.id for key, task in known.items()}
    new = list(
        dict.fromkeys(key for entry in listed if (key := normalised(entry.item.text)) not in known)
    )
    fresh = islice(task_ids(now, set(ids.values())), len(new))
    return {**ids, **dict(zip(new, fresh, strict=True))}
