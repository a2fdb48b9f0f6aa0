"""One list out of many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .model import Document, Item


@dataclass(frozen=True, slots=True)
class ListedItem:
    """An item and the name of the file in which it stands."""

    source: str
    item: Item


def normalised(text: str) -> str:
    """``text`` with every run of white space made one blank."""
    return " ".join(text.split())


def merge(documents: Sequence[tuple[str, Document]]) -> tuple[ListedItem, ...]:
    """The items of all files in order, each text once.

    Texts that differ only in white space are the same.  The first occurrence
    stays, whether it is done or not, and the order is that of the files.
    """
    first: dict[str, ListedItem] = {}
    for source, document in documents:
        for item in document.items:
            first.setdefault(normalised(item.text), ListedItem(source, item))
    return tuple(first.values())
