"""A task and its states: what may follow what, and what it means.

Every function takes a :class:`Task` and returns the next one; nothing here
knows how tasks are kept.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum


class TaskState(StrEnum):
    """Where a task stands. ``DONE`` and ``SKIPPED`` are final."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


class StepState(StrEnum):
    """Where one instruction of an attempt stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Task:
    """One item of a TODO list as the server keeps it.

    ``position`` is the place in the list (0-based), ``completed`` holds the
    1-based positions of the instructions whose reports were accepted, and all
    times are seconds since the epoch.  ``epoch`` counts attempts that were
    started; only the newest may write.  No attempt starts before ``not_before``,
    and none at all while ``attention`` says why a person is needed.  ``paths``
    are what the list says that it touches, ``learned`` what its attempts have
    touched, ``plan`` the stages of the capabilities as they were when it began.
    """

    id: str
    text: str
    source: str = ""
    task_type: str | None = None
    priority: int = 0
    position: int = 0
    after: tuple[str, ...] = ()
    state: TaskState = TaskState.PENDING
    attempts: int = 0
    epoch: int = 0
    created_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    error: str | None = None
    completed: tuple[int, ...] = ()
    last_completed: int = 0
    total_instructions: int = 0
    not_before: float = 0.0
    attention: str | None = None
    paths: tuple[str, ...] = ()
    learned: tuple[str, ...] = ()
    plan: str | None = None


class Transition(StrEnum):
    """What can happen to a task as a whole.

    ``BEGIN``      an attempt starts: the epoch and the attempts go up by one
    ``COMPLETE``   the attempt ended well
    ``FAIL``       the attempt ended badly; another may follow, progress is kept
    ``SKIP``       the attempt found that there is nothing to do
    ``INTERRUPT``  the attempt was stopped from outside; progress is kept
    ``ACCEPT``     without an attempt: somebody else did it
    ``DISMISS``    without an attempt: it is not to be done
    ``RESET``      a person asks for it again, from the beginning
    """

    BEGIN = "begin"
    COMPLETE = "complete"
    FAIL = "fail"
    SKIP = "skip"
    INTERRUPT = "interrupt"
    ACCEPT = "accept"
    DISMISS = "dismiss"
    RESET = "reset"


_P, _R, _D, _F, _S = TaskState

TRANSITIONS: Mapping[Transition, Mapping[TaskState, TaskState]] = {
    Transition.BEGIN: {_P: _R, _F: _R},
    Transition.COMPLETE: {_R: _D},
    Transition.FAIL: {_R: _F},
    Transition.SKIP: {_R: _S},
    Transition.INTERRUPT: {_R: _P},
    Transition.ACCEPT: {_P: _D, _F: _D},
    Transition.DISMISS: {_P: _S, _F: _S},
    Transition.RESET: {_P: _P, _F: _P, _D: _P, _S: _P},
}
"""From which state to which each transition leads; what is absent is not allowed."""

FINAL = frozenset({TaskState.DONE, TaskState.SKIPPED})
"""The states that no attempt follows."""

_ENDINGS = {
    TaskState.DONE: Transition.COMPLETE,
    TaskState.FAILED: Transition.FAIL,
    TaskState.SKIPPED: Transition.SKIP,
}
_SETTLEMENTS = {TaskState.DONE: Transition.ACCEPT, TaskState.SKIPPED: Transition.DISMISS}


class InvalidTransition(Exception):
    """The task or the step is not in a state that this may follow."""


class Fenced(Exception):
    """The attempt that reports is not the current one: a stale report is refused here.

    Whoever receives this has lost the task.  It ends the processes it started
    for the attempt and writes nothing more.
    """


def begin(task: Task, *, instructions: int, now: float, first: int = 1) -> Task:
    """A new attempt at a sequence of that many instructions.

    Progress made in a sequence of another length says nothing about this one
    and is dropped, but if there was any, the positions before ``first`` count
    as completed.

    Raises:
        InvalidTransition: the task runs already or is final.
        ValueError: there are no instructions, or ``first`` is none of them.
    """
    if not 1 <= first <= max(1, instructions):
        raise ValueError(f"{task.id} cannot begin at {first} of {instructions} instructions")
    if instructions < 1:
        raise ValueError(f"an attempt at {task.id} needs at least one instruction")
    state = _follow(task, Transition.BEGIN)
    if task.total_instructions != instructions:
        before = range(1, first) if task.completed else ()
        task = replace(task, completed=tuple(before), last_completed=len(before))
    return replace(
        task,
        state=state,
        attempts=task.attempts + 1,
        epoch=task.epoch + 1,
        started_at=now,
        ended_at=None,
        error=None,
        total_instructions=instructions,
        not_before=0.0,
        attention=None,
    )


def remaining(task: Task) -> tuple[int, ...]:
    """The positions an attempt has still to run, in order.

    It goes on behind the last completed instruction.  Those that were passed
    over come up when nothing is left behind it, completed ones never.
    """
    missing = [n for n in range(1, task.total_instructions + 1) if n not in task.completed]
    ahead = tuple(n for n in missing if n > task.last_completed)
    return ahead or tuple(missing)


def require_attempt(task: Task, epoch: int) -> None:
    """Let only the attempt that runs now pass.

    Raises:
        Fenced: another attempt was started since, or this one is over.
    """
    if task.epoch != epoch:
        raise Fenced(f"{task.id}: attempt {epoch} reports, but attempt {task.epoch} is the newest")
    if task.state is not TaskState.RUNNING:
        raise Fenced(f"{task.id}: attempt {epoch} reports, but it is over ({task.state})")


def require_step(task: Task, epoch: int, position: int) -> None:
    """Let an instruction begin only if it is in the sequence and not completed.

    Raises:
        Fenced: see :func:`require_attempt`.
        InvalidTransition: the instruction was completed before.
        ValueError: there is no such position.
    """
    require_attempt(task, epoch)
    if not 1 <= position <= task.total_instructions:
        raise ValueError(
            f"{task.id} has the positions 1 to {task.total_instructions}, not {position}"
        )
    if position in task.completed:
        raise InvalidTransition(
            f"{task.id}: instruction {position} was completed and is not run again"
        )


def accept_step(task: Task, epoch: int, position: int) -> Task:
    """The instruction at ``position`` is completed.

    Raises:
        Fenced, InvalidTransition, ValueError: see :func:`require_step`.
    """
    require_step(task, epoch, position)
    return replace(
        task,
        completed=tuple(sorted({*task.completed, position})),
        last_completed=max(task.last_completed, position),
    )


def finish(
    task: Task,
    epoch: int,
    state: TaskState,
    now: float,
    *,
    error: str | None = None,
    not_before: float = 0.0,
    attention: str | None = None,
) -> Task:
    """The attempt ends as ``DONE``, ``FAILED`` or ``SKIPPED``.

    The next one, if there is to be one, waits for ``not_before``, or for a
    person if there is something that needs ``attention``.

    Raises:
        Fenced: see :func:`require_attempt`.
        InvalidTransition: no attempt ends in that state.
    """
    require_attempt(task, epoch)
    if state not in _ENDINGS:
        raise InvalidTransition(f"{task.id}: an attempt cannot end as {state}")
    return replace(
        task,
        state=_follow(task, _ENDINGS[state]),
        ended_at=now,
        error=error,
        not_before=not_before,
        attention=attention,
    )


def interrupt(task: Task, epoch: int, *, counted: bool = False, not_before: float = 0.0) -> Task:
    """The attempt is stopped from outside; the task can go on where it stood.

    It counts against the limit of attempts only if ``counted``, and goes on
    at ``not_before`` at the earliest.

    Raises:
        Fenced: see :func:`require_attempt`.
    """
    require_attempt(task, epoch)
    attempts = task.attempts if counted else max(0, task.attempts - 1)
    return replace(
        task,
        state=_follow(task, Transition.INTERRUPT),
        attempts=attempts,
        ended_at=None,
        not_before=not_before,
    )


def hold(task: Task, *, not_before: float = 0.0, attention: str | None = None) -> Task:
    """A task that does not run waits until ``not_before``, or for a person.

    Raises:
        InvalidTransition: it runs or is final.
    """
    if task.state not in TRANSITIONS[Transition.BEGIN]:
        raise InvalidTransition(f"{task.id} is {task.state} and waits for nothing")
    return replace(task, not_before=not_before, attention=attention)


def settle(task: Task, state: TaskState, now: float, *, error: str | None = None) -> Task:
    """The task becomes ``DONE`` or ``SKIPPED`` without an attempt.

    Raises:
        InvalidTransition: it runs or is final already, or ``state`` is not final.
    """
    if state not in _SETTLEMENTS:
        raise InvalidTransition(f"{task.id}: a task cannot be settled as {state}")
    return replace(task, state=_follow(task, _SETTLEMENTS[state]), ended_at=now, error=error)


def reset(task: Task) -> Task:
    """The task is asked for again: no attempts, no progress.

    ``epoch`` and ``started_at`` stay, so that this entry remains the newest
    one for its text.

    Raises:
        InvalidTransition: it runs; interrupt it first.
    """
    return replace(
        task,
        state=_follow(task, Transition.RESET),
        attempts=0,
        ended_at=None,
        error=None,
        completed=(),
        last_completed=0,
        not_before=0.0,
        attention=None,
        plan=None,
    )


def task_ids(now: float, taken: Container[str]) -> Iterator[str]:
    """Unused ids, without end: ``task_`` and digits, the first from the second of ``now``.

    The predecessor's form; where a second is taken, later ones are.
    """
    second = int(now)
    while True:
        name = f"task_{second}"
        if name not in taken:
            yield name
        second += 1


def new_task_id(now: float, taken: Container[str]) -> str:
    """The first of :func:`task_ids`; for many at once take them all from there."""
    return next(task_ids(now, taken))


def _follow(task: Task, transition: Transition) -> TaskState:
    allowed = TRANSITIONS[transition]
    if task.state not in allowed:
        raise InvalidTransition(
            f"{task.id} is {task.state}; {transition} is possible only from {', '.join(allowed)}"
        )
    return allowed[task.state]
