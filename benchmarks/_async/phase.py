"""What the models are asked about a task before its first instruction."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from codeagent._async.assessment import AsyncAssessor
from codeagent._async.http import AsyncHTTPClient
from codeagent._async.io import AsyncIOManager
from codeagent._async.llm import AsyncLLMManager
from codeagent._runtime import async_runtime as rt
from codeagent.core.config import Config
from codeagent.core.events import Event
from codeagent.core.layout import plan
from codeagent.core.llm.settings import LLMSetup
from codeagent.core.task import Task


def _quiet(_event: Event) -> None:
    """Nobody listens."""


@asynccontextmanager
async def assessing(project: Path, ca_file: str, setup: LLMSetup) -> AsyncGenerator[AsyncAssessor]:
    """Somebody to ask about tasks, with connections of its own."""
    config = Config()
    http = AsyncHTTPClient(rt.NetworkOptions(ca_file=ca_file))
    manager = AsyncLLMManager(setup, http, sink=_quiet, clock=time.time)
    async with AsyncIOManager() as io, manager as llm:
        layout = plan(config, root=project, project=project)
        yield AsyncAssessor(llm, config=config, layout=layout, io=io, sink=_quiet, clock=time.time)


async def ask_about(
    project: Path, ca_file: str, setup: LLMSetup, rounds: Sequence[Sequence[Task]]
) -> list[float]:
    """Ask about all tasks of a round at once; the seconds that each of them waited.

    The first round opens the connections and is not told of.
    """
    async with assessing(project, ca_file, setup) as assessor:

        async def timed(task: Task) -> float:
            began = time.perf_counter()
            if await assessor.reason_to_skip(task) is not None:
                raise AssertionError("the server says that every task is to be done")
            return time.perf_counter() - began

        seconds = []
        for tasks in rounds:
            seconds.append(await rt.map_concurrently(timed, tasks, limit=max(1, len(tasks))))
        return [each for one in seconds[1:] for each in one]
