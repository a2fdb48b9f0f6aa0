"""Both paths do the same job: generated lists and configurations, every file compared."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.installations import Place, instruction, predecessor, scripted
from tests.support.processes import Json, Result, codeagent

PATHS = ("async", "sync")
WORDS = ("Paint", "the 🚲 shed", "Проверить", "«кавычки»", "tests", "docs", "a/b", "<b>", "100 %")
PROSE = ("", "Prose.  ", "## Heading", "- a bullet", "```", "\t", "| a | b |")
PASSING = {"at", "seconds", "waited", "pid", "path", "loop", "retry_at", "project"}
"""What no two runs share."""

OWN = {"codeagent.db", "codeagent.db-wal", "codeagent.db-shm"}
"""Files that are no text. Backups are passed over too: they hold what was written last but
one, and that depends on the moment."""


def generated(base: Path, seed: int) -> Place:
    """A list and a configuration that depend on nothing but ``seed``."""
    dice = random.Random(seed)
    total = dice.randint(1, 4)
    entries: dict[str, Any] = {
        kind: [
            instruction(
                number * dice.randint(1, 3) + 10 * number,
                f"Шаг {number}",
                dice.choice(("docs/results/last_result.md", "docs/results/test_{task_id}.md")),
                dice.choice(("Готово!", "Done!")),
            )
            for number in range(1, total + 1)
        ]
        for kind in ("default", dice.choice(("test", "documentation")))
    }
    ending = dice.choice(("\n", "\r\n"))
    todo = dice.choice(("", "\ufeff")) + ending.join(_line(dice, total) for _ in range(12))
    server = {"task_delay": 0, "checkpoint": {"max_task_attempts": dice.randint(1, 2)}}
    if dice.random() < 0.5:
        return predecessor(base, todo, instructions=entries, server=server)
    return scripted(base, todo, server=server, instructions=entries["default"])


def _line(dice: random.Random, total: int) -> str:
    if dice.random() < 0.5:
        return dice.choice(PROSE)
    text = " ".join(dice.sample(WORDS, dice.randint(1, 3)))
    if dice.random() < 0.4:
        text += f" (fails at {dice.randint(1, total)})"
    comment = dice.choice(("", "", " <!-- a comment -->", " <!-- priority: 2 -->"))
    return f"{dice.choice(('', '  '))}- [{dice.choice('    xX-')}] {text}{comment}"


class Masks:
    """Replaces what no two runs share; tasks are numbered in the order of their ids."""

    def __init__(self, base: Path, result: Result) -> None:
        ids = sorted({event["task"] for event in result.events if "task" in event})
        self._ids = {name: f"task<{number}>" for number, name in enumerate(ids)}
        self._base = str(base)

    def text(self, text: str) -> str:
        text = text.replace(self._base, "<base>")
        text = re.sub(r"task_\d{9,}", lambda found: self._ids.get(found[0], "<other>"), text)
        text = re.sub(r"\d{4}-?\d\d-?\d\d[ T_]\d\d:?\d\d:?\d\d(?:[.,]\d+)?", "<time>", text)
        text = re.sub(r"(pid[ =])\d+", r"\1<pid>", text)
        text = re.sub(r"(seconds=|waited=)\d+\.\d+|\b\d+\.\d+ s\b", r"\1<seconds>", text)
        text = re.sub(r"path='?a?sync'?|loop='\w+'|\._a?sync\.", "<path>", text)
        return re.sub(r"retry_at=[\d.]+", "retry_at=<time>", text)

    def value(self, value: object) -> object:
        return self.text(value) if isinstance(value, str) else value


def files(base: Path, place: Place, masks: Masks) -> dict[str, str]:
    """Every file that a run leaves, by its masked name."""
    found = {}
    for root in {place.project, place.cwd}:
        for file in root.rglob("*"):
            if not file.is_file() or file.name in OWN or file.suffix == ".backup":
                continue
            name, text = masks.text(str(file)), masks.text(file.read_bytes().decode("utf-8"))
            if file.suffix == ".log" and file.parent.name == "logs":
                # Events of the agent and of the server's services may change places.
                lines = [line for line in text.splitlines() if "list.read" not in line]
                text = "\n".join(sorted(lines))
            found[name] = text
    return found


def told(result: Result, masks: Masks) -> tuple[list[Json], Counter[str], Json]:
    """The events: those in a fixed order, those in any, and how the list stood at last."""
    ordered: list[Json] = []
    others: Counter[str] = Counter()
    last: Json = {}
    for event in result.events:
        about = {key: masks.value(value) for key, value in event.items() if key not in PASSING}
        if event["event"] == "list.read":
            last = about
        elif event["event"].startswith(("agent.", "report.")):
            others[str(sorted(about.items()))] += 1
        else:
            ordered.append(about)
    return ordered, others, last


@pytest.mark.parametrize("seed", range(5))
def test_both_paths_leave_the_same_files_and_tell_the_same(tmp_path: Path, seed: int) -> None:
    seen = []
    for path in PATHS:
        base = tmp_path / path
        place = generated(base, seed)
        result = codeagent("run", "--path", path, "--json", cwd=place.cwd, env=place.env)
        masks = Masks(base, result)
        seen.append((files(base, place, masks), told(result, masks), result.code, result.stderr))
    (files_a, told_a, *ends_a), (files_b, told_b, *ends_b) = seen
    assert ends_a == ends_b
    assert told_a == told_b
    assert sorted(files_a) == sorted(files_b)
    for name, text in files_a.items():
        assert text == files_b[name], name


def test_what_one_path_left_the_other_goes_on_with(tmp_path: Path) -> None:
    place = generated(tmp_path, 3)
    done = [
        codeagent("run", "--path", path, "--json", cwd=place.cwd, env=place.env)
        for path in (*PATHS, *PATHS)
    ]
    assert len({result.code for result in done}) == 1
    assert done[0].named("task.started")
    for result in done[1:]:
        assert result.named("task.started") == []
