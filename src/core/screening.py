"""A look at an instruction's text before it is handed to an agent.

It catches templates that send an agent out of the project by mistake.  It is no
barrier against an agent that wants to leave.
"""

from __future__ import annotations

import re
from typing import Final

REFUSAL: Final = "Инструкция отклонена из соображений безопасности"
"""The message of a refused instruction."""

_LONGEST_RUN: Final = 150

# Addresses on the network are no paths on this machine; file:// is.
_URL: Final = re.compile(r"\b(?:https?|wss?|ftps?|sftp|ssh|git)://[^\s<>\"'`|;]+", re.IGNORECASE)
_PATHS: Final = re.compile(
    r"(?<![\w/])[B-Z]:[/\\]"
    r"|D:[/\\]Space[/\\][A-Za-z]"
    r"|C:[/\\](?:Windows|Program Files)[/\\]"
    r"|/(?:home|Users)/[^/\s]+/"
    r"|/(?:etc|var|usr)/"
)


def reason_to_refuse(text: str) -> str | None:
    """Why the text must not be sent to an agent, or None if it may be.

    Refused are absolute paths on Windows drives, paths under home and system
    directories, and runs of more than 150 characters with a slash in them.
    """
    text = _URL.sub(" ", text)
    if match := _PATHS.search(text):
        return f"names a place outside the project: {match[0]}"
    if any(len(run) > _LONGEST_RUN and "/" in run for run in text.split()):
        return f"holds a path of more than {_LONGEST_RUN} characters"
    return None
