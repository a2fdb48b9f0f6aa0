"""What the kernel knows about a process: proc(5)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple


class Memory(NamedTuple):
    """Resident and proportional memory in MB (10^6 bytes)."""

    resident: float
    proportional: float

    def __str__(self) -> str:
        return f"{self.resident:.1f} MB (PSS {self.proportional:.1f})"


def memory(pid: int) -> Memory:
    """The memory of a process now."""
    return Memory(_field(pid, "status", "VmRSS"), _field(pid, "smaps_rollup", "Pss"))


def _field(pid: int, file: str, name: str) -> float:
    for line in Path(f"/proc/{pid}/{file}").read_text("utf-8", "replace").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise LookupError(name)


def children(pid: int, name: str) -> int:
    """How many children of a process run the program of that name."""
    found = 0
    for thread in _listed(Path(f"/proc/{pid}/task")):
        try:
            for child in (thread / "children").read_text("ascii").split():
                found += Path(f"/proc/{child}/comm").read_text("utf-8").strip() == name
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue
    return found


def _listed(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except FileNotFoundError:
        return []


def cpu_time(pid: int) -> float:
    """The CPU time, in seconds, that all living threads of a process have used."""
    try:
        total = 0
        for thread in Path(f"/proc/{pid}/task").iterdir():
            total += int((thread / "schedstat").read_text("ascii").split()[0])
        return total / 1e9
    except FileNotFoundError:  # a kernel without scheduler statistics
        return coarse_cpu_time(pid)


def coarse_cpu_time(pid: int) -> float:
    """The CPU time, in seconds, that all threads have used, those that ended too."""
    stat = Path(f"/proc/{pid}/stat").read_bytes()
    fields = stat[stat.rindex(b")") + 2 :].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
