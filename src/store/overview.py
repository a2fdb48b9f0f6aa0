"""Reading the state while a server writes it, or after it has ended.

Rows are mappings from columns to values as they are stored, so that a file of
an older version can be read too.  Nothing is imported here that a command which
only shows the state would have to wait for.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from .errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Row = Mapping[str, Any]
else:
    Row = Mapping

_NEWEST = (
    "SELECT {table}.* FROM {table} JOIN task"
    " ON task.id = {table}.task_id AND task.epoch = {table}.epoch"
)


class Overview:
    """A read-only connection, for one thread at a time.

    Every method raises `StoreError` if the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._db = sqlite3.connect(
                f"file:{quote(str(path))}?mode=ro",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
            )
        except sqlite3.Error as error:
            raise self._unreadable(error) from None
        self._db.row_factory = _row

    def __enter__(self) -> Overview:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def tasks(self) -> list[Row]:
        """All tasks, by position."""
        return self._rows("SELECT * FROM task ORDER BY position, id")

    def attempts(self) -> dict[str, Row]:
        """The newest attempt of each task that had one."""
        return {row["task_id"]: row for row in self._rows(_NEWEST.format(table="attempt"))}

    def attempts_of(self, task_id: str) -> list[Row]:
        """All attempts at a task, oldest first."""
        return self._rows("SELECT * FROM attempt WHERE task_id = ? ORDER BY epoch", task_id)

    def steps(self) -> dict[str, Row]:
        """The instruction that each running task is at."""
        running = _NEWEST.format(table="step") + " WHERE step.state = 'running'"
        return {row["task_id"]: row for row in self._rows(running)}

    def steps_of(self, task_id: str) -> list[Row]:
        """All instructions of all attempts at a task."""
        return self._rows(
            "SELECT * FROM step WHERE task_id = ? ORDER BY epoch, position, started_at", task_id
        )

    def workspaces(self) -> dict[str, Row]:
        """The worktrees by task; none in a file that is older than they are."""
        return {row["task_id"]: row for row in self._optional("workspace")}

    def landings(self) -> dict[str, Row]:
        """The newest landing of each task that had one."""
        rows = sorted(self._optional("landing"), key=lambda row: int(row["epoch"]))
        return {row["task_id"]: row for row in rows}

    def events(self, after: int, limit: int) -> list[Row]:
        """At most ``limit`` events with numbers above ``after``, oldest first."""
        return self._rows(
            "SELECT * FROM event WHERE number > ? ORDER BY number LIMIT ?", after, limit
        )

    def newest_event(self) -> int:
        """The number of the newest event, 0 without any."""
        return int(self._rows("SELECT coalesce(max(number), 0) AS number FROM event")[0]["number"])

    def last_seen(self) -> dict[str, float]:
        """When something was last written about each running task."""
        return {
            row["task_id"]: row["at"]
            for row in self._rows(
                "SELECT task_id, max(at) AS at FROM event"
                " WHERE number > (SELECT coalesce(max(number), 0) - 10000 FROM event)"
                " AND task_id IN (SELECT id FROM task WHERE state = 'running') GROUP BY task_id"
            )
        }

    def counts(self) -> dict[str, int]:
        """How many tasks are in each state that some are in."""
        rows = self._rows("SELECT state, count(*) AS tasks FROM task GROUP BY state")
        return {row["state"]: row["tasks"] for row in rows}

    def failures(self) -> list[tuple[str, str, int]]:
        """How many attempts by which agent ended with which kind of failure."""
        columns = {row["name"] for row in self._rows("PRAGMA table_info(attempt)")}
        if "failure" not in columns:
            return []
        rows = self._rows(
            "SELECT coalesce(agent, '') AS agent, failure, count(*) AS attempts FROM attempt"
            " WHERE failure IS NOT NULL GROUP BY agent, failure ORDER BY agent, failure"
        )
        return [(row["agent"], row["failure"], row["attempts"]) for row in rows]

    def server(self) -> Row:
        """The server's own state."""
        return self._rows("SELECT * FROM server")[0]

    def _optional(self, table: str) -> list[Row]:
        known = self._rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", table)
        return self._rows(f"SELECT * FROM {table}") if known else []  # noqa: S608

    def _rows(self, query: str, *values: object) -> list[Row]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: sqlite3.Error) -> StoreError:
        return StoreError(
            f"the state file {self._path} cannot be read ({error}); make sure that it is a state "
            "file of Code Agent and that its directory is writable"
        )


def _row(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> Row:
    return {column[0]: value for column, value in zip(cursor.description, values, strict=True)}
