"""Durable state: tasks, attempts, steps, events, and the server's own.

:class:`Store` is the interface, :func:`open_store` the engine that needs
nothing installed.  The errors of the state machine are raised through it, so
they are named here too.
"""

from __future__ import annotations

from ..core.task import Fenced, InvalidTransition
from .interface import (
    LeftProcess,
    Place,
    Recovery,
    Store,
    StoreClosed,
    StoreError,
    UnknownTask,
)
from .sqlite import SqliteStore, open_store
from .values import AttemptRow, LandingRow, WorkspaceRow

__all__ = [
    "AttemptRow",
    "Fenced",
    "InvalidTransition",
    "LandingRow",
    "LeftProcess",
    "Place",
    "Recovery",
    "SqliteStore",
    "Store",
    "StoreClosed",
    "StoreError",
    "UnknownTask",
    "WorkspaceRow",
    "open_store",
]
