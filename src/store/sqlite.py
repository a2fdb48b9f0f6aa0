"""The store in one SQLite file: write-ahead log, full synchronisation, one writer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType

from ..core.events import Event
from ..core.server import ServerState
from ..core.task import StepState, Task, TaskState
from . import contents, transitions, work
from .database import connect
from .interface import Place, Recovery, Store
from .rows import journal, row_factory
from .schema import migrate
from .values import AttemptRow, LandingRow, WorkspaceRow
from .writer import Writer, translated


def open_store(path: str | Path) -> SqliteStore:
    """Open the state file, make it if there is none, and bring it to the current schema.

    Only its owner may read it.  One process at a time is meant to have it
    open; that is for the caller to ensure.

    Raises:
        StoreError: the file is of another program or a newer version, damaged,
            in use, or not writable; the message says what to do.
    """
    path = Path(path)
    connection = connect(path, create=True)
    try:
        migrate(connection)
    except Exception as exc:
        connection.close()
        raise translated(exc) from None
    connection.row_factory = row_factory
    return SqliteStore(Writer(connection))


class SqliteStore(Store):
    """See :class:`~codeagent.store.interface.Store`; open it with :func:`open_store`."""

    def __init__(self, writer: Writer) -> None:
        self._submit = writer.submit
        self._close = writer.close

    def __enter__(self) -> SqliteStore:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def add_tasks(self, tasks: Sequence[Task]) -> Future[int]:
        return self._submit(contents.add_tasks, tuple(tasks))

    def adopt(self, tasks: Sequence[Task], server: ServerState, now: float) -> Future[int]:
        return self._submit(contents.adopt, tuple(tasks), server, now)

    def tasks(self, *states: TaskState) -> Future[list[Task]]:
        return self._submit(contents.all_tasks, *states)

    def task(self, task_id: str) -> Future[Task | None]:
        return self._submit(contents.one_task, task_id)

    def reposition(self, positions: Mapping[str, Place]) -> Future[None]:
        return self._submit(contents.reposition, dict(positions))

    def begin_attempt(
        self, task_id: str, *, path: str, instructions: int, now: float, first: int = 1
    ) -> Future[Task]:
        return self._submit(
            transitions.begin_attempt,
            task_id,
            path=path,
            instructions=instructions,
            now=now,
            first=first,
        )

    def begin_step(
        self, task_id: str, epoch: int, position: int, instruction_id: int, name: str, now: float
    ) -> Future[None]:
        return self._submit(
            transitions.begin_step, task_id, epoch, position, instruction_id, name, now
        )

    def step_process(
        self, task_id: str, epoch: int, position: int, pid: int, started: str
    ) -> Future[None]:
        return self._submit(transitions.step_process, task_id, epoch, position, pid, started)

    def process_ended(self, task_id: str, epoch: int, position: int) -> Future[None]:
        return self._submit(transitions.process_ended, task_id, epoch, position)

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
        return self._submit(
            transitions.finish_step,
            task_id,
            epoch,
            position,
            state,
            now,
            error=error,
            report=report,
            digest=digest,
        )

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
        return self._submit(
            transitions.finish_task,
            task_id,
            epoch,
            state,
            now,
            error=error,
            not_before=not_before,
            attention=attention,
        )

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
        return self._submit(
            transitions.interrupt_task,
            task_id,
            epoch,
            now,
            counted=counted,
            reason=reason,
            not_before=not_before,
        )

    def hold_task(
        self,
        task_id: str,
        now: float,
        *,
        not_before: float = 0.0,
        attention: str | None = None,
    ) -> Future[Task]:
        return self._submit(
            transitions.hold_task, task_id, now, not_before=not_before, attention=attention
        )

    def note_attempt(
        self, task_id: str, epoch: int, now: float, **notes: str | int | None
    ) -> Future[None]:
        return self._submit(work.note_attempt, task_id, epoch, notes, now)

    def attempts(self, task_id: str) -> Future[list[AttemptRow]]:
        return self._submit(work.attempts, task_id)

    def broken_off(self, task_id: str) -> Future[list[int]]:
        return self._submit(work.broken_off, task_id)

    def learn_paths(self, task_id: str, paths: Sequence[str]) -> Future[None]:
        return self._submit(work.learn_paths, task_id, tuple(paths))

    def set_plan(self, task_id: str, plan: str) -> Future[None]:
        return self._submit(work.set_plan, task_id, plan)

    def workspaces(self) -> Future[list[WorkspaceRow]]:
        return self._submit(work.workspaces)

    def put_workspace(self, row: WorkspaceRow) -> Future[None]:
        return self._submit(work.put_workspace, row)

    def drop_workspace(self, task_id: str) -> Future[None]:
        return self._submit(work.drop_workspace, task_id)

    def begin_landing(self, row: LandingRow) -> Future[None]:
        return self._submit(work.begin_landing, row)

    def landed(self, task_id: str, epoch: int, now: float) -> Future[None]:
        return self._submit(work.landed, task_id, epoch, now)

    def landings(self, *, open_only: bool) -> Future[list[LandingRow]]:
        return self._submit(work.landings, open_only=open_only)

    def drop_landing(self, task_id: str, epoch: int) -> Future[None]:
        return self._submit(work.drop_landing, task_id, epoch)

    def settle_task(
        self, task_id: str, state: TaskState, now: float, *, error: str | None = None
    ) -> Future[Task]:
        return self._submit(transitions.settle_task, task_id, state, now, error=error)

    def reset_task(self, task_id: str, now: float) -> Future[Task]:
        return self._submit(transitions.reset_task, task_id, now)

    def set_marked(self, task_id: str, state: TaskState) -> Future[None]:
        return self._submit(contents.set_marked, task_id, state)

    def unmarked(self) -> Future[list[Task]]:
        return self._submit(contents.unmarked)

    def recover(self, now: float) -> Future[Recovery]:
        return self._submit(transitions.recover, now)

    def record(self, event: Event) -> Future[None]:
        return self._submit(journal, event)

    def events(self, after: int, limit: int) -> Future[list[tuple[int, Event]]]:
        return self._submit(contents.events, after, limit)

    def server_started(self, session_id: str, now: float) -> Future[None]:
        return self._submit(contents.server_started, session_id, now)

    def server_stopped(self, now: float, clean: bool) -> Future[None]:
        return self._submit(contents.server_stopped, now, clean)

    def iteration(self) -> Future[int]:
        return self._submit(contents.iteration)

    def server_state(self) -> Future[ServerState]:
        return self._submit(contents.server_state)

    def last_change(self) -> Future[float]:
        return self._submit(contents.last_change)

    def close(self) -> None:
        self._close()
