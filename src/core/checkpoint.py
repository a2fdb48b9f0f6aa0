"""The predecessor's checkpoint document: reading it, writing it, choosing one.

A JSON object with the server's state and one entry per task that was begun.
Times are naive local ISO 8601 with microseconds.  Keys that are not known here
survive at every level, and so do entries of texts that no task has and earlier
entries of a text.

A skipped task is written as ``completed`` with its reason as the error
message: that is the only state which the predecessor does not run again, and
it has none for skipping.  What it leaves ``in_progress`` is read as pending,
because the server that ran it is gone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from .lenient import count, is_text, mapping, read_time, write_time
from .server import ServerState
from .task import FINAL, Task, TaskState, new_task_id

VERSION = "1.0"
KEEP_COMPLETED = 100
"""How many completed entries the predecessor keeps."""

_STATES = {
    TaskState.PENDING: "pending",
    TaskState.RUNNING: "in_progress",
    TaskState.DONE: "completed",
    TaskState.FAILED: "failed",
    TaskState.SKIPPED: "completed",
}
_READ_AS = {"completed": TaskState.DONE, "failed": TaskState.FAILED}
_KNOWN_STATES = frozenset({*_STATES.values(), "rolled_back"})

_DEEPEST = 100  # levels; what nests more could be read but not always written again
_TOO_DEEP = f"it is nested more than {_DEEPEST} levels deep"
_LONGEST = 10_000  # instructions; a larger number is no count of instructions

Json = dict[str, Any]
T = TypeVar("T")


class CheckpointError(ValueError):
    """The data is no checkpoint document; the message says why."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which of the two files to go on from.

    ``document`` is none if neither can be read.  Only if ``may_back_up`` may
    the main file be copied over the backup.  ``problem`` says what is wrong
    with the main file.
    """

    document: Json | None
    source: Literal["main", "backup"] | None
    may_back_up: bool
    problem: str | None = None


def parse(data: bytes) -> Json:
    """The document in a file; its parts may be missing or wrong (:func:`problems`).

    Raises:
        CheckpointError: it is not a JSON object in UTF-8.
    """
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as exc:
        raise CheckpointError(f"it is not UTF-8 text (byte {exc.start})") from exc
    except RecursionError as exc:
        raise CheckpointError(_TOO_DEEP) from exc
    except ValueError as exc:
        raise CheckpointError(f"it is not JSON ({exc})") from exc
    if not isinstance(document, dict):
        raise CheckpointError(f"it holds a JSON {type(document).__name__}, not an object")
    level: list[object] = [document]
    for _ in range(_DEEPEST):
        level = [inner for value in level for inner in _inside(value)]
    if level:
        raise CheckpointError(_TOO_DEEP)
    return document


def dumps(document: Json) -> bytes:
    """The document as the predecessor writes it: two spaces, no escapes, no final line end."""
    try:
        return json.dumps(document, indent=2, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:  # a lone surrogate, which only an escape can write
        return json.dumps(document, indent=2).encode("ascii")


def choose(main: bytes | None, backup: bytes | None) -> Choice:
    """Go on from the main file if it can be read, else from the backup, missing files included."""
    problem = "it is missing"
    if main is not None:
        try:
            return Choice(parse(main), "main", may_back_up=True)
        except CheckpointError as exc:
            problem = str(exc)
    if backup is not None:
        try:
            return Choice(parse(backup), "backup", may_back_up=False, problem=problem)
        except CheckpointError as exc:
            problem = f"{problem}; the backup: {exc}"
    return Choice(None, None, may_back_up=False, problem=problem)


def problems(document: Json) -> tuple[str, ...]:
    """What in a document is not as it should be and is therefore passed over."""
    return tuple(_problems(document))


def is_newer(document: Json, last_change: float) -> bool:
    """Whether somebody else wrote the document after the store's last change.

    :func:`build` stamps a document with that change, so a document of ours is
    never newer; a millisecond is left to rounding.
    """
    updated = read_time(document.get("last_update"))
    return updated is not None and updated > last_change + 0.001


def build(
    tasks: Sequence[Task],
    server: ServerState,
    *,
    last_update: float,
    previous: Json | None = None,
    keep: int = KEEP_COMPLETED,
) -> Json:
    """The document for these tasks, the whole list, over what ``previous`` held besides.

    ``last_update`` is the store's last change.  Tasks that nobody began have
    no entry.  Of the completed entries the ``keep`` newest stay.
    """
    old = previous or {}
    running = [task for task in tasks if task.state is TaskState.RUNNING]
    current = max(running, key=lambda task: task.started_at or 0.0, default=None)
    document: Json = {
        "version": VERSION,
        "server_state": _over(
            mapping(old.get("server_state")),
            {
                "last_start_time": write_time(server.last_start),
                "last_stop_time": write_time(server.last_stop),
                "iteration_count": server.iterations,
                "clean_shutdown": server.clean,
            },
        ),
        "tasks": _entries_for(tasks, list(_entries(old)), keep),
        "current_task": current.id if current else None,
        "session_id": server.session_id,
        "last_update": write_time(last_update),
    }
    return _over(old, document)


def prune(tasks: Iterable[Task], keep: int = KEEP_COMPLETED) -> list[Task]:
    """All that are not final and the ``keep`` final ones that ended last, order unchanged."""
    return _kept(
        list(tasks), lambda task: (task.ended_at or 0.0) if task.state in FINAL else None, keep
    )


def server_from(document: Json) -> ServerState:
    """The server's state; what is missing or wrong is as before a first start."""
    state = mapping(document.get("server_state"))
    session = document.get("session_id")
    return ServerState(
        session_id=session if is_text(session) else None,
        last_start=read_time(state.get("last_start_time")),
        last_stop=read_time(state.get("last_stop_time")),
        iterations=count(state.get("iteration_count")),
        clean=state.get("clean_shutdown") is not False,
    )


def tasks_from(document: Json) -> list[Task]:
    """One task per text, in order of first mention.

    The entry that began last decides (of those without a start the last one
    listed).  If it has no progress, the newest other entry of the text gives
    its own.  Every failed entry is an attempt.
    """
    by_text: dict[str, list[Json]] = {}
    for entry in _entries(document):
        if is_text(text := entry.get("task_text")) and text.strip():
            by_text.setdefault(text, []).append(entry)
    tasks: list[Task] = []
    taken: set[str] = set()
    for index, (text, entries) in enumerate(by_text.items()):
        # A stable sort: among equals the last one listed is the newest.
        entries.sort(key=lambda entry: read_time(entry.get("start_time")) or float("-inf"))
        task = replace(_task(text, entries), position=_position(entries[-1], index))
        if not task.id or task.id in taken:
            task = replace(task, id=new_task_id(task.created_at, taken))
        taken.add(task.id)
        tasks.append(task)
    return tasks


def merged(ours: Task, theirs: Task) -> Task:
    """Our task after what a newer document tells of the same text.

    It only goes forward: a final or running task stays as it is, completed
    instructions stay completed, attempts are not forgotten.
    """
    if ours.state in FINAL or ours.state is TaskState.RUNNING:
        return ours
    if not ours.completed and theirs.completed:
        ours = replace(
            ours,
            completed=theirs.completed,
            last_completed=theirs.last_completed,
            total_instructions=theirs.total_instructions,
        )
    elif ours.total_instructions == theirs.total_instructions:
        ours = replace(
            ours,
            completed=tuple(sorted({*ours.completed, *theirs.completed})),
            last_completed=max(ours.last_completed, theirs.last_completed),
        )
    ours = replace(ours, attempts=max(ours.attempts, theirs.attempts))
    if theirs.state is TaskState.PENDING:
        return ours
    return replace(
        ours,
        state=theirs.state,
        started_at=theirs.started_at or ours.started_at,
        ended_at=theirs.ended_at,
        error=theirs.error,
    )


def _entries_for(tasks: Sequence[Task], old: list[Json], keep: int) -> list[Json]:
    begun = (
        task
        for task in tasks
        if task.state is not TaskState.PENDING or task.started_at is not None or task.completed
    )
    ours = {(task.id, task.text): task for task in prune(begun, keep)}
    known: dict[tuple[str, str], Json] = {}
    places: list[Json | None] = []
    for entry in old:
        key = _key(entry)
        is_ours = key in ours and key not in known
        if is_ours:
            known[key] = entry
        places.append(None if is_ours else entry)
    written = (_entry(task, known.get(key, {}), len(tasks)) for key, task in ours.items())
    # In the order of the list, wherever it stood before: what is written does
    # not depend on when it was written last.
    entries = [next(written) if entry is None else entry for entry in places]
    entries.extend(written)
    return _kept(
        entries,
        lambda entry: (
            (read_time(entry.get("end_time")) or 0.0) if entry.get("state") == "completed" else None
        ),
        keep,
    )


def _entry(task: Task, old: Json, total_tasks: int) -> Json:
    return _over(
        old,
        {
            "task_id": task.id,
            "task_text": task.text,
            "state": _STATES[task.state],
            "start_time": write_time(task.started_at),
            "end_time": write_time(task.ended_at),
            "attempts": task.attempts,
            "error_message": task.error,
            "metadata": _over(
                mapping(old.get("metadata")),
                {"task_number": task.position + 1, "total_tasks": total_tasks},
            ),
            "instruction_progress": _over(
                mapping(old.get("instruction_progress")),
                {
                    "last_completed_instruction": task.last_completed,
                    "total_instructions": task.total_instructions,
                    "completed_instructions": list(task.completed),
                },
            ),
        },
    )


def _task(text: str, entries: list[Json]) -> Task:
    """The task that entries of one text tell of, the newest last."""
    newest = entries[-1]
    state = _READ_AS.get(str(newest.get("state")), TaskState.PENDING)
    attempts = sum(entry.get("state") == "failed" for entry in entries)
    if state is not TaskState.PENDING:
        attempts = max(attempts, count(newest.get("attempts")))
    started = read_time(newest.get("start_time"))
    name, error = newest.get("task_id"), newest.get("error_message")
    completed, last, total = next(
        (progress for entry in reversed(entries) if (progress := _progress(entry))[0]),
        _progress(newest),
    )
    return Task(
        id=name if is_text(name) else "",
        text=text,
        state=state,
        attempts=attempts,
        created_at=started or 0.0,
        started_at=started,
        ended_at=None if state is TaskState.PENDING else read_time(newest.get("end_time")),
        error=error if is_text(error) else None,
        completed=completed,
        last_completed=last,
        total_instructions=total,
    )


def _progress(entry: Json) -> tuple[tuple[int, ...], int, int]:
    """Completed positions, the last of them, and the length of the sequence."""
    progress = mapping(entry.get("instruction_progress"))
    total = count(progress.get("total_instructions"), _LONGEST)
    listed = progress.get("completed_instructions")
    numbers = {count(value, total) for value in listed} if isinstance(listed, list) else set()
    completed = tuple(sorted(numbers - {0}))
    last = count(progress.get("last_completed_instruction"), total)
    if not completed:
        completed = tuple(range(1, last + 1))
    return completed, last or max(completed, default=0), total


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _position(entry: Json, default: int) -> int:
    number = count(mapping(entry.get("metadata")).get("task_number"))
    return number - 1 if number else default


def _key(entry: Json) -> tuple[str, str]:
    name, text = entry.get("task_id"), entry.get("task_text")
    return (name, text) if isinstance(name, str) and isinstance(text, str) else ("", "")


def _entries(document: Json) -> Iterator[Json]:
    entries = document.get("tasks")
    if isinstance(entries, list):
        yield from (entry for entry in entries if isinstance(entry, dict))


def _problems(document: Json) -> Iterator[str]:
    if not isinstance(document.get("server_state", {}), dict):
        yield "server_state is not an object"
    entries = document.get("tasks", [])
    if not isinstance(entries, list):
        yield "tasks is not a list"
        return
    for number, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict):
            yield f"task {number} is not an object"
        elif not is_text(text := entry.get("task_text")) or not text.strip():
            yield f"task {number} has no text"
        else:
            if entry.get("state") not in [*_KNOWN_STATES]:
                yield f"task {number} has the unknown state {entry.get('state')!a}, read as pending"
            if not isinstance(entry.get("instruction_progress", {}), dict):
                yield f"task {number} has a progress that is not an object"


def _kept(items: list[T], ended: Callable[[T], float | None], keep: int) -> list[T]:
    """All that have not ended and the ``keep`` that ended last, in their order."""
    times = [ended(item) for item in items]
    order = sorted(
        (at, index) for index, at in enumerate(times) if at is not None
    )  # among equals the later one listed stays
    dropped = {index for _, index in order[: max(0, len(order) - keep)]}
    return [item for index, item in enumerate(items) if index not in dropped]


def _over(old: Json, new: Json) -> Json:
    """The known keys in their order, then the unknown ones of ``old``."""
    return {**new, **{key: value for key, value in old.items() if key not in new}}
