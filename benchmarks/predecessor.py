"""The predecessor's way, as far as the paths can be compared with it.

A new client and a new event loop for every request, one thing after the other, and
a look at the report every two seconds.
"""

from __future__ import annotations

import asyncio
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from codeagent.ab.measure import Sample
from codeagent.core.llm.settings import parse_llm_settings
from codeagent.core.task import Task

from .http.asking import KEYS, Predecessor, project, settings

BODY = b'{"model": "m", "messages": [{"role": "user", "content": "' + b"y" * 4000 + b'"}]}'
HEADERS = {"content-type": "application/json"}
EVERY = 2.0
"""Seconds between two looks at a report."""

Operation = Callable[[], object]


def requests(url: str, ca_file: str, at_once: int = 1) -> Operation:
    """So many requests, one after the other."""

    async def ask() -> None:
        context = httpx.create_ssl_context()
        context.load_verify_locations(ca_file)
        async with httpx.AsyncClient(verify=context, timeout=60) as client:
            answer = await client.post(url, content=BODY, headers=HEADERS)
            assert answer.status_code == 200

    def work() -> None:
        for _ in range(at_once):
            asyncio.run(ask())

    return work


@contextmanager
def questions(base: str, ca_file: str, tasks: int, at_once: int = 1) -> Iterator[Operation]:
    """The questions about so many tasks before their first instruction, one after the other."""
    text, numbers = settings(base), count()
    setup = parse_llm_settings(text, source="llm_settings.yaml", environment=KEYS)
    with TemporaryDirectory(prefix="bench-") as place:
        asking = Predecessor(ca_file, Path(place))

        def work() -> Sample:
            names = [f"task_{next(numbers)}" for _ in range(tasks)]
            new = [Task(id=name, text=f"Do {name}") for name in names]
            project(Path(place), new)
            cpu, wall = time.process_time(), time.perf_counter()
            asking.ask_about(setup, text, [[], *([task] for task in new)])
            return Sample(time.perf_counter() - wall, time.process_time() - cpu)

        yield work


def children(argv: Sequence[str], at_once: int = 1) -> Operation:
    """So many children, one after the other."""

    def work() -> None:
        for _ in range(at_once):
            subprocess.run(argv, capture_output=True, check=True)

    return work


@contextmanager
def git_calls(at_once: int = 1) -> Iterator[Operation]:
    """The state of a small working tree, asked for so many times, one after the other."""
    with TemporaryDirectory(prefix="bench-") as place:
        for number in range(20):
            Path(place, f"file_{number}").write_bytes(b"x" * 100)
        subprocess.run(["git", "init", "-q"], cwd=place, check=True)

        def work() -> None:
            for _ in range(at_once):
                words = ["git", "status", "--porcelain=v2", "-z"]
                assert subprocess.run(words, cwd=place, capture_output=True, check=True).stdout

        yield work


@contextmanager
def reports() -> Iterator[Operation]:
    """A report that is written half a second after somebody began to wait for it."""
    with TemporaryDirectory(prefix="bench-") as place:
        path = Path(place, "report.md")

        def work() -> Sample:
            cpu, wall = time.process_time(), time.perf_counter()
            writing = threading.Timer(EVERY / 4, path.write_text, ("# Report\n\ndone\n",))
            writing.start()
            while not path.exists():
                time.sleep(EVERY)
            writing.join()
            path.unlink()
            waited = time.perf_counter() - wall - EVERY / 4
            return Sample(waited, time.process_time() - cpu)

        yield work
