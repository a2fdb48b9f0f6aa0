"""The gate's own work: what it measures, writes, compares, and how it ends."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from benchmarks.gate import __main__ as gate
from benchmarks.gate.limits import Latency
from benchmarks.gate.start import Dispatch, FirstAgent
from benchmarks.gate.trial import Bench, Found, Point, Trial, Watch
from benchmarks.http.network import slow_network
from codeagent.ab.criteria import EXIT_CODES, Criterion, Kind, Verdict, row
from codeagent.ab.measure import MeasureError
from codeagent.ab.results import load, newest
from codeagent.ab.sides import Side, operation
from codeagent.core.stats import Interval
from codeagent.routing.gate import home
from tests.http2.servers import Missing


@dataclass(frozen=True)
class Fixed:
    """A measurement that always finds the same."""

    name: str
    found: float
    margin: float = 10
    quick: bool = True
    gating: bool = True

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        return (
            Criterion(name=self.name, kind=Kind.CEILING, margin=self.margin, gating=self.gating),
        )

    def measure(self, bench: Bench, watch: Watch) -> Found:
        if self.found < 0:
            raise MeasureError("there is no such server; install it")
        return Found([row(self.criteria[0], Interval(self.found, self.found, self.found), n=1)])


class Run:
    """The gate with other measurements."""

    def __init__(self, place: Path, patch: pytest.MonkeyPatch) -> None:
        self.place, self._patch = place, patch

    def __call__(self, *arguments: str, of: Sequence[object]) -> int:
        self._patch.setattr(gate, "MEASUREMENTS", tuple(of))
        places = ["--results", str(self.place), "--baseline", str(self.place / "stored" / "b.json")]
        return gate.main([*places, *arguments])


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Run(tmp_path, monkeypatch)


def test_the_exit_code_is_the_verdicts(run: Run) -> None:
    assert run(of=[Fixed("a", 1), Fixed("b", 2)]) == 0
    assert run(of=[Fixed("a", 1), Fixed("b", 20)]) == 1
    assert run(of=[Fixed("a", 1), Fixed("b", 20, gating=False)]) == 0


def test_what_cannot_be_measured_holds_and_says_why(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(of=[Fixed("a", 1), Fixed("b", -1)]) == 3
    assert "there is no such server; install it" in capsys.readouterr().out


def test_results_and_report_are_written_and_the_newest_of_this_version_is_found(run: Run) -> None:
    assert run(of=[Fixed("a b", 1)]) == 0
    (file,) = run.place.glob("*.json")
    assert file.with_suffix(".html").read_text("utf-8").startswith("<!")
    assert "a b" in file.with_suffix(".md").read_text("utf-8")
    results = load(file)
    assert results.machine["cpu_count"]
    assert results.commit["id"]
    assert newest([run.place], results.version) == (file, results)
    (left,) = home().glob("*.json")
    assert load(left) == results
    (only,) = results.rows
    assert shlex.split(only.repeat) == ["python", "-m", "benchmarks.gate", "--only", "a b"]


@pytest.mark.parametrize("work", ["writes", "reads", "scans"])
def test_a_latency_is_measured_in_turn_with_a_reference(run: Run, work: str) -> None:
    given = (("entries", 3),) if work == "scans" else (("size", 10), ("at_once", 2))
    run("--quick", of=[Latency(name=work, work=work, arguments=given)])
    (file,) = run.place.glob("*.json")
    results = load(file)
    (found,) = results.rows
    assert found.share == found.estimate / (found.baseline or 0)
    assert [(one.name, len(one.data)) for one in results.benchmarks] == [
        ("async", 400),
        ("plain", 400),
    ]


def test_a_start_and_the_dispatch_have_references(run: Run) -> None:
    run("--quick", of=[FirstAgent(path="async"), Dispatch(rounds=10)])
    (file,) = run.place.glob("*.json")
    shares = {one.name: one.share for one in load(file).rows}
    assert [name for name, share in shares.items() if not share] == [
        "dispatch: memory of a pending task"
    ]


def test_a_partial_run_decides_nothing_for_others(run: Run) -> None:
    measurements = [Fixed("a", 1), Fixed("slow", 99, quick=False)]
    assert run("--only", "a", of=measurements) == 0
    assert run("--quick", of=measurements) == 0
    written = [load(file) for file in run.place.glob("*.json")]
    assert [one.name for results in written for one in results.rows] == ["a"] * len(written)
    assert newest([run.place], written[0].version) is None
    assert not home().exists()


def test_what_has_become_worse_than_the_baseline_fails_the_gate(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--store", of=[Fixed("a", 1), Fixed("b", 1)]) == 0
    assert run(of=[Fixed("a", 1), Fixed("b", 1.01)]) == 0
    assert run(of=[Fixed("a", 1), Fixed("b", 5)]) == 1
    assert "Regressions: 1" in capsys.readouterr().out
    assert run(of=[Fixed("a", 1)]) == 1  # not measured any more
    assert run("--only", "a", of=[Fixed("a", 1), Fixed("b", 1)]) == 0


def test_what_a_quick_run_cannot_tell_has_not_become_worse(run: Run) -> None:
    assert run("--store", of=[Fixed("a", 1)]) == 0
    untold, worse = [Fixed("a", -1)], [Fixed("a", 5)]
    assert (run("--quick", of=untold), run("--quick", of=worse), run(of=untold)) == (3, 1, 1)


def test_a_baseline_that_is_none_is_wrong_usage(run: Run) -> None:
    (run.place / "stored").mkdir()
    (run.place / "stored" / "b.json").write_text("[]", "utf-8")
    assert run(of=[Fixed("a", 1)]) == 2


def test_criteria_are_listed_and_unknown_ones_refused(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--list", of=[Fixed("a", 1), Fixed("b", 1)]) == 0
    assert capsys.readouterr().out == "a\nb\n"
    assert run("--only", "c", of=[Fixed("a", 1)]) == 2


def test_a_trial_gives_row_measurements_and_a_point_of_its_series(run: Run) -> None:
    def sides(_bench: Bench) -> tuple[Side, Side, Side]:
        one, two, three = (operation(name, lambda: sum(range(2000))) for name in "abc")
        return one, two, three

    def trial(name: str, at_once: int) -> Trial:
        point = Point(title="Throughput", x=at_once, unit="1/s", per=at_once)
        speed = Criterion(name=name, kind=Kind.SUPERIORITY, margin=0.4)
        return Trial(criterion=speed, sides=sides, unit_time=0.0005, point=point)

    assert run("--quick", of=[trial("one", 1), trial("ten", 10)]) == 1
    (file,) = run.place.glob("*.json")
    results = load(file)
    assert [row.verdict for row in results.rows] == [Verdict.REJECT] * 2
    assert {one.name for one in results.benchmarks} == {"a", "b"}
    (series,) = results.series
    assert [[x for x, _ in line.points] for line in series.lines] == [[1, 10], [1, 10]]


def test_every_criterion_has_a_name_of_its_own_and_says_what_it_asks() -> None:
    criteria = [criterion for one in gate.MEASUREMENTS for criterion in one.criteria]
    names = [criterion.name for criterion in criteria]
    assert len(set(names)) == len(names)
    assert all(criterion.note for criterion in criteria if not criterion.gating)
    assert any(one.quick for one in gate.MEASUREMENTS)


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize(
    "trial",
    [one for one in gate.MEASUREMENTS if isinstance(one, Trial)],
    ids=lambda one: one.criterion.name,
)
def test_every_trial_has_a_plan_that_fits(trial: Trial, quick: bool) -> None:
    assert trial.plan(quick=quick).criterion is trial.criterion


@pytest.mark.parametrize(
    ("error", "code"), [(KeyboardInterrupt, gate.INTERRUPTED), (FileExistsError, gate.FAILED)]
)
@pytest.mark.parametrize("before", [[Fixed("a", 1)], []], ids=["later", "at once"])
def test_what_ends_early_is_kept_and_is_not_complete(
    run: Run, error: type[BaseException], code: int, before: list[Fixed]
) -> None:
    class Ending(Fixed):
        def measure(self, bench: Bench, watch: Watch) -> Found:
            raise error

    assert run("--store", of=[*before, Ending("b", 1), Fixed("c", 1)]) == code
    (file,) = run.place.glob("*.json")
    results = load(file)
    assert [one.name for one in results.rows] == [one.name for one in before]
    assert not results.complete
    assert not list(run.place.glob("stored/*"))


def test_a_server_that_is_missing_is_missing_for_every_measurement(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @dataclass(frozen=True)
    class Asking(Fixed):
        def measure(self, bench: Bench, watch: Watch) -> Found:
            return Fixed(bench.place.url(), 1).measure(bench, watch)

    def lacking(*_: object) -> NoReturn:
        raise Missing("there is no nginx; install it")

    monkeypatch.setattr("benchmarks.http.place.thinking", lacking)
    monkeypatch.setattr("benchmarks.http.place.slow_network", lacking)
    assert run(of=[Asking("a", 1), Asking("b", 1), Fixed("c", 1)]) == EXIT_CODES[Verdict.HOLD]
    (file,) = run.place.glob("*.json")
    reasons = ["there is no nginx; install it"] * 2
    assert [one.reason for one in load(file).rows if one.verdict is Verdict.HOLD] == reasons
    assert reasons[0] in capsys.readouterr().out


@pytest.mark.skipif(not Path("/dev/net/tun").exists(), reason="needs /dev/net/tun")
def test_a_network_that_cannot_be_made_is_missing_and_says_what_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, does in (("cc", "exit 0"), ("ip", "echo not permitted >&2; exit 1")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n", "utf-8")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(Missing, match=r"ip netns add .*: not permitted"), slow_network(tmp_path):
        pass
