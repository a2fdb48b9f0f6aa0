"""What an agent's output has to say about its failure, and nothing that the agent says itself."""

from __future__ import annotations

import json
import re
from typing import Any, Final

TAIL: Final = 64 * 1024
"""Characters of standard error that are looked at."""

_NEAR_THE_END: Final = 20  # lines
_LONGEST_LINE: Final = 2000
_HEAD: Final = 200  # characters
_TYPE: Final = re.compile(r'"type"\s{0,2}:\s{0,2}"([^"]{0,60})"')
_ERROR: Final = re.compile(r"error|failed|_reached|_exceeded", re.IGNORECASE)
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
        if isinstance(value, dict):
            line = _of_event(value, line)
        elif (type_ := _TYPE.search(line, 0, _HEAD)) and not _ERROR.search(type_[1]):
            return ""  # half an event
    return line[:_LONGEST_LINE].strip()


def _of_event(event: dict[str, Any], line: str) -> str:
    """What an object says that is no event, or one of an error; "" for any other event."""
    type_ = event.get("type")
    if event.get("is_error") is True:
        said = event.get("result") or event.get("error") or event.get("errors")
        return json.dumps(said, ensure_ascii=False) if said else ""
    if isinstance(type_, str) and not _ERROR.search(type_):
        return ""
    return line
