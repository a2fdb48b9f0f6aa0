"""Several runs of the same program as one."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import pytest

from codeagent.ab.combine import combined
from codeagent.ab.compare import Change, compare
from codeagent.ab.criteria import Row, Verdict, row
from codeagent.ab.results import load, save
from codeagent.core.stats import Interval

from .test_results import CEILING, call, full, ratio_row, results, timed


def runs(*estimates: float) -> list[Row]:
    return [ratio_row(estimate) for estimate in estimates]


def test_the_estimate_is_the_mean_and_the_error_what_one_more_run_may_be_off() -> None:
    one = combined([results(each) for each in runs(1.0, 1.1, 1.21)]).rows[0]
    assert one.estimate == pytest.approx(1.1)
    # Student's t for 2 degrees of freedom is 4.303, the deviation is that of the logarithms.
    assert one.error == pytest.approx(4.303 * math.log(1.1) * math.sqrt(4 / 3), rel=1e-3)
    assert (one.low, one.high, one.n) == (1.0 / 1.02, 1.21 * 1.02, 240)
    assert one.reason == "3 runs: 1, 1.1, 1.21"


def test_the_verdict_is_the_worst() -> None:
    found = combined([results(each) for each in runs(1.0, 0.95, 1.0)])
    assert found.rows[0].verdict is found.verdict is Verdict.HOLD


def test_a_run_like_the_others_is_no_regression_and_a_tenth_less_is() -> None:
    chance, wrong, told = random.Random(3), 0, 0
    for _ in range(300):
        near = [ratio_row(5 * math.exp(chance.gauss(0, 0.01)), width=0.005) for _ in range(5)]
        before = combined([results(each) for each in near[:4]])
        wrong += compare(before, results(near[4])).exit_code
        told += compare(
            before, results(replace(near[4], estimate=near[4].estimate * 0.9))
        ).exit_code
    assert wrong == 0
    assert told > 285


def test_runs_that_differ_much_tell_little() -> None:
    before = combined([results(each) for each in runs(5.0, 6.0, 5.5)])
    assert compare(before, results(ratio_row(4.5))).rows[0].change is Change.UNCLEAR


def test_what_not_every_run_has_measured_stays() -> None:
    limit = row(CEILING, Interval(0.012, 0.011, 0.018), n=400)
    none = replace(ratio_row(name="nothing"), estimate=math.nan)
    found = combined([results(ratio_row(), limit, none), results(ratio_row(), none)])
    assert [one.name for one in found.rows] == ["speed", limit.name, "nothing"]
    assert [one.error for one in found.rows] == [0.0, None, None]
    assert found.rows[1].estimate == 0.012


def test_absolute_values_keep_their_references_and_err_as_their_shares_do() -> None:
    rows = [timed(0.010, 0.005), timed(0.040, 0.020)]
    found = combined([results(one) for one in rows]).rows[0]
    assert found.estimate == pytest.approx(0.02)
    assert found.baseline == pytest.approx(0.01)
    assert found.error == pytest.approx(0)
    found = combined([results(rows[0]), results(replace(rows[1], baseline=None))]).rows[0]
    assert found.baseline is None
    assert found.error
    assert found.error > 1  # of the values themselves


def test_runs_that_do_not_belong_together_are_refused() -> None:
    one = results(ratio_row())
    for other, message in (
        (replace(one, machine={"node": "elsewhere"}), "different machines"),
        (replace(one, version="9"), "different versions"),
    ):
        with pytest.raises(ValueError, match=message):
            combined([one, other])
    with pytest.raises(ValueError, match="two or more"):
        combined([one])


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for file in files:
        save(full(), file)
    place = tmp_path / "baseline.json"
    assert call("combine", *files, "-o", place) == 0
    assert "2 runs: 0.14, 0.14" in capsys.readouterr().out
    assert not load(place).benchmarks
    assert call("compare", place, files[0]) == 0
    assert call("combine", files[0], "-o", place) == 2
    assert "two or more" in capsys.readouterr().err
    assert call("combine", *files, "-o", tmp_path) == 2
    assert "-o FILE" in capsys.readouterr().err
