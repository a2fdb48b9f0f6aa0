"""The two sides of an experiment: functions, coroutine functions, commands.

An *operation* is a callable without arguments, plain or a coroutine function.  A
*scenario* is a callable that returns an operation, or a context manager (plain or
asynchronous) that gives one: there belongs what is set up once and not measured.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    ExitStack,
)
from pathlib import Path
from typing import Any, Protocol

from .measure import Clock, MeasureError, Sample, run_command

Operation = Callable[[], Any]
Scenario = Callable[..., Any]


class Side(Protocol):
    """One side: opened once, run many times, closed."""

    @property
    def name(self) -> str:
        """What it is called in results."""

    def open(self) -> None:
        """Make ready; nothing here is measured."""

    def settle(self) -> None:
        """Collect garbage, so that a run does not pay for what came before."""

    def run(self, repeats: int) -> Sample:
        """Do the operation so often, one after another, and measure all of it.

        Raises:
            MeasureError: if it cannot be done.
        """

    def close(self) -> None:
        """Give everything back; does nothing when it was not opened."""


class InProcess:
    """An operation in this process; of coroutine functions on one warm loop of its own.

    Coroutines are timed inside the loop, so that its start and end do not count.
    An operation may return a `Sample` of its own, as when the time that a server
    thought is to be left out; such samples are added up and replace the clock's.

    Args:
        name: what it is called in results.
        scenario: gives the operation.
        arguments: keyword arguments of the scenario.
        loop_factory: the event loop; asyncio's own by default.
        clock: where time comes from.
    """

    def __init__(
        self,
        name: str,
        scenario: Scenario,
        *,
        arguments: Mapping[str, Any] | None = None,
        loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.name = name
        self._scenario = scenario
        self._arguments = dict(arguments or {})
        self._loop_factory = loop_factory
        self._clock = clock or Clock()
        self._stack: ExitStack | None = None
        self._run: Callable[[int], Sample] | None = None
        self._frozen = False

    def open(self) -> None:
        stack = ExitStack()
        try:
            self._run = self._set_up(stack)
        except BaseException:
            stack.close()
            raise
        self._stack = stack

    def _set_up(self, stack: ExitStack) -> Callable[[int], Sample]:
        runner: asyncio.Runner | None = None
        given = self._scenario(**self._arguments)
        if isinstance(given, AbstractAsyncContextManager):
            runner = self._warm_loop(stack)
            inner = AsyncExitStack()
            stack.callback(lambda: runner.run(inner.aclose()))
            given = runner.run(inner.enter_async_context(given))
        elif isinstance(given, AbstractContextManager):
            given = stack.enter_context(given)
        if not callable(given):
            raise MeasureError(
                f"{self.name}: the scenario gave {type(given).__name__}, not an operation; "
                "return a callable without arguments, or a context manager that gives one"
            )
        if not _is_coroutine_function(given):
            return lambda repeats: self._called(given, repeats)
        warm = runner or self._warm_loop(stack)
        return lambda repeats: warm.run(self._awaited(given, repeats))

    def _warm_loop(self, stack: ExitStack) -> asyncio.Runner:
        return stack.enter_context(asyncio.Runner(loop_factory=self._loop_factory))

    def settle(self) -> None:
        gc.collect()
        if not self._frozen:  # what is there by now stays: later collections pass it over
            gc.freeze()
            self._frozen = True

    def run(self, repeats: int) -> Sample:
        if self._run is None:
            raise MeasureError(f"{self.name} is not open")
        return self._run(repeats)

    def _called(self, operation: Operation, repeats: int) -> Sample:
        results: list[Any] = []
        cpu, wall = self._clock.cpu(), self._clock.wall()
        for _ in range(repeats):
            if (result := operation()) is not None:
                results.append(result)
        return self._measured(wall, cpu, results)

    async def _awaited(self, operation: Callable[[], Awaitable[Any]], repeats: int) -> Sample:
        results: list[Any] = []
        cpu, wall = self._clock.cpu(), self._clock.wall()
        for _ in range(repeats):
            if (result := await operation()) is not None:
                results.append(result)
        return self._measured(wall, cpu, results)

    def _measured(self, wall: float, cpu: float, results: Sequence[Any]) -> Sample:
        wall, cpu = self._clock.wall() - wall, self._clock.cpu() - cpu
        for result in results:
            if inspect.iscoroutine(result):
                result.close()
                raise MeasureError(
                    f"{self.name}: the operation gave a coroutine that nobody awaits; "
                    "give a coroutine function instead"
                )
        own = [result for result in results if isinstance(result, Sample)]
        if own:
            return Sample(sum(one.wall for one in own), sum(one.cpu for one in own))
        return Sample(wall, cpu)

    def close(self) -> None:
        stack, self._stack, self._run = self._stack, None, None
        if stack is not None:
            stack.close()
        if self._frozen:
            gc.unfreeze()
            self._frozen = False


def _is_coroutine_function(work: Operation) -> bool:
    call = getattr(work, "__call__", None)  # noqa: B004 - of an object that is no function
    return inspect.iscoroutinefunction(work) or inspect.iscoroutinefunction(call)


def operation(name: str, work: Operation, *, clock: Clock | None = None) -> InProcess:
    """A side of one function or coroutine function that needs nothing set up."""
    return InProcess(name, lambda: work, clock=clock)


class Command:
    """A command, in a fresh process for each run; peak memory is that of the largest run."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 600.0,
    ) -> None:
        self.name = name
        self._command = list(command)
        self._cwd = cwd
        self._env = env
        self._timeout = timeout

    def open(self) -> None:
        pass

    def settle(self) -> None:
        pass

    def run(self, repeats: int) -> Sample:
        runs = [
            run_command(self._command, cwd=self._cwd, env=self._env, timeout=self._timeout)
            for _ in range(repeats)
        ]
        return Sample(
            sum(one.wall for one in runs),
            sum(one.cpu for one in runs),
            max(one.peak_rss or 0 for one in runs),
        )

    def close(self) -> None:
        pass
