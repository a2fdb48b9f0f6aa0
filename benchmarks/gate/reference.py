"""What absolute values are measured in turn with: plain Python, with none of the product in it.

How long something takes depends on what else the machine does.  That does as much to
these, and no change of the product does anything to them: what has become worse by its
share of them has become worse.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from codeagent.ab.measure import run_command
from codeagent.ab.sides import InProcess

from ..projects import environment
from ..sides import IO_THREADS

_LIBRARIES = "import argparse, asyncio, json, logging, pathlib, re, sqlite3, subprocess"


def files(work: str, *, at_once: int = 1, size: int = 0, entries: int = 0) -> InProcess:
    """The workload of that name in plain threads, as many as the paths have: a side."""
    number, batch = (entries, entries) if entries else (at_once, 1)
    given = {"one": _WORK[work], "number": number, "size": size, "batch": batch}
    return InProcess("plain", _files, arguments=given)


@contextmanager
def _files(
    one: Callable[[Path], object], number: int, size: int, batch: int
) -> Iterator[Callable[[], None]]:
    with (
        TemporaryDirectory(prefix="bench-") as place,
        ThreadPoolExecutor(IO_THREADS) as threads,
    ):
        paths = [Path(place, f"file_{each}") for each in range(number)]
        for path in paths:
            path.write_bytes(b"x" * size)
        batches = [paths[first : first + batch] for first in range(0, number, batch)]

        def do(paths: list[Path]) -> None:
            for path in paths:
                one(path)  # what is read is not kept

        def work() -> None:
            for _ in threads.map(do, batches):
                pass

        yield work


def _write(path: Path) -> None:
    size = path.stat().st_size
    new = path.with_name(f"{path.name}.new")
    with new.open("wb") as file:
        file.write(b"x" * size)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


_WORK: dict[str, Callable[[Path], object]] = {
    "writes": _write,
    "reads": Path.read_bytes,
    "scans": Path.stat,
}


def start() -> float:
    """Processor time, in seconds, of a Python that imports what many commands do."""
    command = [sys.executable, "-c", _LIBRARIES]
    return run_command(command, cwd=Path(), env=environment(), timeout=60).cpu


async def tasks(number: int, at_once: int) -> None:
    """So many tasks of asyncio's own that only give way once, some at a time."""
    for _ in range(number // at_once):
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(asyncio.sleep(0))
