"""TODO lists in Markdown, plain text and YAML: read, merged, and edited line by line."""

from __future__ import annotations

from .comments import done_comment, parse_done_comment, stamped
from .document import mark, parse
from .kinds import instruction_type
from .merge import ListedItem, merge
from .model import (
    MAX_BYTES,
    Document,
    EditRefused,
    Item,
    ItemNotFound,
    ItemState,
    Problem,
    TodoError,
    TodoFormat,
)
from .names import candidate_names, format_of

__all__ = [
    "MAX_BYTES",
    "Document",
    "EditRefused",
    "Item",
    "ItemNotFound",
    "ItemState",
    "ListedItem",
    "Problem",
    "TodoError",
    "TodoFormat",
    "candidate_names",
    "done_comment",
    "format_of",
    "instruction_type",
    "mark",
    "merge",
    "parse",
    "parse_done_comment",
    "stamped",
]
