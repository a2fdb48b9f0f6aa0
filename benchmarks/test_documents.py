"""The store and the documents that are kept: the list and the checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codeagent.core import checkpoint, todo
from codeagent.core.server import ServerState
from codeagent.core.task import Task, TaskState
from codeagent.store import open_store

from .sides import Side

ITEMS = 1000
TASKS = 2000


def test_a_step_in_the_store(
    benchmark: Any, side: Side, tmp_path: Path, row: Callable[..., None]
) -> None:
    """Begin and finish an instruction: two commits, each on disk before the next begins."""
    count = 20
    with open_store(tmp_path / "store.db") as store:
        store.add_tasks([Task(id="task_1", text="A task", created_at=1.0)]).result()
        benchmark.pedantic(
            side.run,
            (side.server.record_steps, store, "task_1", count),
            rounds=15,
            warmup_rounds=2,
        )
    _add(row, f"store: begin and finish a step, {side.path}", benchmark, count)


@pytest.mark.parametrize("form", ["md", "txt", "yaml"])
def test_a_list(benchmark: Any, form: str, row: Callable[..., None]) -> None:
    """Parse a thousand items and mark one in the middle."""
    data = _list(form)
    kind = todo.TodoFormat(form)
    middle = f"Task number {ITEMS // 2}"

    def work() -> bytes:
        document = todo.parse(data, kind)
        assert len(document.items) == ITEMS
        return todo.mark(data, kind, middle, todo.ItemState.DONE, None)

    assert benchmark.pedantic(work, rounds=10, warmup_rounds=1) != data
    _add(row, f"list of {ITEMS:,} items, {form}: parse and mark", benchmark)


def _list(form: str) -> bytes:
    numbers = range(ITEMS)
    if form == "yaml":
        items = [f"  - text: Task number {number}\n    done: false\n" for number in numbers]
        return ("tasks:\n" + "".join(items)).encode()
    mark = "- [ ] " if form == "md" else ""
    return "".join(f"{mark}Task number {number}\n" for number in numbers).encode()


def test_the_checkpoint(benchmark: Any, row: Callable[..., None]) -> None:
    """Build and serialise the document of two thousand tasks."""
    tasks = [
        Task(
            id=f"task_{number}",
            text=f"Task number {number}",
            position=number,
            state=TaskState.DONE if number % 2 else TaskState.PENDING,
            created_at=1.0,
            ended_at=2.0 if number % 2 else None,
            completed=(1, 2, 3, 4) if number % 2 else (),
            last_completed=4 if number % 2 else 0,
            total_instructions=4,
        )
        for number in range(TASKS)
    ]
    server = ServerState(session_id="s", last_start=1.0, last_stop=None, iterations=1, clean=False)

    def work() -> bytes:
        document = checkpoint.build(tasks, server, last_update=3.0, keep=100, previous={})
        return checkpoint.dumps(document)

    assert benchmark.pedantic(work, rounds=10, warmup_rounds=1)
    _add(row, f"checkpoint of {TASKS:,} tasks", benchmark)


def _add(row: Callable[..., None], name: str, benchmark: Any, count: int = 1) -> None:
    stats = benchmark.stats.stats
    row(name, f"{stats.median / count * 1e3:.2f} ms (best {stats.min / count * 1e3:.2f})")
