"""One thread that owns the connection and commits in groups.

Whatever was submitted while a commit was on its way to the disk shares the
next one, so that durable writes do not each wait for the disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, Concatenate, ParamSpec, TypeVar

from .errors import StoreClosed, StoreError

P = ParamSpec("P")
T = TypeVar("T")

_Job = tuple[Future[Any], Callable[[sqlite3.Connection], Any]]

BATCH = 256
"""How many calls share a commit at most."""


class Writer:
    """Runs functions on a connection, in order of submission.

    Calls that share a transaction are separated by savepoints: one that raises
    is undone and fails alone.  A result is handed over after the commit.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed = False
        self._lock = Lock()
        # A daemon, for a store that nobody closed must not keep the process alive.
        self._thread = Thread(target=self._run, name="store", daemon=True)
        self._thread.start()

    def submit(
        self,
        work: Callable[Concatenate[sqlite3.Connection, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Future[T]:
        """Have ``work`` run with the connection and these arguments.

        Raises:
            StoreClosed: the writer was closed.
        """
        future: Future[T] = Future()
        # Not cancellable from here on: whoever stops waiting must not take back
        # a completed instruction.
        future.set_running_or_notify_cancel()
        with self._lock:
            if self._closed:
                raise StoreClosed("the store is closed")
            self._jobs.put((future, lambda connection: work(connection, *args, **kwargs)))
        return future

    def close(self) -> None:
        """Finish what was submitted and close the connection; again is harmless."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        last = False
        while not last:
            job = self._jobs.get()
            batch: list[_Job] = []
            while job is not None:
                batch.append(job)
                if len(batch) == BATCH:
                    break
                try:
                    job = self._jobs.get_nowait()
                except Empty:
                    break
            last = job is None
            self._commit(batch)
            # An idle thread must not keep the last results alive.
            del batch, job
        self._connection.close()

    def _commit(self, batch: list[_Job]) -> None:
        done: list[tuple[Future[Any], Any, Exception | None]] = []
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            done.extend((future, *self._call(work)) for future, work in batch)
            self._connection.execute("COMMIT")
        except Exception as exc:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            problem = translated(exc)
            done = [(future, None, problem) for future, _ in batch]
        for future, result, error in done:
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

    def _call(self, work: Callable[[sqlite3.Connection], Any]) -> tuple[Any, Exception | None]:
        connection = self._connection
        connection.execute("SAVEPOINT call")
        try:
            result, error = work(connection), None
        except Exception as exc:
            # Some errors (a full disk) end the whole transaction by themselves.
            if not connection.in_transaction:
                raise
            connection.execute("ROLLBACK TO call")
            result, error = None, translated(exc)
        connection.execute("RELEASE call")
        return result, error


def translated(exc: Exception) -> Exception:
    """The engine's errors as :class:`StoreError`, others as they are."""
    if isinstance(exc, UnicodeEncodeError):
        problem = f"a text holds {exc.object[exc.start]!a}, which is no character; remove it"
    elif isinstance(exc, OverflowError):
        problem = "a number is too large to be stored; use one below 2^63"
    elif isinstance(exc, sqlite3.IntegrityError):
        problem = f"the state file refuses an inconsistent change ({exc})"
    elif isinstance(exc, sqlite3.Error):
        problem = (
            f"the state file cannot be used ({exc}); make sure that the disk has room,"
            " the file is writable, and no other process holds it"
        )
    else:
        return exc
    error = StoreError(problem)
    error.__cause__ = exc
    return error
