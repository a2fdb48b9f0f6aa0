"""What the instrument is for: real workers, one of them made worse on purpose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codeagent.ab.criteria import Criterion, Kind, Verdict
from codeagent.ab.decision import Plan
from codeagent.ab.experiment import Outcome, Settings, run
from codeagent.ab.worker import Worker

ROOT = Path(__file__).parents[2]
SETTINGS = Settings(unit_time=0.001, best_of=5, warm_up=5, budget=60)
ANEW = replace(SETTINGS, fresh=True)
"""How fast a process copies or computes depends on where its memory lies, as long as it lives."""
PLAN = Plan(
    criterion=Criterion(name="speed", kind=Kind.NON_INFERIORITY, margin=0.95),
    block=4,
    gate_pairs=(48, 200),
    pairs=(80, 800),
)

pytestmark = pytest.mark.timeout(200)


def compared(scenario: str, good: dict[str, Any], contender: dict[str, Any]) -> Outcome:
    """The workers with a control, as the gate has them."""

    def worker(name: str, arguments: dict[str, Any]) -> Worker:
        return Worker(name, f"tests.ab.scenarios:{scenario}", arguments=arguments, cwd=ROOT)

    settings = SETTINGS if scenario == "exchange" else ANEW
    return run(
        PLAN,
        worker("old", good),
        worker("new", contender),
        control=worker("old again", good),
        settings=settings,
    )


@pytest.mark.parametrize(
    ("scenario", "good", "worse"),
    [
        pytest.param("waiting", {"share": 0}, {"share": 0.11}, id="a sleep of a tenth"),
        pytest.param("copying", {"copies": 0}, {"copies": 1}, id="one copy more than ten"),
        pytest.param("exchange", {"pooled": True}, {"pooled": False}, id="a lost connection pool"),
    ],
)
def test_a_side_made_worse_by_a_tenth_is_not_promoted_and_its_like_is_not_rejected(
    scenario: str, good: dict[str, Any], worse: dict[str, Any]
) -> None:
    caught = compared(scenario, good, worse)
    assert caught.verdict is not Verdict.PROMOTE, caught.reason
    if caught.looks:  # a busy machine may hide both, and then says so
        assert caught.row().estimate < 0.95
    same = compared(scenario, good, good)
    assert same.verdict is not Verdict.REJECT, same.reason
