"""Running the other path beside the one that answers.

The answer waits for nothing here and cannot fail because of it: the candidate runs
in a task or thread of its own, the comparison in another, and every error ends in
the observation.  When too many candidates run already, the next is left out.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from .bridge import Bridge, Call
from .evidence import Evidence
from .observation import Beside, Observation
from .stages import Colour

T = TypeVar("T")
_GRACE = 1.0  # seconds for a candidate to end once it was told to


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What a path returned or raised, and how long it took in seconds."""

    seconds: float
    value: T | None = None
    error: BaseException | None = None


class Candidate:
    """A path that runs beside the other."""

    def __init__(self, colour: Colour, call: Call[Outcome[Any]], began: float) -> None:
        self.colour = colour
        self.call = call
        self.began = began


class Shadow:
    """Starts candidates, waits for them elsewhere, and compares.

    ``limit`` is how many may run at a time, ``share`` the part of the operations
    that get one (0 to 1), ``timeout`` how long one may take, in seconds.
    """

    def __init__(
        self,
        bridge: Bridge,
        *,
        limit: int = 4,
        share: float = 1.0,
        timeout: float = 30.0,
        evidence: Evidence | None = None,
        seed: int | None = None,
    ) -> None:
        if limit < 1 or not 0 <= share <= 1 or timeout <= 0:
            raise ValueError("limit must be at least 1, share from 0 to 1, timeout above 0")
        self._bridge = bridge
        self._places = threading.BoundedSemaphore(limit)
        self._share = share
        self._timeout = timeout
        self._evidence = evidence
        self._chance = random.Random(seed)  # noqa: S311 - a sample, no secret
        self._pending = 0
        self._changed = threading.Condition()

    def start(
        self, colour: Colour, fn: Callable[[], Any], loop: asyncio.AbstractEventLoop | None
    ) -> Candidate | Beside:
        """Begin with ``fn`` of that colour, or tell why not. An async one runs on ``loop``."""
        if self._chance.random() >= self._share:
            return Beside.UNCHOSEN
        if not self._places.acquire(blocking=False):
            return Beside.FULL
        began = time.perf_counter()
        try:
            if colour is Colour.ASYNC:
                call = self._bridge.start_async(
                    _measured_async, fn, within=self._timeout, loop=loop, detached=True
                )
            else:
                call = self._bridge.start_sync(_measured, fn, within=self._timeout, detached=True)
        except RuntimeError:  # the bridge or the loop is closing
            self._places.release()
            return Beside.FULL
        call.ended.add_done_callback(lambda _: self._places.release())
        return Candidate(colour, call, began)

    def finish(
        self,
        candidate: Candidate,
        authoritative: Outcome[Any],
        observation: Observation,
        compare: Callable[[Any, Any], bool],
        report: Callable[[Observation], None],
    ) -> None:
        """Wait for the candidate and compare, elsewhere, and report what came of it."""
        with self._changed:
            self._pending += 1

        def work() -> None:
            try:
                report(self._judge(candidate, authoritative, observation, compare))
            finally:
                with self._changed:
                    self._pending -= 1
                    self._changed.notify_all()

        try:
            self._bridge.defer(work)
        except RuntimeError:  # the bridge is closing: nobody to compare
            candidate.call.cancel()
            with self._changed:
                self._pending -= 1
                self._changed.notify_all()

    def drain(self, seconds: float) -> bool:
        """Wait until nothing is being compared; tells whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: self._pending == 0, seconds)

    def _judge(
        self,
        candidate: Candidate,
        authoritative: Outcome[Any],
        observation: Observation,
        compare: Callable[[Any, Any], bool],
    ) -> Observation:
        error = authoritative.error
        if error is not None and not isinstance(error, Exception):
            candidate.call.cancel()
            return replace(observation, shadow=Beside.ABANDONED)
        found = self._outcome_of(candidate)
        if found is None:
            return replace(
                observation,
                shadow=Beside.TIMEOUT,
                seconds={**observation.seconds, candidate.colour: self._timeout},
                errors={**observation.errors, candidate.colour: "TimeoutError"},
            )
        seen = replace(
            observation,
            shadow=Beside.DONE if found.error is None else Beside.FAILED,
            seconds={**observation.seconds, candidate.colour: found.seconds},
        )
        if found.error is not None:
            seen = replace(
                seen,
                errors={**seen.errors, candidate.colour: type(found.error).__name__},
                cancelled=seen.cancelled or isinstance(found.error, asyncio.CancelledError),
            )
        return self._compared(seen, candidate.colour, authoritative, found, compare)

    def _outcome_of(self, candidate: Candidate) -> Outcome[Any] | None:
        """None if it is late. One that cannot be interrupted keeps its place until it ends."""
        left = candidate.began + self._timeout + _GRACE - time.perf_counter()
        try:
            candidate.call.ended.result(max(left, 0))
            return candidate.call.outcome()
        except TimeoutError:
            candidate.call.cancel()
            return None
        except BaseException as error:  # it was ended before it had begun
            return Outcome(0.0, error=error)

    def _compared(
        self,
        seen: Observation,
        colour: Colour,
        authoritative: Outcome[Any],
        found: Outcome[Any],
        compare: Callable[[Any, Any], bool],
    ) -> Observation:
        try:
            if authoritative.error is None and found.error is None:
                match = bool(compare(authoritative.value, found.value))
            else:
                match = type(authoritative.error) is type(found.error)
        except Exception as error:
            return replace(seen, trouble=f"comparing: {type(error).__name__}")
        if match or self._evidence is None:
            return replace(seen, match=match)
        sides = {colour.other: authoritative, colour: found}
        fields = {"observation": replace(seen, match=match).to_json()}
        try:
            results: dict[str, Any] = {
                side: result.value if result.error is None else result.error
                for side, result in sides.items()
            }
            name = self._evidence.keep(seen.capability, fields, results)
        except Exception as error:
            return replace(seen, match=match, trouble=f"keeping: {type(error).__name__}")
        return replace(seen, match=match, evidence=name)


def _measured(fn: Callable[[], T]) -> Outcome[T]:
    began = time.perf_counter()
    try:
        value = fn()
    except BaseException as error:
        return Outcome(time.perf_counter() - began, error=error)
    return Outcome(time.perf_counter() - began, value)


async def _measured_async(fn: Callable[[], Any]) -> Outcome[Any]:
    began = time.perf_counter()
    task = asyncio.current_task()
    try:
        value = await fn()
    except BaseException as error:
        if task is not None and task.cancelling():
            raise  # the candidate was ended from outside, and has not failed by itself
        return Outcome(time.perf_counter() - began, error=error)
    return Outcome(time.perf_counter() - began, value)
