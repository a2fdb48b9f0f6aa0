"""The text that Prometheus reads."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.prometheus import family, histogram


def test_a_metric_has_its_help_its_type_and_a_line_for_each_sample() -> None:
    lines = family("runs_total", "counter", "How often.", [({"kind": "a"}, 3), ({}, 0.25)])
    assert list(lines) == [
        "# HELP runs_total How often.",
        "# TYPE runs_total counter",
        'runs_total{kind="a"} 3',
        "runs_total 0.25",
    ]


def test_large_counts_are_not_rounded() -> None:
    *_, line = family("bytes_total", "counter", "Bytes.", [({}, 123_456_789_012)])
    assert line == "bytes_total 123456789012"


def test_the_buckets_of_a_histogram_add_up() -> None:
    lines = histogram("seconds", "Time.", (0.1, 1), [({"path": "async"}, [2, 0, 1], 3.5)])
    assert list(lines)[2:] == [
        'seconds_bucket{path="async",le="0.1"} 2',
        'seconds_bucket{path="async",le="1"} 2',
        'seconds_bucket{path="async",le="+Inf"} 3',
        'seconds_sum{path="async"} 3.5',
        'seconds_count{path="async"} 3',
    ]


@given(st.text())
@settings(deadline=None, max_examples=50)
def test_a_label_stays_on_its_line_and_can_be_read_back(value: str) -> None:
    *_, line = family("metric", "gauge", "Help.", [({"name": value}, 1)])
    assert line.count("\n") == 0
    inner = line.removeprefix('metric{name="').removesuffix('"} 1')
    written = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}
    assert re.sub(r"\\.", lambda found: written[found[0]], inner) == value
