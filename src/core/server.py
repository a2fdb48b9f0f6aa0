"""What is remembered of the server from one run to the next."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerState:
    """The last start and stop, in seconds since the epoch, and how the last run ended.

    ``iterations`` counts over all runs.  ``clean`` is false from a start until
    the stop that belongs to it; before the first start there is nothing to
    clean up.
    """

    session_id: str | None = None
    last_start: float | None = None
    last_stop: float | None = None
    iterations: int = 0
    clean: bool = True
