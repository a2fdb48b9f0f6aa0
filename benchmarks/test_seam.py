"""The seam's own operations, each beside the plain call where there is one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codeagent._runtime import files

from . import measure
from .sides import Side

SIZES = {"1 KB": 1 << 10, "64 KB": 1 << 16, "1 MB": 1 << 20}


@pytest.mark.parametrize("operation", ["start_tasks", "hand_over", "take_lock", "contend"])
def test_operation(benchmark: Any, side: Side, operation: str, row: Callable[..., None]) -> None:
    """A thousand times each."""
    count = 1000
    work = getattr(side.seam, operation)
    benchmark.group = operation
    benchmark.pedantic(side.run, (work, count), rounds=15, warmup_rounds=2)
    each = benchmark.stats.stats.min / count * 1e6
    row(f"{operation.replace('_', ' ')}, {side.path}", f"{each:.1f} us")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("operation", ["read", "write_atomic", "append"])
def test_whole_files(
    side: Side, operation: str, size: str, tmp_path: Path, row: Callable[..., None]
) -> None:
    """The peer is the same function called without the seam."""
    place, data = tmp_path / "file", b"x" * SIZES[size]
    place.write_bytes(data)
    rounds, count = {"read": (30, 50), "write_atomic": (20, 5), "append": (20, 10)}[operation]
    given = () if operation == "read" else (data,)
    work = getattr(side.seam, operation)
    plain = getattr(files, "read_bytes" if operation == "read" else operation)

    def alone() -> None:
        for _ in range(count):
            plain(place, *given)
        if operation == "append":
            place.write_bytes(b"")

    def through_the_seam() -> None:
        side.run(work, place, *given, count)
        if operation == "append":
            place.write_bytes(b"")

    ratio = measure.paired(through_the_seam, alone, rounds=rounds)
    best, other = ratio.best / count * 1e6, ratio.peer / count * 1e6
    name = f"{operation.replace('_', ' ')} {size}, {side.path}"
    row(name, f"{best:.0f} us (plain {other:.0f} us, {ratio})")
