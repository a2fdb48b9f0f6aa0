"""What ``codeagent doctor`` tells: one line each."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """What was looked at, what was found, what mends it if it is bad, what can be done if not."""

    subject: str
    found: str
    mend: str = ""
    note: str = ""
