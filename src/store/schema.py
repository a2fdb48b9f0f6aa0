"""The schema's versions: reading the migration scripts and applying them.

The version is SQLite's ``user_version``, because it is part of the same
transaction as the change itself.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

from .errors import StoreError

_SCRIPT_NAME = re.compile(r"(\d{4})_(\w+)\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step between two versions: ``up`` leads to ``number``, ``down`` to the one before."""

    number: int
    name: str
    up: str
    down: str


@cache
def migrations() -> tuple[Migration, ...]:
    """All migrations of the installed package, in order."""
    (folder,) = import_module("codeagent.migrations").__path__
    found = []
    for path in sorted(Path(folder).glob("*.sql")):
        if match := _SCRIPT_NAME.fullmatch(path.name):
            found.append(read(int(match[1]), match[2], path.read_text("utf-8")))
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise StoreError(f"the migrations in {folder} have gaps; install Code Agent again")
    return tuple(found)


def read(number: int, name: str, script: str) -> Migration:
    """A migration from the text of its script.

    Raises:
        StoreError: not exactly one ``-- up`` and then one ``-- down``.
    """
    parts = re.split(r"^-- (up|down)[ \t]*$", script, flags=re.MULTILINE)
    if parts[1::2] != ["up", "down"]:
        raise StoreError(f"migration {number:04d}_{name} needs '-- up' and then '-- down'")
    return Migration(number, name, up=parts[2], down=parts[4])


def latest() -> int:
    """The version that this code works with."""
    return len(migrations())


def version(connection: sqlite3.Connection) -> int:
    """The version of the file, 0 for one without tables."""
    number: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return number


def migrate(connection: sqlite3.Connection, to: int | None = None) -> list[Migration]:
    """Lead the file to version ``to``, by default the latest; the steps that were taken.

    Each step is a transaction of its own, so a crash leaves a whole version
    behind.  The connection must be in autocommit mode.

    Raises:
        StoreError: the file is of a newer version than this code knows, or
            there is no version ``to``.
    """
    target = latest() if to is None else to
    if not 0 <= target <= latest():
        raise StoreError(f"there is no schema version {target}; there are 0 to {latest()}")
    taken = []
    while step := _step_towards(connection, target):
        taken.append(step)
    return taken


def _step_towards(connection: sqlite3.Connection, target: int) -> Migration | None:
    """Take one step, or none if the file is there; under the lock that makes the look final."""
    if _checked_version(connection) == target:
        return None
    connection.execute("BEGIN IMMEDIATE")
    try:
        current = _checked_version(connection)
        step = None
        if current != target:
            upwards = current < target
            step = migrations()[current if upwards else current - 1]
            for statement in _statements(step.up if upwards else step.down):
                connection.execute(statement)
            number = current + (1 if upwards else -1)
            connection.execute(f"PRAGMA user_version = {number:d}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return step


def _checked_version(connection: sqlite3.Connection) -> int:
    current = version(connection)
    if current > latest():
        raise StoreError(
            f"the state file has schema version {current}, but this Code Agent knows versions up"
            f" to {latest()}; install the newer Code Agent again, or take the file back with it:"
            f" codeagent migrate down --to {latest()}"
        )
    return current


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement
