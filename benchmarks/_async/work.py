"""What the paths are compared by: each a block that gives an operation to repeat.

What is set up once, and not measured, happens before the operation is given.  What
only some of them need is loaded for those alone: processes are begun anew all the time.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import TypeVar

from benchmarks.company import company
from codeagent._async.git import AsyncGit
from codeagent._async.io import AsyncIOManager
from codeagent._async.reports import AsyncReportWatch
from codeagent._runtime import async_runtime as rt
from codeagent.ab.measure import Sample
from codeagent.core.task import Task

T = TypeVar("T")
Operation = Callable[[], rt.Result[object]]

BODY = b'{"model": "m", "messages": [{"role": "user", "content": "' + b"y" * 4000 + b'"}]}'
HEADERS = {"content-type": "application/json", "accept-encoding": "identity"}
PATIENCE = 60.0


@asynccontextmanager
async def reads(size: int, at_once: int = 1, kept: str = "") -> AsyncGenerator[Operation]:
    """So many files of ``size`` bytes, each read as a whole, all at once."""
    async with _directory(kept) as place, AsyncIOManager() as io:
        paths = _files(place, at_once, size)

        async def one(path: Path) -> None:
            assert len(await io.read(path) or b"") == size

        yield _at_once(one, paths)


@asynccontextmanager
async def writes(size: int, at_once: int = 1) -> AsyncGenerator[Operation]:
    """So many files, each replaced as a whole and durably, all at once."""
    data = b"x" * size
    async with _directory() as place, AsyncIOManager() as io:
        paths = _files(place, at_once, size)

        async def one(path: Path) -> None:
            await io.write(path, data)

        yield _at_once(one, paths)


@asynccontextmanager
async def loads(files: int, size: int, kept: str = "") -> AsyncGenerator[Operation]:
    """So many small files, all loaded as one operation."""
    async with _directory(kept) as place:
        paths = _files(place, files, size)

        async def work() -> None:
            found = await rt.run_blocking(_load, paths)
            assert sum(map(len, found)) == files * size

        yield work


@asynccontextmanager
async def scans(entries: int, at_once: int = 1, kept: str = "") -> AsyncGenerator[Operation]:
    """So many files looked at, whether they have changed, as one operation."""
    async with _directory(kept) as place, AsyncIOManager() as io:
        paths = _files(place, entries, 10)

        async def one(paths: Sequence[Path]) -> None:
            assert None not in await io.signatures(paths)

        yield _at_once(one, [paths] * at_once)


@asynccontextmanager
async def children(argv: Sequence[str], at_once: int = 1) -> AsyncGenerator[Operation]:
    """So many children, each started, read to the end of its output, and waited for."""

    with company():
        yield _at_once(_child, [argv] * at_once)


@asynccontextmanager
async def agents(argv: Sequence[str], number: int, limit: int) -> AsyncGenerator[Operation]:
    """So many tasks, each a child, through the scheduler; at most ``limit`` at a time."""
    from .server import dispatch

    tasks = [Task(id=f"task_{one}", text=f"Task {one}", position=one) for one in range(number)]

    async def execute(_task: Task) -> float | None:
        await _child(argv)
        return None

    async def work() -> None:
        await dispatch(tasks, limit, execute)

    with company():
        yield work


@asynccontextmanager
async def git_calls(at_once: int = 1) -> AsyncGenerator[Operation]:
    """The state of a small working tree, asked for so many times at once."""
    async with _directory() as place:
        _files(place, 20, 100)
        git = AsyncGit(os.environ)
        await git.run(place, "init", "-q")

        async def one(_number: int) -> None:
            assert await git.run(place, "status", "--porcelain=v2", "-z")

        yield _at_once(one, range(at_once))


@asynccontextmanager
async def reports(at_once: int = 1) -> AsyncGenerator[Operation]:
    """So many reports at once, each written by another process, noticed and accepted."""
    from benchmarks.reporter import reporter

    from .server import PHRASE

    numbers = count()
    async with _directory() as place, AsyncIOManager() as io:
        with reporter(place, f"# Report\n\n{PHRASE}\n") as order:

            async def one(_number: int) -> None:
                name = f"report_{next(numbers)}.md"
                async with AsyncReportWatch(io, place, [name], PHRASE) as watch:
                    order("write", name)
                    await watch.wait()
                order("remove", name)

            yield _at_once(one, range(at_once))


@asynccontextmanager
async def requests(url: str, ca_file: str, at_once: int = 1) -> AsyncGenerator[Operation]:
    """So many requests at once over connections that are there already."""
    import httpx

    options = rt.NetworkOptions(
        ca_file=ca_file, max_connections=max(at_once, 10), max_per_host=max(at_once, 10)
    )
    patience = httpx.Timeout(PATIENCE)
    async with rt.open_client(options) as session:

        async def one(_number: int) -> None:
            async with session.direct(
                "POST", url, headers=HEADERS, body=BODY, patience=patience
            ) as answer:
                assert answer.status_code == 200
                async for _ in answer.aiter_bytes():
                    pass

        yield _at_once(one, range(at_once))


@asynccontextmanager
async def questions(base: str, ca_file: str, tasks: int, at_once: int) -> AsyncGenerator[Operation]:
    """All that the models are asked about so many tasks before their first instruction."""
    from benchmarks.http.asking import KEYS, project, settings
    from codeagent.core.llm.settings import parse_llm_settings

    from .phase import assessing

    setup = parse_llm_settings(settings(base), source="llm_settings.yaml", environment=KEYS)
    numbers = count()
    async with _directory() as place, assessing(place, ca_file, setup) as assessor:

        async def one(task: Task) -> None:
            if await assessor.reason_to_skip(task) is not None:
                raise AssertionError("the server says that every task is to be done")

        async def work() -> Sample:
            names = [f"task_{next(numbers)}" for _ in range(tasks)]  # no answer is known yet
            new = [Task(id=name, text=f"Do {name}") for name in names]
            await rt.run_blocking(project, place, new)
            cpu, wall = time.process_time(), time.perf_counter()
            await rt.map_concurrently(one, new, limit=at_once)
            return Sample(time.perf_counter() - wall, time.process_time() - cpu)

        yield work


async def _child(argv: Sequence[str]) -> None:
    async with await rt.open_process(argv) as process:
        while await process.stdout.read():
            pass
        assert await process.wait() == 0


@asynccontextmanager
async def _directory(kept: str = "") -> AsyncGenerator[Path]:
    """A new directory; or one that is kept, since where files lie makes a difference, too."""
    with company(), ExitStack() as stack:
        if kept:
            Path(kept).mkdir(exist_ok=True)
        else:
            kept = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
        yield Path(kept)


def _files(place: Path, number: int, size: int) -> list[Path]:
    paths = [place / f"file_{one}" for one in range(number)]
    for path in paths:
        if not path.exists():
            path.write_bytes(b"x" * size)
    return paths


def _at_once(one: Callable[[T], rt.Result[None]], items: Sequence[T]) -> Operation:
    """One operation of all; a single one needs no task of its own."""
    if len(items) == 1:

        async def alone() -> None:
            await one(items[0])

        return alone

    async def together() -> None:
        await rt.map_concurrently(one, items, limit=len(items))

    return together


def _load(paths: Sequence[Path]) -> list[bytes]:
    return [path.read_bytes() for path in paths]
