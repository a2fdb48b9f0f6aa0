"""What can go wrong with the state."""

from __future__ import annotations


class StoreError(Exception):
    """The state cannot be read or written; the message says what to do."""


class StoreClosed(StoreError):
    """The store was closed and takes nothing more."""


class UnknownTask(StoreError):
    """No task has this id."""
