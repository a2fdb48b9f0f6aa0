"""What the commands about tasks share: reading them, and knowing which one is meant."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from ..api.note import Note
from ..core.overview import Row, TaskView, find, overview
from ..store.overview import Overview
from . import common
from .place import Place

_MOST_NAMED = 5


def read(place: Place, server: Note | None) -> list[TaskView]:
    """All tasks in the order of their need.  Raises `StoreError`."""
    with Overview(place.database) as stored:
        last = stored.last_seen()
        for task_id, at in last.items():
            last[task_id] = max(at, _last_output(place.logs / "agents" / task_id))
        return overview(
            stored.tasks(),
            stored.attempts(),
            stored.steps(),
            stored.landings(),
            last,
            now=time.time(),
            served=server is not None,
            max_attempts=place.max_attempts,
        )


def pick(tasks: Sequence[Row], wanted: str) -> Row | None:
    """The one task that is meant; None once it is told why there is none."""
    found = find(tasks, wanted)
    if len(found) == 1:
        return found[0]
    if not found:
        common.complain(f"there is no task {wanted!r}: codeagent ls shows what there is")
        return None
    named = "".join(f"\n  {row['id']}  {row['text']}" for row in found[:_MOST_NAMED])
    more = f"\n  and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    common.complain(f"{wanted!r} fits {len(found)} tasks, name one of them:{named}{more}")
    return None


def _last_output(directory: Path) -> float:
    """When an agent last said something: its raw output goes to disk at once."""
    try:
        return max((file.stat().st_mtime for file in directory.iterdir()), default=0.0)
    except OSError:
        return 0.0
