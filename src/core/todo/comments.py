"""What the server writes behind an item, and how it is read again."""

from __future__ import annotations

import re
from datetime import datetime

_COUNTED = re.compile(r"Выполнено успешно \(([0-9]{1,9})/([0-9]{1,9}) инструкций?\)")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]")


def done_comment(completed: int, total: int) -> str:
    """The comment of a task of which ``completed`` of ``total`` instructions ran."""
    return f"Выполнено успешно ({completed}/{total} инструкций)"


def parse_done_comment(comment: str | None) -> tuple[int, int] | None:
    """``(completed, total)`` of a comment made by :func:`done_comment`, else ``None``."""
    found = _COUNTED.search(comment or "")
    return (int(found[1]), int(found[2])) if found else None


def stamped(comment: str, now: datetime) -> str:
    """``comment`` with the time at which it was written, to the second."""
    return f"{comment} - {now:%Y-%m-%d %H:%M:%S}"


def one_line(comment: str) -> str:
    """``comment`` without control characters, every run of white space one blank."""
    return " ".join(_CONTROLS.sub(" ", comment).split())
