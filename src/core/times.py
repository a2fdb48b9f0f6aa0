"""Seconds since the epoch, as people read them."""

from __future__ import annotations

from datetime import datetime


def local(at: float) -> datetime:
    """The moment on the wall clock of this machine, without a zone, as all files have it."""
    return datetime.fromtimestamp(at)  # noqa: DTZ006
