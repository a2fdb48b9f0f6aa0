"""What an agent's output has to say about its failure, and nothing that the agent says itself."""

from __future__ import annotations

import json
import re
from typing import Any, Final

TAIL: Final = 64 * 1024
"""Characters of standard error that are looked at."""

_NEAR_THE_END: Final = 20  # lines
_LONGEST_LINE: Final = 2000
_PREFIX: Final = re.compile(r"\s{0,8}(?:stdout|stderr):\s?", re.IGNORECASE)


def error_lines(stderr: str) -> list[str]:
    """The lines of standard error that are the program's own.

    Cursor repeats its events there: of those only errors count.  A first line
    that was cut off may be the rest of such an event, and goes.
    """
    lines = stderr[-TAIL:].splitlines()
    if len(stderr.encode("utf-8", "replace")) >= TAIL:
        del lines[:1]
    return [text for line in lines if (text := _own(line))]


def near_the_end(lines: list[str]) -> str:
    """The last of ``lines``: what a program says before it ends is why."""
    return "\n".join(lines[-_NEAR_THE_END:])


def _own(line: str) -> str:
    line = line.strip()
    if prefix := _PREFIX.match(line):
        line = line[prefix.end() :]
    if line.startswith("{"):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict) and "type" in value:
            line = _of_event(value)
        elif value is None and '"type"' in line[:80]:
            return ""  # half an event
    return line[:_LONGEST_LINE].strip()


def _of_event(event: dict[str, Any]) -> str:
    """What an event says that reports an error, "" for any other."""
    if event.get("type") == "error" or event.get("is_error") is True:
        for key in ("message", "error", "result", "text"):
            value = event.get(key)
            if isinstance(value, dict):
                return json.dumps(value, ensure_ascii=False)
            if isinstance(value, str) and value:
                return " ".join(value.split())
    return ""
