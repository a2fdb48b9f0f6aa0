"""Counters, latencies, and results that mean the same."""

from __future__ import annotations

import re

import pytest

from codeagent.rollout.compare import canonical_json, normalised_text, same_json, same_text
from codeagent.rollout.metrics import BOUNDS, Histogram, Metrics
from codeagent.rollout.observation import Beside, Observation
from codeagent.rollout.plan import Decision
from codeagent.rollout.stages import Colour, Operation, Stage


def observed() -> Metrics:
    metrics = Metrics(["files-read", "llm"])
    metrics.decided("files-read", Decision(Stage.SHADOW, "flag"))
    for match in (True, True, False, None):
        metrics.observe(
            Observation(
                "files-read",
                Operation.READ,
                Colour.SYNC,
                seconds={Colour.SYNC: 0.002, Colour.ASYNC: 100.0},
                errors={} if match is not None else {Colour.ASYNC: 'Bad"\n\\'},
                shadow=Beside.DONE if match is not None else Beside.FAILED,
                match=match,
            )
        )
    return metrics


def test_the_figures_are_by_path() -> None:
    found = observed()["files-read"]
    assert (found.matches, found.differences) == (2, 1)
    assert found.paths[Colour.SYNC].answers == 4
    assert found.paths[Colour.ASYNC].answers == 0
    assert found.paths[Colour.SYNC].latency.quantile(0.5) == 0.0025
    assert found.paths[Colour.ASYNC].latency.quantile(0.5) == float("inf")
    assert found.shadows == {Beside.DONE: 3, Beside.FAILED: 1}


def test_the_text_is_what_prometheus_reads() -> None:
    text = observed().prometheus()
    sample = re.compile(r'[a-z_]+\{([a-z]+="(\\.|[^"\\\n])*",?)+\} [0-9.e+-]+')
    lines = text.splitlines()
    assert all(line.startswith("# ") or sample.fullmatch(line) for line in lines)
    helped = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(helped) == len(set(helped)) == 6
    assert 'rollout_answers_total{capability="files-read",path="sync"} 4' in lines
    assert 'rollout_answers_total{capability="llm",path="async"} 0' in lines
    assert 'rollout_comparisons_total{capability="files-read",match="false"} 1' in lines
    assert 'rollout_tasks_total{capability="files-read",stage="shadow"} 1' in lines
    assert text.endswith("\n")


def test_buckets_add_up() -> None:
    text = observed().prometheus()
    pattern = r'operation_seconds_bucket\{capability="files-read",path="async",le="(.*)"\} (\d+)'
    buckets = re.findall(pattern, text)
    assert [bound for bound, _ in buckets] == [*(f"{b:g}" for b in BOUNDS), "+Inf"]
    assert [int(count) for _, count in buckets] == [0] * len(BOUNDS) + [4]


def test_a_histogram_knows_its_quantiles() -> None:
    found = Histogram()
    assert found.quantile(0.5) is None
    for value in (0.0001, 0.003, 0.004, 0.2):
        found.add(value)
    assert (found.quantile(0.25), found.quantile(0.75), found.quantile(1)) == (0.0005, 0.005, 0.25)
    assert found.count == 4


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("a\nb\n", "a\r\nb", True),
        ("a  \nb", "a\nb\n\n", True),
        ("\x1b[1;31mred\x1b[0m", "red", True),
        ("\x1b]8;;http://x\x07link\x1b]8;;\x07", "link", True),
        (b"caf\xe9", "caf\\xe9", True),
        ("a\n\nb", "a\nb", False),
        ("  a", "a", False),
    ],
)
def test_outputs_are_compared_without_what_depends_on_the_terminal(
    first: str | bytes, second: str | bytes, same: bool
) -> None:
    assert same_text(first, second) is same
    assert normalised_text(normalised_text(first)) == normalised_text(first)


def test_requests_are_compared_by_what_they_say() -> None:
    assert same_json('{"b": 1, "a": [2]}', b'{"a":[2],"b":1}')
    assert same_json({"a": 1}, '{"a":1}')
    assert not same_json('{"a": [1, 2]}', '{"a": [2, 1]}')
    assert same_json("no json", "no json")
    assert not same_json("no json", "none")
    assert canonical_json({"ü": 1}) == '{"ü":1}'
