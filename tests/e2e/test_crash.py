"""A server that is killed (SIGKILL) at any moment, and started again.

No completed instruction runs again, at most the one in flight does, no task is
lost or marked twice, and the list, the checkpoint and the store are whole.

``CODEAGENT_CRASHES`` in the environment sets how many moments are tried on each
path (6 by default; the full test takes 200 and about four minutes a path).
``CODEAGENT_CRASH_SEED`` chooses other moments.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from pathlib import Path

import pytest

from tests.support.crashes import Story, after_events, after_seconds
from tests.support.installations import Place, instruction, predecessor, scripted
from tests.support.processes import codeagent

MOMENTS = int(os.environ.get("CODEAGENT_CRASHES", "6"))
SEED = int(os.environ.get("CODEAGENT_CRASH_SEED", "1"))

TODO = "# Дела\n\n- [ ] Первое\n\nProse.  \n- [ ] Second\n- [-] Struck out\n- [ ] Третье\n~~~\n~~~"


def modern_place(base: Path) -> Place:
    entries = [
        instruction(number, f"Step {number}", "docs/results/last_result.md", "Done!")
        for number in (1, 2)
    ]
    return scripted(base, TODO, instructions=entries)


def predecessor_place(base: Path) -> Place:
    """Its second instruction is the commit, before which the line is ticked."""
    entries = [
        instruction(1, "Work", "docs/results/last_result.md", "Готово!"),
        instruction(8, "Commit", "docs/results/last_result.md", "Коммит выполнен!"),
    ]
    return predecessor(base, TODO, instructions={"default": entries})


KINDS = {
    "modern": (modern_place, "checkpoint.json"),
    "predecessor": (predecessor_place, ".codeagent_checkpoint.json"),
}


@pytest.mark.timeout(60 + 6 * MOMENTS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_server_goes_on_where_it_was(tmp_path: Path, path: str, kind: str) -> None:
    make, checkpoint = KINDS[kind]
    began = time.monotonic()
    whole = codeagent(
        "run", "--path", path, "--json", cwd=(place := make(tmp_path / "0")).cwd, env=place.env
    )
    lasts = time.monotonic() - began
    assert whole.code == 0
    moments = random.Random(f"{SEED} {path} {kind}")
    kills = lists = 0
    while kills < -(-MOMENTS // len(KINDS)):
        lists += 1
        base = tmp_path / str(lists)
        story = Story(make(base), path, checkpoint)
        for _ in range(moments.randint(1, 3)):
            if moments.random() < 0.5:
                moment = after_events(moments.randint(1, len(whole.events)))
            else:
                moment = after_seconds(moments.uniform(0.2, 1.0) * lasts)
            if not story.killed(moment):
                break
        story.ended()
        kills += story.kills
        shutil.rmtree(base)
