"""Patterns of paths, as `gitignore(5)` has them.

``*`` and ``?`` stay within one name, ``**`` crosses directories.  A pattern
without a slash stands for a name anywhere; one with a slash begins at the top.
Whatever lies in a directory that matches, matches.  Case does not matter: there
are file systems where ``ID_RSA`` is ``id_rsa``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_PART = re.compile(r"\*\*/|\*+|\?|\[[!^]?\]?[^\]/]*\]|.", re.DOTALL)
_MEMBER = re.compile(r"(.)-(.)|(.)", re.DOTALL)


class Globs:
    """Several patterns, asked at once."""

    __slots__ = ("_one",)

    def __init__(self, patterns: Iterable[str]) -> None:
        forms = [_regex(pattern) for pattern in patterns if pattern.strip("/")]
        self._one = re.compile("|".join(forms), re.IGNORECASE | re.DOTALL) if forms else None

    def __contains__(self, path: object) -> bool:
        """Whether one of the patterns matches ``path``, whose names are separated by ``/``."""
        return self._one is not None and isinstance(path, str) and bool(self._one.match(path))


def _regex(pattern: str) -> str:
    pattern = pattern.rstrip("/")
    start = r"\A" if "/" in pattern else r"\A(?:.*/)?"
    body = "".join(map(_translated, _PART.findall(pattern.lstrip("/"))))
    return rf"{start}{body}(?:/|\Z)"


def _translated(part: str) -> str:
    match part:
        case "**/":
            return "(?:.*/)?"
        case "*":
            return "[^/]*"
        case "?":
            return "[^/]"
    if part.startswith("**"):
        return ".*"
    return _any_of(part) if len(part) > 2 else re.escape(part)


def _any_of(part: str) -> str:
    """A class of characters; a range from right to left is empty."""
    inner = part[1:-1]
    negated = inner[0] in "!^"
    body = "".join(
        re.escape(one) or (f"{re.escape(low)}-{re.escape(high)}" if low <= high else "")
        for low, high, one in _MEMBER.findall(inner[negated:])
    )
    if negated:
        return f"[^/{body}]"
    return f"[{body}]" if body else "(?!)"
