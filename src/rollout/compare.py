"""Whether two results mean the same, though their bytes may differ."""

from __future__ import annotations

import json
import re
from typing import Any

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")


def normalised_text(text: str | bytes) -> str:
    """Output without what depends on the terminal and the system.

    Escape sequences (ECMA-48), white space at the ends of lines and the kind of
    line end go, and the empty lines at the end.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    lines = _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(line.rstrip() for line in lines).rstrip("\n")


def same_text(first: str | bytes, second: str | bytes) -> bool:
    """Whether two outputs are alike once normalised."""
    return normalised_text(first) == normalised_text(second)


def canonical_json(value: str | bytes | Any) -> str:
    """JSON with its names in order and no spaces; raises ValueError for what is no JSON."""
    if isinstance(value, str | bytes):
        value = json.loads(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def same_json(first: Any, second: Any) -> bool:
    """Whether two request bodies say the same; what is no JSON must be equal as it is."""
    try:
        return canonical_json(first) == canonical_json(second)
    except (TypeError, ValueError):
        return bool(first == second)
