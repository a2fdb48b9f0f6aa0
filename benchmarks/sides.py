"""Both paths behind one face, for benchmarks that are written once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

from codeagent._runtime.async_files import Threads, use_threads
from codeagent._runtime.loops import choose_loop

PATHS = ("async", "sync")
IO_THREADS = 8


@dataclass(frozen=True, slots=True)
class Side:
    """One path: its workloads, and how one of them is run to its end."""

    path: str
    seam: ModuleType
    server: ModuleType
    run: Callable[..., Any]


@contextmanager
def opened(path: str) -> Iterator[Side]:
    """A path ready to work; all workloads share one warm event loop."""
    seam, server = (import_module(f"{__package__}._{path}.{name}") for name in ("seam", "server"))
    if path == "sync":
        yield Side(path, seam, server, lambda work, *args: work(*args))
        return
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        yield Side(path, seam, server, lambda work, *args: runner.run(work(*args)))


def new_event_loop() -> asyncio.AbstractEventLoop:
    """A loop as the server has it, with as many threads for blocking calls."""
    loop = choose_loop().factory()
    use_threads(loop, Threads(loop, IO_THREADS))
    return loop
