"""Which items of a list may mean the same, and what is left once that is known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

KEYWORDS: Final = (
    "server", "api", "database", "user", "auth", "test", "doc", "file", "module", "class",
    "function", "method", "interface", "service", "cache", "config", "logging", "error",
    "exception", "validation",
)  # fmt: skip
"""Two items that hold any of these words are near, as are two that share half their words."""

_NEAR: Final = 0.5
_LARGEST_GROUP: Final = 3
_KEYWORD: Final = re.compile("|".join(KEYWORDS))


def pairs_to_ask(texts: Sequence[str]) -> list[tuple[int, int]]:
    """The pairs of indices to ask a model about, the earlier item first.

    Items are grouped greedily: each that has no group yet takes all later ones
    without a group that are near to it.  Groups of more than three are left alone:
    what they have in common says too little.
    """
    lowered = [text.lower() for text in texts]
    tagged = [_KEYWORD.search(text) is not None for text in lowered]
    words = [frozenset(text.split()) for text in lowered]
    pairs: list[tuple[int, int]] = []
    left = list(range(len(texts)))
    while left:
        head, *rest = left
        near = {i for i in rest if (tagged[head] and tagged[i]) or _share(words[head], words[i])}
        left = [i for i in rest if i not in near]
        group = [head, *sorted(near)]
        if len(group) <= _LARGEST_GROUP:
            pairs += [(a, b) for n, a in enumerate(group) for b in group[n + 1 :]]
    return pairs


def without_duplicates(count: int, same: Iterable[tuple[int, int]]) -> list[int]:
    """The indices, in order, of the ``count`` items that stay.

    An item goes if it is the same as an earlier one that stays.
    """
    earlier: dict[int, list[int]] = {}
    for first, second in same:
        earlier.setdefault(max(first, second), []).append(min(first, second))
    dropped: set[int] = set()
    for index in range(count):
        if any(other not in dropped and other != index for other in earlier.get(index, ())):
            dropped.add(index)
    return [index for index in range(count) if index not in dropped]


def _share(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether the Jaccard index of the two sets is at least a half."""
    small, large = sorted((len(one), len(other)))
    if not small or small < _NEAR * large:
        return False
    common = len(one & other)
    return common >= _NEAR * (small + large - common)
