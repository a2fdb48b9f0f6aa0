"""A port that somebody else has: who it is, and asking it to make room."""

from __future__ import annotations

import http.client
import json
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .listener import LOOPBACK

_TIMEOUT = 2.0
_LARGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Occupant:
    """A server that speaks as the predecessor did, and the project that it works on."""

    project: Path


def occupant_of(port: int) -> Occupant | None:
    """Whoever answers at the port as a Code Agent would; None for anything else."""
    try:
        found = json.loads(_ask(port, "GET", "/"))
    except (OSError, http.client.HTTPException, ValueError):
        return None
    if not isinstance(found, dict) or not {"session_id", "statistics"} <= found.keys():
        return None
    return Occupant(Path(str(found.get("project_dir", ""))))


def ask_to_stop(port: int, patience: float) -> bool:
    """Ask a Code Agent to stop; whether the port is free within ``patience`` seconds."""
    with suppress(OSError, http.client.HTTPException):  # it may be in a hurry
        _ask(port, "POST", "/stop")
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if not _is_open(port):
            return True
        time.sleep(0.1)
    return False


def _ask(port: int, method: str, path: str) -> bytes:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=_TIMEOUT)
    try:
        connection.request(method, path)
        return connection.getresponse().read(_LARGEST)
    finally:
        connection.close()


def _is_open(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), _TIMEOUT).close()
    except OSError:
        return False
    return True
