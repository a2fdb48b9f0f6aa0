"""Durable state: tasks, attempts, steps, events, and the server's own.

:class:`Store` is the interface, :func:`open_store` the engine that needs
nothing installed.  The errors of the state machine are raised through it, so
they are named here too.
"""

from __future__ import annotations

from importlib import import_module

from .errors import StoreClosed, StoreError, UnknownTask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.task import Fenced, InvalidTransition
    from .interface import LeftProcess, Place, Recovery, Store
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

# Loaded when first asked for: a command that only shows the state has no use for
# the engine, and would be half as fast.
_ROOMS = {
    "..core.task": ("Fenced", "InvalidTransition"),
    ".interface": ("LeftProcess", "Place", "Recovery", "Store"),
    ".sqlite": ("SqliteStore", "open_store"),
    ".values": ("AttemptRow", "LandingRow", "WorkspaceRow"),
}


def __getattr__(name: str) -> object:
    for room, names in _ROOMS.items():
        if name in names:
            value: object = getattr(import_module(room, __name__), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
