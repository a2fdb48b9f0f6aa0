from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from codeagent.core.task import Task
from codeagent.store import StoreError, open_store, schema
from codeagent.store.database import APPLICATION_ID, connect


def snapshot(connection: sqlite3.Connection) -> tuple[object, ...]:
    return (
        connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall(),
        connection.execute("PRAGMA user_version").fetchone(),
        connection.execute("PRAGMA application_id").fetchone(),
    )


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(path, create=True)) as opened:
        yield opened


def test_every_version_can_be_reached_forward_and_back(connection: sqlite3.Connection) -> None:
    forward = [snapshot(connection)]
    for number in range(1, schema.latest() + 1):
        (step,) = schema.migrate(connection, number)
        assert step.number == number
        forward.append(snapshot(connection))
    back = [snapshot(connection)]
    for number in reversed(range(schema.latest())):
        schema.migrate(connection, number)
        back.append(snapshot(connection))
    assert back[::-1] == forward
    assert forward[0] == ([], (0,), (0,))
    schema.migrate(connection)
    assert snapshot(connection) == forward[-1]
    assert schema.migrate(connection) == []


def test_a_script_that_fails_half_way_leaves_the_version_before(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema.migrate(connection)
    before = snapshot(connection)
    broken = schema.Migration(
        schema.latest() + 1, "broken", "CREATE TABLE extra (x);\nNONSENSE;\n", ""
    )
    all_of_them = (*schema.migrations(), broken)
    monkeypatch.setattr(schema, "migrations", lambda: all_of_them)
    with pytest.raises(sqlite3.OperationalError):
        schema.migrate(connection)
    assert snapshot(connection) == before
    assert not connection.in_transaction


@pytest.mark.parametrize("to", [-1, 1000])
def test_a_version_that_does_not_exist_is_refused(connection: sqlite3.Connection, to: int) -> None:
    with pytest.raises(StoreError, match="there is no schema version"):
        schema.migrate(connection, to)


@pytest.mark.parametrize("script", ["", "-- up\nA;", "-- down\n-- up\n", "-- up\n-- up\n-- down\n"])
def test_a_script_needs_both_directions(script: str) -> None:
    with pytest.raises(StoreError, match="0007_x needs '-- up' and then '-- down'"):
        schema.read(7, "x", script)


def test_a_file_of_a_newer_version_is_refused_and_left_as_it_is(path: Path) -> None:
    open_store(path).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match=r"version 99.*migrate down --to"):
        open_store(path)
    with closing(sqlite3.connect(path)) as other:
        assert schema.version(other) == 99


def test_the_database_of_another_program_is_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (x)")
        other.commit()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="database of another program"):
        open_store(path)
    assert path.read_bytes() == before


def test_what_is_no_database_is_left_alone(path: Path) -> None:
    path.write_bytes(b"# TODO\n- [ ] this is a list\n" * 100)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"not a state file of Code Agent.*move it away"):
        open_store(path)
    assert path.read_bytes() == before


def test_a_damaged_file_is_a_clear_error(path: Path) -> None:
    with open_store(path) as store:
        store.add_tasks([Task(f"task_{n}", f"text {n}" * 50) for n in range(200)]).result()
    data = bytearray(path.read_bytes())
    data[100:8192] = b"\xa5" * 8092
    path.write_bytes(data)
    with pytest.raises(StoreError, match="damaged"):
        open_store(path)


def test_a_directory_in_the_place_of_the_file_is_a_clear_error(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StoreError, match="cannot open the state file"):
        open_store(path)


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.touch()
    with open_store(path) as store:
        assert store.tasks().result() == []


def test_only_the_owner_may_read_the_files(path: Path) -> None:
    path.touch(0o644)
    with open_store(path) as store:
        store.add_tasks([Task("task_1", "x")]).result()
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {
        "state.sqlite3": 0o600,
        "state.sqlite3-wal": 0o600,
        "state.sqlite3-shm": 0o600,
    }


def test_writes_are_synchronised_with_the_disk_and_logged_ahead(
    connection: sqlite3.Connection,
) -> None:
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    schema.migrate(connection)
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)


def test_an_exclusive_connection_is_refused_while_a_store_is_open(path: Path) -> None:
    with open_store(path), pytest.raises(StoreError, match="in use by another process"):
        connect(path, exclusive=True)
    connect(path, exclusive=True).close()
