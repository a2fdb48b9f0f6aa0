"""``python held.py PATH LIMIT``: the server with so many tasks at once in one directory.

Users cannot have that, because instructions would overwrite each other's reports;
those of the benchmarks do not, and the server is measured without git.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from codeagent.app import Request, find_agent, prepare
from codeagent.core.placement import Placement
from codeagent.serving import run_server


def main(path: str, limit: str) -> int:
    """Run the list in the working directory to its end."""
    prepared = prepare(Request(project=Path.cwd(), path=path))
    prepared = replace(prepared, placement=Placement(worktrees=False, tasks=int(limit)))
    return run_server(
        prepared,
        find_agent(prepared),
        sink=lambda event: None,
        keep_watching=False,
        command="run",
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
