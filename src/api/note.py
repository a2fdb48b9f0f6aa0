"""Who serves a project, and how to reach it: ``api.json`` in the state directory.

The file is there while the server runs.  What it names counts only if the
process still is the one that wrote it, for a server that was killed leaves it
behind.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from .._runtime.identity import identity

NAME = "api.json"


class Note:
    """``started`` tells the process from a later one with the same ``pid``.

    ``url`` and ``token`` are None for a server that takes no requests; then
    ``problem`` says why.  ``since`` is in seconds since the epoch.
    """

    def __init__(
        self,
        *,
        pid: int,
        started: str,
        since: float,
        path: str,
        project: str,
        url: str | None = None,
        token: str | None = None,
        problem: str | None = None,
    ) -> None:
        # No dataclass: `inspect`, which those import, takes longer than all of `codeagent ls`.
        self.pid = pid
        self.started = started
        self.since = since
        self.path = path
        self.project = project
        self.url = url
        self.token = token
        self.problem = problem

    def __repr__(self) -> str:
        return f"Note(pid={self.pid}, url={self.url!r})"


def write(directory: Path, note: Note) -> None:
    """Leave the note, for nobody but the owner to read."""
    draft = directory / f".{NAME}.{os.getpid()}"
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(vars(note), file)
    draft.replace(directory / NAME)


def remove(directory: Path) -> None:
    """Take the note away."""
    with suppress(OSError):
        (directory / NAME).unlink()


def read(directory: Path) -> Note | None:
    """The note of a server that runs; None if none does."""
    try:
        note = Note(**json.loads((directory / NAME).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return note if note.started and identity(note.pid) == note.started else None
