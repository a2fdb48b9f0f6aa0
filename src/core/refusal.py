"""Words with which agents refuse to start, and then often exit with code 0."""

from __future__ import annotations

import re
from typing import Final

_TRUST: Final = re.compile(
    r"workspace trust required"
    r"|do you trust the (?:contents|authors|files)\b"
    r"|(?:untrusted|not (?:a |in a )?trusted) (?:workspace|folder|directory)"
    r"|(?:workspace|folder|directory) is not trusted",
    re.IGNORECASE,
)
_LONGEST: Final = 200


def refusal(line: str) -> str:
    """Why the agent will not work here, "" if ``line``, which is no event, does not say so."""
    if _TRUST.search(line) is None:
        return ""
    return f"the agent does not trust the directory: {line[:_LONGEST].strip()}"
