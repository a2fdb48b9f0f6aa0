from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event as Flag

import pytest

from codeagent.core.task import Fenced, StepState, Task
from codeagent.store import StoreError, open_store
from codeagent.store.database import connect
from codeagent.store.writer import BATCH, Writer


@pytest.fixture
def statements() -> list[str]:
    return []


@pytest.fixture
def writer(path: Path, statements: list[str]) -> Iterator[Writer]:
    connection = connect(path, create=True)
    connection.execute("CREATE TABLE t (n INTEGER UNIQUE)")
    connection.set_trace_callback(statements.append)
    writer = Writer(connection)
    yield writer
    writer.close()


def put(db: sqlite3.Connection, number: int) -> int:
    db.execute("INSERT INTO t VALUES (?)", (number,))
    return number


def numbers(db: sqlite3.Connection) -> list[int]:
    return [row[0] for row in db.execute("SELECT n FROM t ORDER BY n")]


def held(writer: Writer) -> Flag:
    """The writer busy in a call until the flag is set, so that the next calls share a batch."""
    entered, release = Flag(), Flag()

    def wait(db: sqlite3.Connection) -> None:
        entered.set()
        release.wait()

    writer.submit(wait)
    entered.wait()
    return release


def test_one_failing_caller_among_many_fails_alone_and_leaves_nothing(
    writer: Writer, statements: list[str]
) -> None:
    release = held(writer)

    def half_done(db: sqlite3.Connection) -> None:
        put(db, 1000)
        raise LookupError("mine")

    good = [writer.submit(put, number) for number in range(20)]
    bad = writer.submit(half_done)
    duplicate = writer.submit(put, 5)
    good += [writer.submit(put, number) for number in range(20, 40)]
    release.set()
    assert [future.result() for future in good] == list(range(40))
    with pytest.raises(LookupError, match="mine"):
        bad.result()
    with pytest.raises(StoreError, match="inconsistent"):
        duplicate.result()
    assert writer.submit(numbers).result() == list(range(40))
    assert Counter(statements)["COMMIT"] <= 3


def test_a_batch_is_bounded(writer: Writer, statements: list[str]) -> None:
    release = held(writer)
    futures = [writer.submit(put, number) for number in range(BATCH + 1)]
    release.set()
    assert futures[-1].result() == BATCH
    assert Counter(statements)["COMMIT"] == 3


def test_a_lost_transaction_fails_everybody_in_it_and_nobody_after(writer: Writer) -> None:
    release = held(writer)
    first = writer.submit(put, 1)

    def lose(db: sqlite3.Connection) -> None:
        db.execute("ROLLBACK")
        raise sqlite3.OperationalError("database or disk is full")

    lost = writer.submit(lose)
    behind = writer.submit(put, 2)
    release.set()
    for future in (first, lost, behind):
        with pytest.raises(StoreError, match=r"disk is full.*make sure that the disk has room"):
            future.result()
    assert writer.submit(put, 3).result() == 3
    assert writer.submit(numbers).result() == [3]


def test_a_result_is_on_disk_when_it_arrives(writer: Writer, path: Path) -> None:
    other = sqlite3.connect(path)
    for number in range(5):
        writer.submit(put, number).result()
        assert other.execute("SELECT count(*) FROM t").fetchone() == (number + 1,)
    other.close()


def test_who_stops_waiting_does_not_take_the_change_back(writer: Writer) -> None:
    release = held(writer)
    future = writer.submit(put, 1)
    assert not future.cancel()
    release.set()
    assert future.result() == 1


def test_eight_threads_lose_nothing_and_one_attempt_wins(path: Path) -> None:
    with open_store(path) as store:
        store.add_tasks([Task("task_0", "shared")]).result()

        def work(thread: int) -> int:
            for number in range(25):
                name = f"task_{thread + 1}{number:02}"
                assert store.add_tasks([Task(name, name)]).result() == 1
                task = store.begin_attempt(name, path="sync", instructions=1, now=1.0).result()
                store.begin_step(name, task.epoch, 1, 1, "only", 2.0).result()
                store.finish_step(name, task.epoch, 1, StepState.DONE, 3.0).result()
            try:
                won = store.begin_attempt("task_0", path="sync", instructions=1, now=1.0).result()
                store.begin_step("task_0", 1, 1, 1, "only", 2.0).result()
            except Exception:
                return 0
            return won.epoch

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(work, range(8))) == [0] * 7 + [1]
        tasks = store.tasks().result()
        assert len(tasks) == 201
        assert all(task.completed == (1,) for task in tasks if task.id != "task_0")
        events = store.events(0, 10_000).result()
        assert len(events) == 200 * 3 + 2
        assert [number for number, _ in events] == list(range(1, len(events) + 1))
        with pytest.raises(Fenced):
            store.finish_step("task_0", 2, 1, StepState.DONE, 3.0).result()
