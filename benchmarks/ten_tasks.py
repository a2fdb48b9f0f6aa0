"""``python -m benchmarks.ten_tasks PATH PROJECT``: prints the memory, resident and
proportional, of a server whose executor holds ten tasks at once."""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path

from codeagent.app import Request, find_agent, prepare
from codeagent.store import open_store

from . import process

TASKS = 10


def main(path: str, project: str) -> None:
    """Run the server until it holds its tasks, and measure then."""
    prefix = "Async" if path == "async" else ""
    rt = import_module(f"codeagent._runtime.{path}_runtime")
    server_class = getattr(import_module(f"codeagent._{path}.server"), f"{prefix}CodeAgentServer")
    executor_class = getattr(import_module(f"benchmarks._{path}.server"), f"{prefix}NoopExecutor")
    prepared = prepare(Request(project=Path(project), path=path))
    many = prepared.config.runtime.model_copy(update={"max_concurrent_tasks": TASKS})
    layout = prepared.layout
    layout.state.mkdir(parents=True, exist_ok=True)
    store = open_store(layout.database)
    server = server_class(
        config=prepared.config.model_copy(update={"runtime": many}),
        layout=layout,
        adapter=find_agent(prepared),
        environment=prepared.environment,
        store=store,
        sink=lambda event: None,
        keep_watching=False,
        clock=time.time,
    )

    def measure() -> None:
        print(json.dumps(process.memory(os.getpid())))
        server.stop("measured")

    server._executor = executor_class(TASKS, measure)
    rt.run(server.run)
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
