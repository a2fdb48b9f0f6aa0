"""Words in the twin that speak of what it has not (TW401).

The scan reads the whole text: code, comments and docstrings alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .findings import Finding

_RESIDUE = re.compile(
    r"\w*(?:async|await|coroutine)\w*"
    r"|\bevent[\s-]+(?:\#\s*)?loops?\b"
    r"|\b(?:aiter|anext|aclose|aclosing|asend|athrow)\b",
    re.IGNORECASE,
)


def residue(converted: str, path: str, allowed: Sequence[str]) -> list[Finding]:
    """One finding for each line of the unformatted twin that holds such words.

    The lines of ``converted`` are those of the source.  A word is excused where it
    lies within a match of one of the ``allowed`` regular expressions.
    """
    excused = [m.span() for pattern in allowed for m in re.finditer(pattern, converted)]
    lines: dict[int, list[str]] = {}
    for match in _RESIDUE.finditer(converted):
        if not any(start <= match.start() and match.end() <= end for start, end in excused):
            line = converted.count("\n", 0, match.start()) + 1
            words = lines.setdefault(line, [])
            word = " ".join(match[0].split())
            if word not in words:
                words.append(word)
    return [
        Finding(
            path,
            line,
            "TW401",
            f"{', '.join(words)} would remain in the twin: say it without colour (task, waits, blocks),"
            " use the seam, or add a rename",
        )
        for line, words in lines.items()
    ]
