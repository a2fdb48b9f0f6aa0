"""What the machine has left."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from ..core.limits import Headroom


def read_headroom(directory: Path, *, root: Path = Path("/")) -> Headroom:
    """The memory that can still be taken, and the space for files in ``directory``.

    Memory is known on Linux: ``MemAvailable`` of proc(5), or less if a control
    group around this process allows less; what its page cache can give back
    counts as free, as the kernel's OOM killer sees it.
    """
    rooms = [*_available(root / "proc/meminfo"), *_allowed(root)]
    return Headroom(memory=max(min(rooms), 0) if rooms else None, disk=_space(directory))


def _space(directory: Path) -> int | None:
    for place in (directory, *directory.parents):
        try:
            return shutil.disk_usage(place).free
        except FileNotFoundError:  # not made yet
            continue
        except OSError:
            return None
    return None


def _available(meminfo: Path) -> Iterator[int]:
    if (kilobytes := _field(meminfo, "MemAvailable:")) is not None:
        yield kilobytes * 1024


def _allowed(root: Path) -> Iterator[int]:
    """What each control group with a limit leaves: cgroups(7), both versions."""
    mounted = root / "sys/fs/cgroup"
    for line in (_text(root / "proc/self/cgroup") or "").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        if not controllers:
            top = mounted if (mounted / "cgroup.controllers").exists() else mounted / "unified"
            names = ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            top = mounted / "memory"
        else:
            continue
        inner = top / path.lstrip("/")
        for group in (inner, *inner.parents):
            if group.is_relative_to(top):
                yield from _room(group, *names)


def _room(group: Path, limit: str, usage: str, cache: str) -> Iterator[int]:
    try:
        most = int(_text(group / limit) or "")
        used = int(_text(group / usage) or "")
    except ValueError:  # no limit, or no such group here
        return
    yield most - used + (_field(group / "memory.stat", cache) or 0)


def _field(path: Path, name: str) -> int | None:
    for line in (_text(path) or "").splitlines():
        words = line.split()
        if words[:1] == [name] and len(words) > 1 and words[1].isdecimal():
            return int(words[1])
    return None


def _text(path: Path) -> str | None:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return None
