"""The predecessor's pattern: a new client and a new event loop for every request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from codeagent.ab.measure import Sample
from codeagent.core.llm.settings import parse_llm_settings
from codeagent.core.task import Task

from ..http.asking import KEYS, Predecessor, project, settings

BODY = b'{"model": "m", "messages": [{"role": "user", "content": "' + b"y" * 4000 + b'"}]}'
HEADERS = {"content-type": "application/json"}


def request(url: str, ca_file: str) -> Callable[[], None]:
    """One request."""

    async def ask() -> None:
        context = httpx.create_ssl_context()
        context.load_verify_locations(ca_file)
        async with httpx.AsyncClient(verify=context, timeout=60) as client:
            answer = await client.post(url, content=BODY, headers=HEADERS)
            assert answer.status_code == 200

    return lambda: asyncio.run(ask())


@contextmanager
def questions(base: str, ca_file: str, tasks: int, at_once: int) -> Iterator[Callable[[], Sample]]:
    """The questions about so many tasks before their first instruction, one after the other."""
    assert at_once == 1
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
