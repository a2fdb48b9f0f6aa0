"""Two runs against each other."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codeagent.ab import report
from codeagent.ab.compare import Change, compare
from codeagent.ab.criteria import Kind, Row, row
from codeagent.ab.results import save
from codeagent.core.stats import Interval

from .test_results import CEILING, call, full, ratio_row, results, timed


def changed(before: Row, after: Row) -> Change:
    return compare(results(before), results(after)).rows[0].change


def test_a_row_is_judged_by_its_interval_and_the_tolerance() -> None:
    assert changed(ratio_row(1.2), ratio_row(1.1)) is Change.WORSE
    assert changed(ratio_row(1.1), ratio_row(1.2)) is Change.BETTER
    assert changed(ratio_row(1.1), ratio_row(1.09)) is Change.SAME
    assert changed(ratio_row(1.2, width=0.2), ratio_row(1.1, width=0.1)) is Change.UNCLEAR
    cost: dict[str, Any] = {"kind": Kind.NON_INFERIORITY, "margin": 1.1}
    assert changed(ratio_row(0.9, **cost), ratio_row(1.0, **cost)) is Change.WORSE
    assert changed(ratio_row(1.0, **cost), ratio_row(0.9, **cost)) is Change.BETTER


def test_a_criterion_that_is_lost_is_a_regression() -> None:
    found = compare(results(ratio_row(1.0)), results(ratio_row(0.96)))
    assert found.exit_code == 1
    assert found.rows[0].reason == "promote before, hold now"
    gone = compare(results(ratio_row(1.0)), results())
    assert [one.change for one in gone.regressions] == [Change.MISSING]
    assert compare(results(), results(ratio_row(0.5))).exit_code == 0


def test_a_brief_run_that_cannot_tell_a_criterion_has_not_lost_it() -> None:
    def change(before: float, after: float, width: float = 0.02) -> Change:
        runs = results(ratio_row(before)), results(ratio_row(after, width=width))
        return compare(*runs, brief=True).rows[0].change

    assert change(1.0, 0.96, width=0.1) is Change.UNCLEAR
    assert change(1.0, 0.96) is Change.WORSE  # by as much as both intervals tell
    assert change(1.0, 0.5) is Change.WORSE  # rejected now


def test_a_row_that_does_not_gate_never_fails() -> None:
    found = compare(results(ratio_row(1.2, gating=False)), results(ratio_row(0.9, gating=False)))
    assert found.rows[0].change is Change.WORSE
    assert found.exit_code == 0


def test_absolute_values_are_compared_on_one_machine_only() -> None:
    fast, slow = (row(CEILING, Interval(v, v * 0.99, v * 1.01), n=400) for v in (0.01, 0.03))
    assert changed(fast, slow) is Change.WORSE
    other = replace(results(slow), machine={"node": "elsewhere"})
    found = compare(results(fast), other)
    assert found.rows[0].change is Change.OTHER_MACHINE
    assert "different machines" in report.comparison(found)


def test_absolute_values_with_references_are_compared_by_their_shares_of_them() -> None:
    quiet, busy, worse = timed(0.010, 0.008), timed(0.020, 0.016), timed(0.020, 0.012)
    assert changed(quiet, busy) is Change.SAME
    assert changed(quiet, worse) is Change.WORSE
    assert changed(quiet, timed(0.010, 0.006)) is Change.WORSE  # less load hides nothing
    assert changed(quiet, replace(busy, baseline=None)) is Change.WORSE  # it has none
    told = compare(results(quiet), results(worse)).rows[0].reason
    assert told == "0.01 before, 0.02 now; of its reference 1.25 before, 1.67 now"
    assert busy.error == pytest.approx(math.log(1.01 / 0.99) / 2 * math.sqrt(2))
    assert ratio_row(1.2).share is None


def test_what_is_slower_on_another_machine_is_told_and_is_no_regression() -> None:
    other = replace(results(ratio_row(1.1)), machine={"node": "elsewhere"})
    found = compare(results(ratio_row(1.2)), other)
    assert found.rows[0].change is Change.WORSE
    assert found.rows[0].reason.endswith("on another machine")
    assert found.exit_code == 0
    lost = replace(results(ratio_row(0.96)), machine={"node": "elsewhere"})
    assert compare(results(ratio_row(1.0)), lost).exit_code == 1


def test_runs_are_compared_by_what_is_known_and_not_by_what_had_to_be_decided() -> None:
    fast, slow = (
        replace(ratio_row(value), low=value / 2, high=value * 2, error=0.02) for value in (5, 4.5)
    )
    assert changed(fast, slow) is Change.WORSE
    assert changed(replace(fast, error=0.2), slow) is Change.UNCLEAR


def test_the_command_compares_two_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    better, worse = tmp_path / "better.json", tmp_path / "worse.json"
    save(results(ratio_row(1.2), benchmarks=full().benchmarks), better)
    save(results(ratio_row(1.1), benchmarks=full().benchmarks), worse)
    assert call("compare", better, worse) == 1
    assert "1.2 before, 1.1 now" in capsys.readouterr().out
    assert call("compare", worse, better) == 0
    assert call("compare", better, worse, "--tolerance", "0.2") == 0
    assert "read[sync]" in capsys.readouterr().out
