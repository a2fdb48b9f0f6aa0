"""What code on the far side of a bridge may know: its deadline, and whether it was cancelled."""

from __future__ import annotations

import contextlib
import contextvars
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, eq=False)
class Crossing:
    """One call from one colour to the other. ``deadline`` is on the monotonic clock."""

    deadline: float | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def of(cls, within: float | None, caller: float | None, detached: bool) -> Crossing:
        """With the nearest of a time-out, the caller's deadline and, unless detached, that around."""
        around = None if detached else current()
        ends = [
            None if within is None else time.monotonic() + within,
            caller,
            None if around is None else around.deadline,
        ]
        return cls(min((end for end in ends if end is not None), default=None))

    def remaining(self) -> float | None:
        """Seconds left, perhaps less than 0; None without a deadline."""
        return None if self.deadline is None else self.deadline - time.monotonic()


_current: contextvars.ContextVar[Crossing | None] = contextvars.ContextVar(
    "rollout_crossing", default=None
)


def current() -> Crossing | None:
    """The crossing that the caller is on the far side of."""
    return _current.get()


def cancelled() -> bool:
    """Whether the near side has asked for the end, for code that can stop in the middle."""
    crossing = _current.get()
    return crossing is not None and crossing.cancelled.is_set()


@contextlib.contextmanager
def entered(crossing: Crossing) -> Iterator[None]:
    """Make it the current one for the block."""
    token = _current.set(crossing)
    try:
        yield
    finally:
        _current.reset(token)
