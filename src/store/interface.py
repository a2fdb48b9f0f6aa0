"""What a store promises; the engine behind it is a detail.

Every method returns a :class:`concurrent.futures.Future` that resolves only
after the change is on disk, and a submitted change is carried out whether or
not somebody still waits for it.  Each change of a task's or a step's state is
journalled as an event in the same transaction, and completed instructions are
forgotten only by a reset or by an attempt at a sequence of another length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from ..core.events import Event
from ..core.server import ServerState
from ..core.task import StepState, Task, TaskState
from .values import AttemptRow, LandingRow, WorkspaceRow

Place = tuple[int, int, tuple[str, ...], str, tuple[str, ...]]
"""Position, priority, ids of the tasks to come after, source, paths."""


@dataclass(frozen=True, slots=True)
class LeftProcess:
    """A step's process that is not known to have ended.

    ``started`` tells it apart from a later process with the same ``pid``.
    """

    task_id: str
    epoch: int
    position: int
    pid: int
    started: str


@dataclass(frozen=True, slots=True)
class Recovery:
    """What the last run left behind.

    ``tasks`` were running and are pending now, progress kept; ``processes``
    may still run and must be ended before their tasks go on; ``clean`` is
    whether the last run stopped in order.
    """

    tasks: tuple[Task, ...]
    processes: tuple[LeftProcess, ...]
    clean: bool


class Store(Protocol):
    """Tasks, attempts, steps, events and the server's own state, durable.

    Methods that take an ``epoch`` fail with :class:`~codeagent.core.task.Fenced`
    when that attempt is not the current one, all that change a state with
    :class:`~codeagent.core.task.InvalidTransition` where it may not follow,
    with :class:`UnknownTask` for an id that nobody added and with
    :class:`StoreError` when the engine refuses.  ``now`` is in seconds since
    the epoch.
    """

    def add_tasks(self, tasks: Sequence[Task]) -> Future[int]:
        """Add those whose id and text are new, leave the others alone; how many were new."""

    def adopt(self, tasks: Sequence[Task], server: ServerState, now: float) -> Future[int]:
        """After :meth:`recover`, take over a newer document; how many tasks were added or changed.

        Unknown tasks are added, known ones go forward (see
        :func:`codeagent.core.checkpoint.merged`); nothing done is undone.
        """

    def tasks(self, *states: TaskState) -> Future[list[Task]]:
        """The tasks in these states, all without any, by position."""

    def task(self, task_id: str) -> Future[Task | None]:
        """One task, or none."""

    def reposition(self, positions: Mapping[str, Place]) -> Future[None]:
        """Where the tasks stand in the list now; unknown ids are passed over."""

    def begin_attempt(
        self, task_id: str, *, path: str, instructions: int, now: float, first: int = 1
    ) -> Future[Task]:
        """Start a new attempt with a new epoch; whatever an older one reports is fenced off.

        If the number of instructions changed, progress is dropped, except for the
        positions before ``first``, and a ``task.restarted`` event tells so.
        """

    def begin_step(
        self, task_id: str, epoch: int, position: int, instruction_id: int, name: str, now: float
    ) -> Future[None]:
        """An instruction begins, or begins again after it failed in this attempt."""

    def step_process(
        self, task_id: str, epoch: int, position: int, pid: int, started: str
    ) -> Future[None]:
        """Which process serves the step.

        From now on it counts as left behind, until :meth:`process_ended` or
        :meth:`finish_step`.
        """

    def process_ended(self, task_id: str, epoch: int, position: int) -> Future[None]:
        """The step's process is gone; accepted from any attempt, for it is a fact."""

    def finish_step(
        self,
        task_id: str,
        epoch: int,
        position: int,
        state: StepState,
        now: float,
        *,
        error: str | None = None,
        report: str | None = None,
        digest: str | None = None,
    ) -> Future[Task]:
        """The instruction ends, after its process did; ``DONE`` completes it for good."""

    def finish_task(
        self,
        task_id: str,
        epoch: int,
        state: TaskState,
        now: float,
        *,
        error: str | None = None,
        not_before: float = 0.0,
        attention: str | None = None,
    ) -> Future[Task]:
        """The attempt ends as ``DONE``, ``FAILED`` or ``SKIPPED``; open steps are interrupted."""

    def interrupt_task(
        self,
        task_id: str,
        epoch: int,
        now: float,
        *,
        counted: bool = False,
        reason: str | None = None,
        not_before: float = 0.0,
    ) -> Future[Task]:
        """The attempt is stopped, the task pending again with its progress.

        Unless ``counted`` the attempt does not count against the limit.
        """

    def hold_task(
        self,
        task_id: str,
        now: float,
        *,
        not_before: float = 0.0,
        attention: str | None = None,
    ) -> Future[Task]:
        """A task that does not run waits until ``not_before``, or for a person."""

    def note_attempt(
        self, task_id: str, epoch: int, now: float, **notes: str | int | None
    ) -> Future[None]:
        """Keep what is known of an attempt: any of :data:`codeagent.store.work.NOTES`.

        A ``phase`` is taken of the current attempt only.
        """

    def attempts(self, task_id: str) -> Future[list[AttemptRow]]:
        """The attempts at a task, oldest first."""

    def broken_off(self, task_id: str) -> Future[list[int]]:
        """The instructions whose latest run was interrupted, by position."""

    def learn_paths(self, task_id: str, paths: Sequence[str]) -> Future[None]:
        """Keep which files an attempt has touched."""

    def set_plan(self, task_id: str, plan: str) -> Future[None]:
        """Freeze the stages of the capabilities for a task."""

    def workspaces(self) -> Future[list[WorkspaceRow]]:
        """The worktrees that belong to tasks."""

    def put_workspace(self, row: WorkspaceRow) -> Future[None]:
        """Add or replace the worktree of a task."""

    def drop_workspace(self, task_id: str) -> Future[None]:
        """Forget the worktree of a task."""

    def begin_landing(self, row: LandingRow) -> Future[None]:
        """Before a branch moves: which commit it is going to be moved to."""

    def landed(self, task_id: str, epoch: int, now: float) -> Future[None]:
        """The branch has moved; told again, it changes nothing."""

    def landings(self, *, open_only: bool) -> Future[list[LandingRow]]:
        """The landings, oldest first; only those that are not known to be over if asked."""

    def drop_landing(self, task_id: str, epoch: int) -> Future[None]:
        """The branch has not moved and is not going to."""

    def settle_task(
        self, task_id: str, state: TaskState, now: float, *, error: str | None = None
    ) -> Future[Task]:
        """Without an attempt: ``DONE`` (somebody ticked it) or ``SKIPPED`` (not to be done)."""

    def reset_task(self, task_id: str, now: float) -> Future[Task]:
        """A person asks for the task again: pending, no attempts, no progress."""

    def set_marked(self, task_id: str, state: TaskState) -> Future[None]:
        """The task's line in the TODO list shows this state now."""

    def unmarked(self) -> Future[list[Task]]:
        """Final tasks whose line does not show it yet, by position."""

    def recover(self, now: float) -> Future[Recovery]:
        """At start, before :meth:`server_started`: put what a dead server left behind in order.

        Its attempts do not count.  Processes are returned again by every call
        until :meth:`process_ended` is told.
        """

    def record(self, event: Event) -> Future[None]:
        """Append an event that is not a transition; those are journalled by their own methods."""

    def events(self, after: int, limit: int) -> Future[list[tuple[int, Event]]]:
        """At most ``limit`` events with numbers above ``after``, oldest first."""

    def server_started(self, session_id: str, now: float) -> Future[None]:
        """A run begins; until :meth:`server_stopped` it counts as unclean."""

    def server_stopped(self, now: float, clean: bool) -> Future[None]:
        """A run ends."""

    def iteration(self) -> Future[int]:
        """Count one iteration; how many there were over all runs."""

    def server_state(self) -> Future[ServerState]:
        """The server's own state."""

    def last_change(self) -> Future[float]:
        """When tasks or the server last changed, 0.0 if never."""

    def close(self) -> None:
        """Carry out what was submitted, then let go; later calls raise :class:`StoreClosed`."""
