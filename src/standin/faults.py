"""Ways to go wrong that real agents have: what they say, leave behind and break."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from .output import Output

BROKEN: Final = 'raise AssertionError("broken by the stand-in")'
BROKEN_TEST: Final = Path("tests/test_broken_by_standin.py")
MARKERS: Final = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")

_TRUST: Final = """\
Workspace Trust Required

The agent can execute code and access files in this directory.
Do you trust the contents of this directory?
"""


def idle(output: Output, argument: float | None) -> int:
    return 0


def untrusted(output: Output, argument: float | None) -> int:
    output.raw(_TRUST.encode())
    return 0


def fail(output: Output, argument: float | None) -> int:
    return _refused(output, "the request failed")


def network(output: Output, argument: float | None) -> int:
    sys.stderr.write("Error: getaddrinfo ENOTFOUND api.agent.test\n")
    return 1


def auth(output: Output, argument: float | None) -> int:
    sys.stderr.write("Error: Authentication required. Please run 'agent login' first.\n")
    return 1


def rate_limit(output: Output, argument: float | None) -> int:
    wait = argument or 0
    return _refused(output, f"429 Too Many Requests: rate limit exceeded, retry after {wait:g} s")


def quota(output: Output, argument: float | None) -> int:
    from datetime import UTC, datetime, timedelta

    now = datetime.now(UTC)
    if argument is None:
        first = (now.replace(day=1) + timedelta(days=32)).replace(day=1)
        when = f"reset when your monthly cycle ends on {first.month}/{first.day}/{first.year}"
    else:
        when = f"reset at {now + timedelta(seconds=argument):%Y-%m-%dT%H:%M:%SZ}"
    return _refused(output, f"You've hit your usage limit. Your usage limits will {when}.")


def retrying(output: Output, argument: float | None) -> int:
    """Tell of retries, ten a second, for as long as anybody listens."""
    for attempt in range(36_000):
        output.event("retry", attempt=attempt, message="the connection was lost")
        time.sleep(0.1)
    return 1


ENDINGS: Final[Mapping[str, Callable[[Output, float | None], int]]] = {
    "idle": idle,
    "untrusted": untrusted,
    "fail": fail,
    "network": network,
    "auth": auth,
    "rate-limit": rate_limit,
    "quota": quota,
    "retrying": retrying,
}
"""What ends a run before it has begun; each returns the exit code."""


def unknown(output: Output) -> None:
    output.event("brand_new", payload={"answer": 42})
    output.event("system", subtype="not_documented")
    output.event("brand_new")


def huge(output: Output, megabytes: float) -> None:
    """One tool call whose result is a line of so many megabytes."""
    output.tool_started("shell", command="cat everything")
    stdout = "x" * int(megabytes * 1024 * 1024)
    output.tool_completed("shell", {"success": {"exitCode": 0, "stdout": stdout}})


def silent_tool(output: Output, seconds: float) -> None:
    """A tool that says nothing for so long, and was given the time to."""
    output.tool_started("shell", command="make check", timeout=int(seconds * 1000) + 1)
    time.sleep(seconds)
    output.tool_completed("shell", {"success": {"exitCode": 0}}, command="make check")


def crash(output: Output, path: str) -> None:
    """Die in the middle of an edit."""
    output.tool_started("edit", path=path)
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("a", encoding="utf-8") as file:
        file.write("def half_a_")
    os.kill(os.getpid(), signal.SIGKILL)


def leave_orphan(seconds: float) -> int:
    """Start a process of a session of its own, with nothing of ours open; return its id."""
    import subprocess

    code = f"import time; time.sleep({seconds})"
    nothing = subprocess.DEVNULL
    return subprocess.Popen(
        [sys.executable, "-SE", "-c", code],
        stdin=nothing,
        stdout=nothing,
        stderr=nothing,
        start_new_session=True,
    ).pid


def escape(task: str) -> str:
    """Write into the main checkout of a linked worktree, else beside the directory."""
    link, outside = Path(".git"), Path.cwd().parent
    if link.is_file():
        directory = Path(link.read_text("utf-8").removeprefix("gitdir:").strip())
        outside = directory.parents[2]
    target = outside / "escaped-by-standin.txt"
    with target.open("a", encoding="utf-8") as file:
        file.write(f"{task}\n")
    return str(target)


def leave_markers(path: str) -> None:
    with Path(path).open("a", encoding="utf-8") as file:
        file.write("<<<<<<< ours\n# one\n=======\n# two\n>>>>>>> theirs\n")


def break_tests(path: str) -> None:
    """Make the module fail when it is imported, or add a test that fails."""
    if path.endswith(".py"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{BROKEN}\n")
        return
    BROKEN_TEST.parent.mkdir(exist_ok=True)
    BROKEN_TEST.write_text("def test_broken() -> None:\n    assert False\n", "utf-8")


def edit_shared(path: str, task: str) -> None:
    """Add a line where everybody adds one."""
    target = Path(path)
    lines = target.read_text("utf-8").splitlines() if target.exists() else ["# Changes", ""]
    target.write_text("\n".join([*lines[:2], f"- {task}", *lines[2:]]) + "\n", "utf-8")


def commit(task: str) -> None:
    """Commit everything, as agents do that were not asked to."""
    import subprocess

    identity = ("-c", "user.name=Stand-in", "-c", "user.email=standin@localhost")
    for words in (("add", "--all"), (*identity, "commit", "--quiet", "--message", task)):
        subprocess.run(["git", *words], check=False, capture_output=True)


def _refused(output: Output, text: str) -> int:
    sys.stderr.write(f"standin: {text}\n")
    output.result(text, is_error=True)
    return 1
