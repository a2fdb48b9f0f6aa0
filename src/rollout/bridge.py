"""Crossing between the colours: a coroutine function from threads, a blocking one from a loop.

One crossing is one operation.  What the callee raises reaches the caller as it is.
Context variables go along and come back changed.  Deadlines and cancellation go along
too: the caller waits until the callee has ended, so nothing goes on behind its back.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Generic, Protocol, TypeVar

from .crossing import Crossing, entered
from .workers import Workers

T = TypeVar("T")
LoopFactory = Callable[[], asyncio.AbstractEventLoop]


class Blocking(Protocol):
    """How the application's synchronous code waits, and how it is interrupted."""

    def wait(self, future: Future[None]) -> None:
        """Wait until ``future`` is done; raise what ends the caller's own wait."""

    def deadline(self) -> float | None:
        """When the caller has to be done, on the monotonic clock."""

    def cancellable(self, fn: Callable[[], T]) -> tuple[Callable[[], T], Callable[[], None]]:
        """``fn`` to be called in a thread, and what makes its next wait end."""


class Plain:
    """For code that knows no cancellation; it may look at `crossing.cancelled` by itself."""

    def wait(self, future: Future[None]) -> None:
        """Wait as long as it takes."""
        future.result()

    def deadline(self) -> float | None:
        """None: it has none but the crossing's."""
        return None

    def cancellable(self, fn: Callable[[], T]) -> tuple[Callable[[], T], Callable[[], None]]:
        """``fn`` itself, and nothing."""
        return fn, _nothing


def _nothing() -> None:
    pass


class Call(Generic[T]):
    """A call under way in the other colour."""

    def __init__(self, crossing: Crossing, context: contextvars.Context) -> None:
        self.ended: Future[None] = Future()
        self.context = context
        self.crossing = crossing
        self.error: BaseException | None = None
        self._value: T
        self._interrupt: Callable[[], None] = _nothing

    def interrupted_by(self, interrupt: Callable[[], None]) -> None:
        """Let `cancel` call ``interrupt``, at once if it came before."""
        self._interrupt = interrupt
        if self.crossing.cancelled.is_set():
            interrupt()

    def cancel(self) -> None:
        """Ask it to end."""
        self.crossing.cancelled.set()
        self._interrupt()

    def returned(self, value: T) -> None:
        """Keep the result."""
        self._value = value

    def outcome(self) -> T:
        """What it returned or raised, once it has ended."""
        if self.error is not None:
            try:
                raise self.error
            finally:
                self.error = None  # the traceback refers to this frame
        return self._value

    def bring_back(self) -> None:
        """Take over the context variables that the callee has set."""
        for variable, value in self.context.items():
            if variable.get(_MISSING) is not value:
                variable.set(value)


_MISSING: Any = object()


class Bridge:
    """A loop thread for callers without a loop, and worker threads for those with one.

    Both begin with the first crossing.  ``close()`` ends them; calls under way on the
    loop are cancelled.  It does not survive a fork: a child needs a bridge of its own.
    """

    def __init__(
        self, *, blocking: Blocking | None = None, loop_factory: LoopFactory | None = None
    ) -> None:
        self._blocking: Blocking = blocking or Plain()
        self._loop_factory = loop_factory
        self._workers = Workers("rollout.worker")
        self._state = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._owner = os.getpid()

    def __enter__(self) -> Bridge:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End both; waits for what is under way."""
        with self._state:
            self._closed = True
            loop, stop, thread = self._loop, self._stop, self._thread
            self._loop = None
        if loop is not None and stop is not None and thread is not None:
            loop.call_soon_threadsafe(stop.set)
            thread.join()
        self._workers.close()

    def call(
        self,
        fn: Callable[..., Coroutine[Any, Any, T]],
        *args: Any,
        within: float | None = None,
    ) -> T:
        """Run the coroutine function ``fn`` and block until it has ended.

        After ``within`` seconds, or at an earlier deadline of the caller, it is
        cancelled and TimeoutError raised.  Raises RuntimeError in a thread whose
        event loop would stand still meanwhile.
        """
        if asyncio._get_running_loop() is not None:
            raise RuntimeError("Bridge.call would block the event loop; await the function instead")
        call = self.start_async(fn, *args, within=within)
        try:
            self._blocking.wait(call.ended)
        except BaseException:
            call.cancel()
            call.ended.result()  # it is cancelled, and may be cleaning up
            raise
        call.bring_back()
        return call.outcome()

    async def acall(self, fn: Callable[..., T], *args: Any, within: float | None = None) -> T:
        """Run the blocking function ``fn`` in a thread and wait for it.

        When the caller is cancelled, or ``within`` seconds are over, ``fn`` is
        interrupted as far as the application's `Blocking` can, and waited for.
        """
        call = self.start_sync(fn, *args, within=within)
        loop = asyncio.get_running_loop()
        ended = loop.create_future()

        def tell(_: Future[None]) -> None:
            try:
                loop.call_soon_threadsafe(_settle, ended)
            except RuntimeError:  # the loop was closed without waiting for its tasks
                call.cancel()

        call.ended.add_done_callback(tell)
        try:
            async with asyncio.timeout(call.crossing.remaining()):
                await _wait(ended)
        except BaseException:
            call.cancel()
            await _wait_stubbornly(ended)
            raise
        call.bring_back()
        return call.outcome()

    def start_async(
        self,
        fn: Callable[..., Coroutine[Any, Any, T]],
        *args: Any,
        within: float | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
        detached: bool = False,
    ) -> Call[T]:
        """Start ``fn`` on ``loop`` (else the bridge's own) without waiting for it.

        A ``detached`` call has no deadline but its own.
        """
        crossing = Crossing.of(within, None if detached else self._blocking.deadline(), detached)
        call: Call[T] = Call(crossing, contextvars.copy_context())
        home = loop or self._portal()
        tasks: list[asyncio.Task[None]] = []

        async def run() -> None:
            try:
                with entered(crossing):
                    async with asyncio.timeout(crossing.remaining()):
                        call.returned(await fn(*args))
            except BaseException as error:
                call.error = error

        def begin() -> None:
            task = home.create_task(run(), context=call.context)
            tasks.append(task)
            task.add_done_callback(end)
            if crossing.cancelled.is_set():
                task.cancel()

        def end(task: asyncio.Task[None]) -> None:
            if task.cancelled():  # before its first step
                call.error = asyncio.CancelledError()
            call.ended.set_result(None)

        def interrupt() -> None:
            home.call_soon_threadsafe(lambda: tasks[0].cancel() if tasks else None)

        call.interrupted_by(interrupt)
        if loop is not None:
            loop.call_soon_threadsafe(begin)
            return call
        with self._state:  # what is begun before `close` stops the loop, it cancels
            self._check()
            home.call_soon_threadsafe(begin)
        return call

    def start_sync(
        self,
        fn: Callable[..., T],
        *args: Any,
        within: float | None = None,
        detached: bool = False,
    ) -> Call[T]:
        """Start ``fn`` in a thread without waiting for it; ``detached`` as for `start_async`."""
        self._check()
        crossing = Crossing.of(within, None, detached)
        call: Call[T] = Call(crossing, contextvars.copy_context())
        work, interrupt = self._blocking.cancellable(lambda: fn(*args))
        call.interrupted_by(interrupt)

        def run() -> None:
            try:
                with entered(crossing):
                    call.returned(work())
            except BaseException as error:
                call.error = error
            call.ended.set_result(None)

        self._workers.submit(lambda: call.context.run(run))
        return call

    def defer(self, fn: Callable[[], object]) -> None:
        """Run ``fn`` in a worker thread, for its effects; it must not raise."""
        self._check()
        self._workers.submit(fn)

    @property
    def usable(self) -> bool:
        """Whether it is open, and this process's own."""
        return not self._closed and os.getpid() == self._owner

    def _check(self) -> None:
        if self._closed:
            raise RuntimeError("the bridge is closed")
        if os.getpid() != self._owner:
            raise RuntimeError("the bridge was made before a fork; make a new one in the child")

    def _portal(self) -> asyncio.AbstractEventLoop:
        self._check()
        loop = self._loop
        if loop is not None:
            return loop
        with self._state:
            if self._loop is None:
                started: Future[asyncio.AbstractEventLoop] = Future()
                self._thread = threading.Thread(
                    target=self._run_loop, args=(started,), name="rollout.portal", daemon=True
                )
                self._thread.start()
                self._loop = started.result()
            return self._loop

    def _run_loop(self, started: Future[asyncio.AbstractEventLoop]) -> None:
        async def serve() -> None:
            self._stop = asyncio.Event()
            started.set_result(asyncio.get_running_loop())
            await self._stop.wait()

        with asyncio.Runner(loop_factory=self._loop_factory) as runner:
            runner.run(serve())


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def _wait(future: asyncio.Future[None]) -> None:
    """Wait without cancelling ``future`` when the wait is cancelled."""
    await asyncio.wait([future])


async def _wait_stubbornly(future: asyncio.Future[None]) -> None:
    """Wait for the end of what was already asked to end, whoever else asks meanwhile."""
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:
            continue
