"""The door through which operations go: it picks the path, crosses if need be, and observes."""

from __future__ import annotations

import asyncio
import functools
import operator
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Generic, ParamSpec, TypeVar

from .bridge import Bridge
from .capability import Capability
from .observation import Beside, Observation
from .plan import Decision
from .router import current, in_force
from .shadow import Candidate, Outcome, Shadow
from .stages import Colour, Operation, Route, Stage, route

T = TypeVar("T")
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Pair(Generic[P, T]):
    """An operation in both colours.

    Beside the authoritative path a read runs the other one; anything else runs
    ``rehearse_sync`` or ``rehearse_async``, which must leave no trace, afterwards,
    and nothing if there is none.  ``compare`` gets both results later, in another
    thread: where the caller may change its own by then, ``snapshot`` takes what is
    to be compared beforehand.
    """

    capability: Capability
    sync: Callable[P, T]
    asynchronous: Callable[P, Coroutine[Any, Any, T]]
    compare: Callable[[Any, Any], bool] = operator.eq
    snapshot: Callable[[T], Any] | None = None
    rehearse_sync: Callable[P, Any] | None = None
    rehearse_async: Callable[P, Coroutine[Any, Any, Any]] | None = None

    def rehearsal(self, colour: Colour) -> Callable[P, Any] | None:
        """What takes the place of the operation itself."""
        return self.rehearse_sync if colour is Colour.SYNC else self.rehearse_async

    def beside(self, colour: Colour) -> Callable[P, Any] | None:
        """What may run beside the other colour."""
        rehearsal = self.rehearsal(colour)
        if rehearsal is not None or self.capability.operation is Operation.WRITE:
            return rehearsal
        return self.sync if colour is Colour.SYNC else self.asynchronous


class Switch:
    """Runs pairs for callers of either colour.

    ``observe`` gets the record of every operation, from any thread; it must be
    quick and must not raise.
    """

    def __init__(
        self, bridge: Bridge, shadow: Shadow, observe: Callable[[Observation], None]
    ) -> None:
        self._bridge = bridge
        self._shadow = shadow
        self._observe = observe

    def call(self, pair: Pair[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """For synchronous callers; raises what the authoritative path raises.

        Where the bridge cannot be crossed, the synchronous path answers.
        """
        run = _Run(pair, args, kwargs, self._shadow, self._observe, None, self._no_crossing())
        try:
            if run.route.authoritative is Colour.SYNC:
                value = pair.sync(*args, **kwargs)
            else:
                work = functools.partial(pair.asynchronous, *args, **kwargs)
                value = self._bridge.call(work)
        except BaseException as error:
            run.end(error=error, asked=not isinstance(error, asyncio.CancelledError))
            raise
        run.end(value)
        return value

    def _no_crossing(self) -> str:
        """Why a synchronous caller cannot cross; such an operation takes its own path."""
        if asyncio._get_running_loop() is not None:
            return "called from an event loop"
        return "" if self._bridge.usable else "the bridge is closed"

    async def acall(self, pair: Pair[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """For asynchronous callers; raises what the authoritative path raises."""
        loop = asyncio.get_running_loop()
        run = _Run(pair, args, kwargs, self._shadow, self._observe, loop)
        try:
            if run.route.authoritative is Colour.ASYNC:
                value = await pair.asynchronous(*args, **kwargs)
            else:
                value = await self._bridge.acall(functools.partial(pair.sync, *args, **kwargs))
        except BaseException as error:
            task = asyncio.current_task()
            run.end(error=error, asked=task is not None and task.cancelling() > 0)
            raise
        run.end(value)
        return value


class _Run:
    """One operation on its way through the switch."""

    def __init__(
        self,
        pair: Pair[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        shadow: Shadow,
        observe: Callable[[Observation], None],
        loop: asyncio.AbstractEventLoop | None,
        stuck: str = "",
    ) -> None:
        self._pair = pair
        self._shadow = shadow
        self._observe = observe
        self._loop = loop
        self.decision: Decision = in_force(pair.capability.name)
        if stuck:
            self.decision = self.decision.lowered(Stage.OFF, "error", stuck)
        self.route: Route = route(self.decision.stage, pair.capability.operation)
        self._beside: Callable[[], Any] | None = None
        self._started: Candidate | Beside = Beside.NONE
        other = self.route.shadow
        self._rehearsed = other is not None and pair.rehearsal(other) is not None
        fn = None if other is None else pair.beside(other)
        if other is not None and fn is not None:
            self._beside = functools.partial(fn, *args, **kwargs)
            if pair.capability.operation is Operation.READ:
                self._started = shadow.start(other, self._beside, loop)
        self._began = time.perf_counter()

    def end(
        self, value: Any = None, error: BaseException | None = None, asked: bool = True
    ) -> None:
        seconds = time.perf_counter() - self._began
        pair, colour = self._pair, self.route.authoritative
        assignment = current()
        seen = Observation(
            pair.capability.name,
            pair.capability.operation,
            colour,
            self.decision,
            "" if assignment is None else assignment.subject.task,
            "" if assignment is None else assignment.plan_id,
            {colour: seconds},
            {} if error is None or _asked(error, asked) else {colour: type(error).__name__},
            rehearsed=self._rehearsed,
            cancelled=isinstance(error, asyncio.CancelledError) and not asked,
        )
        started = self._started
        other = self.route.shadow
        if self._beside is not None and error is None and started is Beside.NONE and other:
            started = self._shadow.start(other, self._beside, self._loop)
        if isinstance(started, Beside):
            self._observe(seen if started is Beside.NONE else replace(seen, shadow=started))
            return
        snapshot = pair.snapshot
        compare = pair.compare
        if error is None and snapshot is not None:
            try:
                value = snapshot(value)
            except Exception as trouble:  # an unusable snapshot must not cost the answer
                compare = functools.partial(_raise, trouble)
            else:
                compare = functools.partial(_snapshots, pair.compare, snapshot)
        outcome = Outcome(seconds, value, error)
        self._shadow.finish(started, outcome, seen, compare, self._observe)


def _asked(error: BaseException, asked: bool) -> bool:
    """Whether the operation was ended on request, which is no fault of the path."""
    return asked and not isinstance(error, Exception)


def _snapshots(
    compare: Callable[[Any, Any], bool], snapshot: Callable[[Any], Any], first: Any, second: Any
) -> bool:
    return compare(first, snapshot(second))


def _raise(error: Exception, first: Any, second: Any) -> bool:
    raise error
