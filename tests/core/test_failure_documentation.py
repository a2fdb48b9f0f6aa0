from __future__ import annotations

import re
from pathlib import Path

import pytest

from codeagent.core.failure import FailureKind
from codeagent.core.recovery import DEFAULTS

DOCS = Path(__file__).parents[2] / "docs"


def default(kind: FailureKind) -> str:
    steps = [step if times == 1 else f"{step} {times}" for step, times in DEFAULTS[kind]]
    return ", ".join([*steps, "person"])


@pytest.mark.parametrize(
    ("document", "row"),
    [
        ("failures.md", r"^\| `(\w+)` \|[^|\n]*\|[^|\n]*\| ([^|\n]+) \|$"),
        ("configuration.md", r"^\| `recovery\.(\w+)` \| steps \| ([^|\n]+) \| \|"),
    ],
)
def test_the_documented_defaults_are_the_defaults(document: str, row: str) -> None:
    text = (DOCS / document).read_text(encoding="utf-8")
    rows = dict(re.findall(row, text, re.MULTILINE))
    assert rows == {kind.value: default(kind) for kind in FailureKind}
