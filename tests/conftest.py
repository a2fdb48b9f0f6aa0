"""What every test relies on: interrupts, the server's own event loop, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from codeagent._runtime.loops import choose_loop

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, LoopFactory]:
    """Run the tests on the loop that the server takes."""
    loop = choose_loop()
    return {loop.name: loop.factory}


def pytest_configure() -> None:
    """Hear interrupts, which a shell has its background jobs ignore, and their children with them."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def state_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep worktrees and results of the user's out of it, and ours out of the user's home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """Fail a test after which a child process or a thread still exists."""
    processes, threads = _children(), set(threading.enumerate())
    yield
    strays = [thread for thread in threading.enumerate() if thread not in threads]
    for thread in strays:
        thread.join(5)  # it may be at its last instruction
    running = [thread.name for thread in strays if thread.is_alive()]
    left = _children() - processes
    assert not running, f"threads left behind: {running}"
    assert not left, f"child processes left behind: {left}"


def _children() -> set[int]:
    """The children of this process, zombies too (Linux, proc(5))."""
    found: set[int] = set()
    for task in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        try:
            found.update(int(pid) for pid in task.read_text("ascii").split())
        except OSError:  # the thread has just ended
            continue
    return found
