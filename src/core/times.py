"""Seconds since the epoch, as people read them."""

from __future__ import annotations

import math
from datetime import datetime, tzinfo


def local(at: float) -> datetime:
    """The moment on the wall clock of this machine, without a zone, as all files have it."""
    return datetime.fromtimestamp(at)  # noqa: DTZ006


def roughly(seconds: float) -> str:
    """A length of time in one or two units: ``40 s``, ``42 min``, ``2 h 5 min``, ``9 d 3 h``.

    It is rounded up, so that nobody comes too early; less than nothing is ``0 s``.
    """
    if not seconds > 0:
        return "0 s"
    whole = math.ceil(min(seconds, 1e12))
    if whole < 60:
        return f"{whole} s"
    minutes = -(-whole // 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours + (minutes > 0), 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def countdown(at: float, now: float, zone: tzinfo | None = None) -> str:
    """A moment and how far away it is: ``15:04 (in 42 min)``.

    The day stands there too if it is not today.  Without a ``zone`` the wall
    clock is that of this machine.
    """
    moment, today = datetime.fromtimestamp(at, zone), datetime.fromtimestamp(now, zone).date()
    clock = f"{moment:%H:%M}" if moment.date() == today else f"{moment:%Y-%m-%d %H:%M}"
    return f"{clock} (in {roughly(at - now)})" if at > now else f"{clock} (now)"
