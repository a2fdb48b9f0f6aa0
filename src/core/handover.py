"""What one server leaves to the next in the same process, and when it makes room for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .task import Task
from .totals import Standing

if TYPE_CHECKING:
    from .dispatch import Dispatch
    from .llm.memory import LLMMemory


YIELDED = 0.0
"""When a task wants to be tried again that was put back: before all others."""


class Yielded(Exception):
    """The attempt was put back between two instructions, to go on in another server."""


@dataclass(slots=True)
class Memory:
    """What is known while a process works on a list and stands in no file.

    ``servers`` counts those that have worked with it; ``yielded`` has, by task, the
    instruction behind which its attempt made room; ``idle``, ``drained``, ``restarting``
    and ``escaped`` are what was told, what was asked for, and what was found.  The rest
    belongs to the parts of the server that fill it.
    """

    servers: int = 0
    reason: str = ""
    idle: bool = False
    drained: bool = False
    restarting: bool = False
    escaped: bool = False
    yielded: dict[str, int] = field(default_factory=dict)
    dispatch: Dispatch | None = None
    iterations: int = 0
    standing: Standing = field(default_factory=Standing)
    logs: dict[str, Path] = field(default_factory=dict)
    llm: LLMMemory | None = None
    similar: dict[tuple[str, str], bool] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    left_out: set[str] = field(default_factory=set)
    postponed: dict[str, float] = field(default_factory=dict)
    times_postponed: dict[str, int] = field(default_factory=dict)


class Baton:
    """Whether a server has been asked to hand its tasks over, and why."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.reason = ""

    def request(self, reason: str) -> None:
        """Have every attempt end at its next boundary."""
        self.reason = self._memory.reason = reason

    def boundary(self, task: Task) -> None:
        """Behind an instruction, with all that follows on it: raise `Yielded` if it was asked for."""
        if self.reason:
            self._memory.yielded[task.id] = task.last_completed
            raise Yielded(self.reason)

    def was_yielded(self, task: Task) -> bool:
        """Whether all that belongs to the last completed instruction was done when its
        attempt made room; told once."""
        return self._memory.yielded.pop(task.id, None) == task.last_completed
