"""Which event loop the asynchronous path runs on."""

from __future__ import annotations

import asyncio
import importlib
import os
from collections.abc import Callable
from typing import NamedTuple

_NAMES = ("auto", "uvloop", "winloop", "asyncio")


class LoopChoice(NamedTuple):
    """A loop's name, the way to make one, and why it was taken."""

    name: str
    factory: Callable[[], asyncio.AbstractEventLoop]
    reason: str


def choose_loop(wanted: str = "auto") -> LoopChoice:
    """The loop for ``wanted``: ``auto``, ``uvloop``, ``winloop`` or ``asyncio``.

    ``auto`` takes the fast loop of the platform where it is installed and
    asyncio's own otherwise.  Raises `LookupError` if a loop that was asked for
    by name cannot be used.
    """
    if wanted not in _NAMES:
        raise LookupError(
            f"there is no event loop {wanted!r}: set async.loop to one of {', '.join(_NAMES)}"
        )
    fast = "winloop" if os.name == "nt" else "uvloop"
    if wanted == "asyncio":
        return LoopChoice("asyncio", asyncio.new_event_loop, "asked for")
    name = fast if wanted == "auto" else wanted
    try:
        factory = importlib.import_module(name).new_event_loop
    except ImportError as error:
        if wanted == "auto":
            return LoopChoice("asyncio", asyncio.new_event_loop, f"{name} is not installed")
        raise LookupError(
            f"the event loop {wanted!r} is not installed: install it or set async.loop to auto"
        ) from error
    return LoopChoice(name, factory, "asked for" if wanted == name else "the fast loop here")
