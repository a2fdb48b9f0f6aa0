"""Telling a process from a later one with the same id."""

from __future__ import annotations

import functools
from pathlib import Path


def identity(pid: int) -> str:
    """What tells a process from a later one with the same id ("" if unknown).

    Linux: the boot id and the start time in clock ticks, proc(5) field 22.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        boot = _boot_id()
    except OSError:
        return ""
    fields = stat[stat.rindex(b")") + 2 :].split()
    return f"{boot}:{fields[19].decode('ascii')}"


@functools.cache
def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
