"""The stand-in as a process, run to its end or until it has said something."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from codeagent.core.streams.agent_events import AgentEvent, AgentEventKind
from codeagent.core.streams.cursor import CursorStream
from tests.support.world import MODERN

REPORT = "docs/results/r.md"
PROMPT = f"""Task: Add a page

write your report to the file {REPORT}
The report must end with this line, exactly:
Finished!
"""
Kind = AgentEventKind


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "codeagent.standin", *arguments]


def environment(behaviours: str = "", **more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CODEAGENT_")}
    return kept | {"CODEAGENT_STANDIN": behaviours} | more


def run(
    cwd: Path,
    *arguments: str,
    prompt: str | None = PROMPT,
    behaviours: str = "",
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command(*(arguments or MODERN)),
        cwd=cwd,
        env=env or environment(behaviours),
        input=(prompt or "").encode(),
        capture_output=True,
        timeout=30,
        check=False,
    )


def events(output: bytes) -> list[AgentEvent]:
    decoder = CursorStream()
    return decoder.feed(output) + decoder.close()


def kinds(output: bytes) -> list[Kind]:
    return [event.kind for event in events(output)]


@contextmanager
def running(
    cwd: Path, behaviours: str, pass_fds: tuple[int, ...] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command(*MODERN),
        cwd=cwd,
        env=environment(behaviours),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=pass_fds,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(PROMPT.encode())
        process.stdin.close()
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def read_until(process: subprocess.Popen[bytes], kind: Kind) -> AgentEvent:
    assert process.stdout is not None
    for line in process.stdout:
        for event in events(line):
            if event.kind is kind:
                return event
    raise AssertionError(f"the output ended without {kind}")
