"""Results as files, as pages, against each other, and on the command line."""

from __future__ import annotations

import argparse
import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from codeagent.ab import report
from codeagent.ab.criteria import Criterion, Kind, Row, Verdict, row
from codeagent.ab.decision import Plan
from codeagent.ab.experiment import Settings, run
from codeagent.ab.quantities import quantity
from codeagent.ab.results import (
    Benchmark,
    Line,
    Results,
    ResultsError,
    Series,
    benchmarks_of,
    commit_info,
    load,
    machine_info,
    newest,
    save,
    stats,
    to_json,
    versions,
)
from codeagent.cli import ab
from codeagent.core.stats import Interval

from .test_experiment import Machine, sides

AT = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)


def ratio_row(
    estimate: float = 1.0, *, name: str = "speed", width: float = 0.02, **more: Any
) -> Row:
    given: dict[str, Any] = {"kind": Kind.NON_INFERIORITY, "margin": 0.95, **more}
    interval = Interval(estimate, estimate / (1 + width), estimate * (1 + width))
    return row(Criterion(name=name, **given), interval, n=80, baseline=0.01, contender=0.0101)


CEILING = Criterion(name="p99 of <reads> | writes", kind=Kind.CEILING, margin=0.1, unit="s")


def results(*rows: Row, **more: Any) -> Results:
    return Results(at=AT, rows=rows, machine={"node": "here", "cpu_count": 2}, **more)


def timed(value: float, plain: float, width: float = 0.01) -> Row:
    """A row of an absolute value with a reference."""
    found, reference = (Interval(v, v * (1 - width), v * (1 + width)) for v in (value, plain))
    return row(CEILING, found, n=400, reference=reference)


def full() -> Results:
    lines = [
        Line(name=side, points=[(1, Interval(5e7, 4e7, 6e7)), (100, Interval(9e7, 0, math.inf))])
        for side in ("sync", "async")
    ]
    return results(
        ratio_row(),
        ratio_row(0.14, name="far away", gating=False, note="as expected"),
        ratio_row(0.6, name="latency", kind=Kind.SUPERIORITY, margin=0.8),
        row(CEILING, Interval(0.012, 0.011, 0.018), n=400),
        row(replace(CEILING, name="never"), Interval(math.nan, -math.inf, math.inf), n=0),
        benchmarks=[
            Benchmark(group="read", name="sync", data=[0.001, 0.002, 0.004]),
            Benchmark(group="read", name="async", data=[0.001, 0.3, 0.002]),
            Benchmark(group="once & for all", name="sync", data=[0.5]),
        ],
        series=[Series(title="Peak memory", x="tasks at once", unit="B", lines=lines)],
        commit={"id": "0123456789abcdef", "dirty": True},
        versions={"httpx": "0.28.1"},
    )


def test_results_survive_their_file(tmp_path: Path) -> None:
    file = tmp_path / "new" / "results.json"
    save(full(), file)
    loaded = load(file)
    assert [one.name for one in file.parent.iterdir()] == ["results.json"]
    assert to_json(loaded) == to_json(full())
    assert loaded.benchmarks[1].key == "read[async]"
    assert loaded.series[0].lines[0].points[1][1].high == math.inf


def test_the_file_has_the_shape_of_pytest_benchmark() -> None:
    document = to_json(full())
    one = document["benchmarks"][0]
    assert {"machine_info", "commit_info", "benchmarks", "datetime", "version"} < set(document)
    assert {"group", "name", "fullname", "params", "param", "extra_info", "stats"} < set(one)
    assert json.loads(json.dumps(document, allow_nan=False))["ab"]["verdict"] == "hold"


@pytest.mark.parametrize("count", [1, 4, 5, 6, 7, 40])
def test_the_figures_are_those_of_pytest_benchmark(count: int) -> None:
    values = [50.0, 3.0, 1.0, 2.0, 4.0, 3.5, 2.5, *range(5, 38)][:count]
    theirs = pytest.importorskip("pytest_benchmark.stats").Stats()
    for value in values:
        theirs.update(value)
    for name, ours in stats(values).items():
        if name not in ("data", "iterations"):
            expected = getattr(theirs, name)
            assert ours == (expected if name == "outliers" else pytest.approx(expected)), name


def test_a_file_of_pytest_benchmark_itself_is_read(tmp_path: Path) -> None:
    figures = {"min": 1, "q1": 2, "median": 3, "q3": 4, "max": 9, "iterations": 5}
    one = {"group": None, "name": "test_read[sync]", "param": "sync", "stats": figures}
    file = tmp_path / "theirs.json"
    text = json.dumps({"datetime": "2026-01-02T03:04:05+00:00", "benchmarks": [one]})
    file.write_text(text, "utf-8-sig")
    read = load(file)
    assert read.benchmarks[0].key == "test_read[sync]"
    assert read.verdict is Verdict.HOLD
    assert "test_read" in report.html(read)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "is no JSON"),
        (b"\xff\xfe\x00", "is no JSON"),
        (b"[]", "no results file"),
        (b"{}", "'datetime' is missing"),
        (b'{"datetime": "today", "benchmarks": []}', "today"),
        (b'{"datetime": "2026-01-01", "benchmarks": [], "ab": {"schema": 99}}', "newer version"),
        (b'{"datetime": "2026-01-01", "benchmarks": [{"name": 1}]}', "'stats' is missing"),
        (b'{"datetime": "2026-01-01", "benchmarks": [], "ab": {"schema": 1, "rows": [{}]}}', "row"),
    ],
)
def test_another_file_is_refused_with_its_name(tmp_path: Path, text: bytes, message: str) -> None:
    file = tmp_path / "odd.json"
    file.write_bytes(text)
    with pytest.raises(ResultsError, match=f"odd.json.*{message}"):
        load(file)
    with pytest.raises(ResultsError, match=r"gone.json: No such file"):
        load(tmp_path / "gone.json")


def test_an_experiment_becomes_two_benchmarks_and_a_row() -> None:
    machine = Machine()
    plan = Plan(criterion=Criterion(name="speed", kind=Kind.NON_INFERIORITY, margin=0.95))
    found = run(plan, *sides(machine), now=machine.clock, settings=Settings(unit_time=0.1))
    pair = benchmarks_of(found)
    assert [one.key for one in pair] == ["speed[a]", "speed[b]"]
    assert pair[0].data[0] == pytest.approx(0.01, rel=0.1)
    assert results(found.row(), benchmarks=pair).verdict is Verdict.PROMOTE


def test_where_it_was_measured_is_told(tmp_path: Path) -> None:
    assert machine_info()["python_version"]
    assert commit_info(tmp_path) == {}
    assert set(versions(["pytest", "surely-not-installed"])) == {"pytest"}


class Page(HTMLParser):
    """Checks that tags are closed, and collects what is loaded from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag not in ("meta",):
            self.open.append(tag)
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing() -> None:
    text = report.html(full(), title="Gate <1>")
    page = Page()
    page.feed(text)
    assert page.open == []
    assert page.loaded == []
    assert "<script" not in text
    assert "Gate &lt;1&gt;" in text
    assert "p99 of &lt;reads&gt; | writes" in text
    assert not re.search(r"\bnan\b|\$\w", text)
    drawings = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(drawings) == 5
    for drawing in drawings:
        ElementTree.fromstring(drawing)  # noqa: S314 - our own


def test_a_page_without_results_is_whole_too() -> None:
    page = Page()
    page.feed(report.html(Results(at=AT)))
    assert page.open == []


def test_what_lies_far_out_becomes_an_arrow() -> None:
    text = report.html(full())
    assert 'class="dot reject" d="M' in text


def test_the_table_keeps_its_columns() -> None:
    lines = report.markdown(full()).splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert lines[0].startswith("**hold**")
    columns = {len(re.findall(r"(?<!\\)\|", line)) for line in table[:7]}
    assert columns == {9}
    assert "not measured" in table[6]
    assert "at most 100 ms" in table[5]


def test_of_what_occurs_twice_the_newest_stays() -> None:
    old, new = results(ratio_row(0.7), ratio_row(1.0, name="b")), results(ratio_row(1.1))
    both = report.merged([replace(new, at=AT + timedelta(1)), old])
    assert {one.name: one.estimate for one in both.rows} == {"speed": 1.1, "b": 1.0}
    assert both.verdict is Verdict.PROMOTE
    with pytest.raises(ValueError, match="no results"):
        report.merged([])


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0123, "s", "12.3 ms"),
        (2.0, "s", "2 s"),
        (4e-5, "s", "40 µs"),
        (5e-9, "s", "5 ns"),
        (0, "s", "0 s"),
        (61.44e6, "B", "61.4 MB"),
        (0, "B", "0 B"),
        (1810.4, "tasks/h", "1,810 tasks/h"),
        (0.95, "", "0.95"),
        (-3.0, "s", "-3 s"),
        (math.inf, "s", "∞"),
        (math.nan, "s", "–"),
    ],
)
def test_quantities_are_readable(value: float, unit: str, text: str) -> None:
    assert quantity(value, unit) == text


def call(*args: object) -> int:
    parser = argparse.ArgumentParser()
    ab.add_parser(parser.add_subparsers(required=True))
    parsed = parser.parse_args(["ab", *map(str, args)])
    code: int = parsed.run(parsed)
    return code


def test_the_command_writes_page_and_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(full(), tmp_path / "a.json")
    save(results(ratio_row()), tmp_path / "b.json")
    assert call("report", tmp_path / "a.json", "-o", tmp_path / "out") == 3
    assert "<!doctype html>" in (tmp_path / "out" / "report.html").read_text("utf-8")
    assert capsys.readouterr().out.strip() == (
        (tmp_path / "out" / "report.md").read_text("utf-8").strip()
    )
    assert call("report", tmp_path / "b.json") == 0
    assert (tmp_path / "report.html").exists()


def test_a_file_that_is_not_there_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("report", tmp_path / "gone.json") == 2
    assert call("compare", tmp_path / "gone.json", tmp_path / "gone.json") == 2
    assert capsys.readouterr().err.count("gone.json: No such file") == 2
    save(results(), tmp_path / "a.json")
    assert call("report", tmp_path / "a.json", "-o", tmp_path / "a.json") == 2
    assert "choose another place" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        call("compare", "a", "b", "--tolerance", "3")


def test_the_newest_complete_results_of_a_version_are_found(tmp_path: Path) -> None:
    def put(name: str, version: str, day: int, *, complete: bool = True) -> None:
        at = datetime(2026, 11, day, tzinfo=UTC)
        found = Results(at=at, version=version, complete=complete, rows=[made_row()])
        save(found, tmp_path / f"{name}.json")

    def made_row() -> Row:
        limit = Criterion(name="p99", kind=Kind.CEILING, margin=1)
        return row(limit, Interval(0.5, 0.4, 0.6), n=9)

    assert newest([tmp_path / "missing"], "2.0") is None
    (tmp_path / "other.json").write_text("{}", "utf-8")
    put("c", "2.0", 3)
    put("b", "2.0", 4)
    put("a", "2.0", 5, complete=False)
    put("z", "1.9", 6)
    found = newest([tmp_path / "c.json", tmp_path], "2.0")
    assert found is not None
    assert found[0].name == "b.json"
    assert found[1].verdict is Verdict.PROMOTE
    assert newest([tmp_path], "2.1") is None
