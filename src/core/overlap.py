"""Do two tasks touch the same files?

A claim is a path below the project, with ``/`` between its parts.  A directory
claims all that lies beneath it.  ``*``, ``?`` and ``[...]`` stand for
characters of one part, as in :mod:`fnmatch`, and ``**`` for any number of
parts; a pattern of a single part, such as ``*.md``, is meant at any depth.

Two claims overlap if some path may belong to both.  Where that cannot be said
they do: two patterns within one part are compared only by what they begin and
end with, braces stand for anything, and a claim with ``..`` is one on
everything.  Case does not count, for there are file systems that ignore it.
A task without claims overlaps with none: nothing is known of it.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import lru_cache
from unicodedata import normalize

from .task import Task

MOST_LEARNED = 64
"""If an attempt touched more files, their directories are claimed instead."""

_WILD = re.compile(r"[*?\[]")
_ENDING = re.compile(r"[^*?\]]*$")

Claim = tuple[str, ...]


def claims_of(task: Task) -> tuple[str, ...]:
    """What a task is expected to touch: what its item says, and what its attempts touched."""
    if not task.learned:
        return task.paths
    return (*task.paths, *condensed(task.learned))


@lru_cache(maxsize=1024)
def condensed(paths: tuple[str, ...], most: int = MOST_LEARNED) -> tuple[str, ...]:
    """At most so many claims that cover all of ``paths``."""
    found = {tuple(path.split("/")) for path in paths}
    depth = max(map(len, found), default=0)
    while len(found) > max(most, 1):
        depth -= 1
        found = {parts[:depth] for parts in found}
    return tuple(sorted("/".join(parts) for parts in found))


@lru_cache(maxsize=65536)
def parse_claim(text: str) -> Claim:
    """The parts of a claim; one on everything has none."""
    path = normalize("NFC", text.strip().replace("\\", "/")).casefold()
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        return ()
    for at, part in enumerate(parts):
        if part.count("{") != part.count("}"):
            del parts[at:]
            break
        if "{" in part:
            parts[at] = "*"
    if len(parts) == 1 and "/" not in path and is_pattern(parts[0]):
        parts.insert(0, "**")
    while parts and parts[-1] == "**":  # what a directory claims anyway
        parts.pop()
    return tuple(parts)


def is_pattern(part: str) -> bool:
    """Whether a part of a claim stands for several names."""
    return _WILD.search(part) is not None


def claims_overlap(one: Claim, other: Claim) -> bool:
    """Whether some path may belong to both."""
    states = [(0, 0)]
    for at, beside in states:  # grows on the way
        if at == len(one) or beside == len(other):
            return True
        if "**" in (one[at], other[beside]):
            following = [(at + 1, beside), (at, beside + 1)]
        elif _parts_overlap(one[at], other[beside]):
            following = [(at + 1, beside + 1)]
        else:
            continue
        states += [state for state in following if state not in states]
    return False


def tasks_overlap(one: Task, other: Task) -> bool:
    """Whether two tasks may touch the same file, as far as is known."""
    return any(
        claims_overlap(parse_claim(some), parse_claim(text))
        for some in claims_of(one)
        for text in claims_of(other)
    )


@lru_cache(maxsize=65536)
def _parts_overlap(one: str, other: str) -> bool:
    if not is_pattern(one):
        one, other = other, one
    if not is_pattern(one):
        return one == other
    if not is_pattern(other):
        return fnmatchcase(other, one)
    begins, ends = zip(_literal_ends(one), _literal_ends(other), strict=True)
    return _begins(*begins) and _begins(*(text[::-1] for text in ends))


def _begins(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _literal_ends(pattern: str) -> tuple[str, str]:
    """What every name that a pattern stands for begins and ends with."""
    first, last = _WILD.search(pattern), _ENDING.search(pattern)
    return pattern[: first.start()] if first else pattern, last[0] if last else ""
