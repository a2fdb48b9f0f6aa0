"""Concurrency on asyncio. Twin: ``sync_runtime``.

Functions that start work take the function and its arguments, never a running
call.  No operation has a time-out of its own: deadlines come from scopes.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar, overload

from .async_files import (
    AppendFile,
    Threads,
    append,
    finished,
    open_append,
    read_bytes,
    run_blocking,
    use_threads,
    write_atomic,
)
from .async_locks import Channel, Event, Lock, Semaphore, StateLock
from .async_process import ByteStream, Process, open_process
from .async_signals import Signals
from .async_tasks import CancelScope, Task, TaskGroup, map_concurrently, timeout
from .async_watch import FileWatcher, Watch
from .loops import choose_loop
from .network import NetworkOptions
from .shared import ChannelClosed, Fifo, Prioritised, TaskCancelled, outcome

if TYPE_CHECKING:
    from .async_http import HTTPSession as HTTPSession  # noqa: PLC0414 - for type checkers

__all__ = [
    "PATH",
    "AppendFile",
    "ByteStream",
    "CancelScope",
    "Cancelled",
    "Channel",
    "ChannelClosed",
    "Event",
    "Fifo",
    "FileWatcher",
    "Future",
    "Lock",
    "NetworkOptions",
    "Prioritised",
    "Process",
    "Result",
    "Semaphore",
    "Signals",
    "StateLock",
    "Task",
    "TaskCancelled",
    "TaskGroup",
    "Watch",
    "append",
    "call",
    "checkpoint",
    "from_any_thread",
    "loop_name",
    "map_concurrently",
    "open_append",
    "open_client",
    "open_process",
    "read_bytes",
    "run",
    "run_blocking",
    "shielded",
    "sleep",
    "timeout",
    "wait_for_future",
    "write_atomic",
]

T = TypeVar("T")
R = TypeVar("R")
P = ParamSpec("P")

PATH: Literal["async", "sync"] = "async"
Result = Coroutine[Any, Any, T]
Cancelled = asyncio.CancelledError


def run(
    main: Callable[..., Coroutine[Any, Any, R]],
    *args: Any,
    loop: str = "auto",
    debug: bool = False,
    io_threads: int = 8,
    watched: Callable[[asyncio.AbstractEventLoop], None] | None = None,
) -> R:
    """Run ``main`` to its end on an event loop of its own and return its result.

    ``loop`` names the loop (see `choose_loop`), ``io_threads`` limits how many
    blocking calls run side by side, ``watched`` is told of the loop.
    """
    runner = asyncio.Runner(loop_factory=choose_loop(loop).factory, debug=debug or None)
    turns = runner.get_loop()
    with contextlib.closing(Threads(turns, io_threads)) as threads, runner:
        use_threads(turns, threads)
        if watched is not None:
            watched(turns)
        return runner.run(main(*args))


def open_client(options: NetworkOptions) -> HTTPSession:
    """An HTTP client, to be used as a block; see `network`.

    Raises `OSError` if the file of certificates cannot be read.
    """
    from .async_http import HTTPSession  # takes 0.2 s, which only those pay who need it

    return HTTPSession(options)


def loop_name() -> str:
    """What the calling code runs on: the module of its event loop."""
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]


async def sleep(delay: float) -> None:
    """Wait for ``delay`` seconds."""
    await asyncio.sleep(delay)


async def checkpoint() -> None:
    """Let others run, and end here if the scope has ended."""
    await asyncio.sleep(0)


async def shielded(fn: Callable[P, Coroutine[Any, Any, R]], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run ``fn`` to its end even if the caller is cancelled meanwhile.

    The caller hears of that afterwards; an error of ``fn`` goes first.
    """
    return await finished(asyncio.ensure_future(fn(*args, **kwargs)))


@overload
async def call(fn: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs) -> R: ...


@overload
async def call(fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R: ...


async def call(fn: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> Any:
    """Call ``fn``, which may or may not have to be waited for."""
    result = fn(*args, **kwargs)
    return await result if inspect.isawaitable(result) else result


def from_any_thread(fn: Callable[P, R]) -> Callable[P, R]:
    """``fn``, to be called from whichever thread.

    It runs on the loop that this is called on; other threads wait for the result.
    """
    loop, home = asyncio.get_running_loop(), threading.get_ident()

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if threading.get_ident() == home:
            return fn(*args, **kwargs)
        result: Future[R] = Future()

        def work() -> None:
            try:
                result.set_result(fn(*args, **kwargs))
            except BaseException as error:
                result.set_exception(error)

        loop.call_soon_threadsafe(work)
        return result.result()

    return call


async def wait_for_future(future: Future[T]) -> T:
    """Wait for what another thread promised. Cancelling the wait leaves the work alone.

    Raises the error of the work, or `TaskCancelled`.
    """
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()

    def finish() -> None:
        if not waiter.done():
            waiter.set_result(None)

    def wake(_: Future[T]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed before the work ended
            loop.call_soon_threadsafe(finish)

    future.add_done_callback(wake)
    await waiter
    return outcome(future, Cancelled)
