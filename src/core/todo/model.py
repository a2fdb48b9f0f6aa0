"""The values a TODO list is made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MAX_BYTES = 1_000_000
"""Longer files are not TODO lists; the caller skips them and says so."""


class TodoFormat(StrEnum):
    """How a TODO list is written."""

    MD = "md"
    TXT = "txt"
    YAML = "yaml"


class ItemState(StrEnum):
    """What became of an item: ``[ ]``, ``[x]`` or ``[-]``."""

    PENDING = "pending"
    DONE = "done"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Item:
    """One task of a list.

    ``level`` is the depth in the outline and ``line`` the 0-based line where
    the item begins.  ``id`` names the item for others, ``after`` holds the
    names of the items it waits for, and a greater ``priority`` comes first.
    ``paths`` says which files it touches, so that others keep off them.
    """

    text: str
    level: int = 0
    state: ItemState = ItemState.PENDING
    comment: str | None = None
    task_type: str | None = None
    line: int = 0
    id: str | None = None
    after: tuple[str, ...] = ()
    priority: int = 0
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a list that its author should hear of; ``line`` is 0-based."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Document:
    """A list as it was read.

    ``encoding`` is a name :func:`codecs.lookup` knows: ``utf-8``,
    ``utf-8-sig`` (with a byte order mark), ``cp1251`` or ``utf-16``, of which
    nothing is read.
    """

    items: tuple[Item, ...]
    format: TodoFormat
    encoding: str
    problems: tuple[Problem, ...] = ()


class TodoError(Exception):
    """A list could not be edited; the message says what to do."""


class ItemNotFound(TodoError):
    """No item of the list has the text that was asked for."""


class EditRefused(TodoError):
    """The item cannot be marked without touching other parts of the file."""
