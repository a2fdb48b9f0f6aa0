# Generated from benchmarks/_async/phase.py. Do not edit.
"""What the models are asked about a task before its first instruction."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from codeagent._runtime import sync_runtime as rt
from codeagent._sync.assessment import Assessor
from codeagent._sync.http import HTTPClient
from codeagent._sync.io import IOManager
from codeagent._sync.llm import LLMManager
from codeagent.core.config import Config
from codeagent.core.events import Event
from codeagent.core.layout import plan
from codeagent.core.llm.settings import LLMSetup
from codeagent.core.task import Task


def _quiet(_event: Event) -> None:
    """Nobody listens."""


@contextmanager
def assessing(project: Path, ca_file: str, setup: LLMSetup) -> Generator[Assessor]:
    """Somebody to ask about tasks, with connections of its own."""
    config = Config()
    http = HTTPClient(rt.NetworkOptions(ca_file=ca_file))
    manager = LLMManager(setup, http, sink=_quiet, clock=time.time)
    with IOManager() as io, manager as llm:
        layout = plan(config, root=project, project=project)
        yield Assessor(llm, config=config, layout=layout, io=io, sink=_quiet, clock=time.time)


def ask_about(
    project: Path, ca_file: str, setup: LLMSetup, rounds: Sequence[Sequence[Task]]
) -> list[float]:
    """Ask about all tasks of a round at once; the seconds that each of them waited.

    The first round opens the connections and is not told of.
    """
    with assessing(project, ca_file, setup) as assessor:

        def timed(task: Task) -> float:
            began = time.perf_counter()
            if assessor.reason_to_skip(task) is not None:
                raise AssertionError("the server says that every task is to be done")
            return time.perf_counter() - began

        seconds = []
        for tasks in rounds:
            seconds.append(rt.map_concurrently(timed, tasks, limit=max(1, len(tasks))))
        return [each for one in seconds[1:] for each in one]
