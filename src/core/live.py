"""What a server does at one moment, as it can be told to others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .dispatch import Snapshot
from .health import Health

if TYPE_CHECKING:
    from .llm.metrics import LLMSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What only the running server knows, at ``at`` (seconds since the epoch).

    ``stopping`` says who asked it to stop; ``llm`` is None if no models are asked.
    """

    at: float
    path: str
    schedule: Snapshot = field(default_factory=Snapshot)
    stopping: str | None = None
    health: Health | None = None
    llm: LLMSnapshot | None = None
