"""Opening a state file: whose it is, who may read it, how it is written."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from . import schema
from .errors import StoreError

APPLICATION_ID = 0x43414754
"""Written into the file's header by the first migration."""

_BUSY = 5.0  # seconds to wait for another process


def connect(path: Path, *, create: bool = False, exclusive: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode that may be handed to another thread.

    With ``exclusive`` nobody else may have the file open.

    Raises:
        StoreError: the file is missing (without ``create``), is not ours, or
            cannot be opened.
    """
    try:
        _prepare(path, create)
        connection = sqlite3.connect(
            path, timeout=_BUSY, isolation_level=None, check_same_thread=False
        )
    except (OSError, sqlite3.Error) as exc:
        raise StoreError(
            f"cannot open the state file {path} ({exc}); make it a readable and writable file"
        ) from exc
    try:
        if exclusive:
            connection.execute("PRAGMA busy_timeout = 0")
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        _identify(connection, path)
        if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
            raise StoreError(
                f"the file system of {path} does not support write-ahead logging;"
                " keep the state file on a local disk"
            )
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        if exclusive:
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
    except BaseException as exc:
        connection.close()
        if isinstance(exc, sqlite3.Error):
            raise _explained(exc, path) from exc
        raise
    return connection


def copy(connection: sqlite3.Connection, path: Path) -> None:
    """Write the database as it stands to a new file that only its owner may read."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(path)) as target:
        connection.backup(target)


def _prepare(path: Path, create: bool) -> None:
    # Never opened and closed here by other means: closing any descriptor of the
    # file would drop the locks that this process holds on it.
    if create:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    mode = path.stat().st_mode & 0o777
    if mode != 0o600:
        with suppress(PermissionError):
            path.chmod(0o600)


def _identify(connection: sqlite3.Connection, path: Path) -> None:
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if owner == APPLICATION_ID or (owner == 0 and not tables and not schema.version(connection)):
        return
    raise StoreError(
        f"{path} is a database of another program; name another state file or move this one away"
    )


def _explained(exc: sqlite3.Error, path: Path) -> StoreError:
    text = str(exc)
    if "locked" in text:
        return StoreError(f"{path} is in use by another process; stop it first")
    if isinstance(exc, sqlite3.OperationalError):
        return StoreError(
            f"cannot use the state file {path} ({text}); make sure that it and its directory"
            " are writable and the disk has room"
        )
    return StoreError(
        f"{path} is damaged or not a state file of Code Agent ({text}); move it away (with"
        f" {path.name}-wal and {path.name}-shm) and start again: the checkpoint is read instead"
    )
