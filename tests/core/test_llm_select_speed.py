"""Which model is asked first, who gets company, and who is left out."""

from __future__ import annotations

import pytest

from codeagent.core.llm.asking import SelectionPolicy, Send
from codeagent.core.llm.models import Models
from codeagent.core.llm.select import Selection

from .asking import CHAIN, DOWN, JSON, Shell, ask, by_name, setup


@pytest.mark.parametrize("error", ["HTTP 402", "needs more credits", "can only afford 5"])
def test_a_model_that_cannot_be_paid_is_not_asked_again_for_this_question(error: str) -> None:
    models = Models(setup(CHAIN, parallel=("p", "r")))
    shell = Shell(models, by_name(p=RuntimeError(error), r=DOWN, d=DOWN, f="{}"))
    assert shell.run(JSON).model_name == "f"
    assert shell.asked == ["p", "r", "d", "f"]
    again = Shell(models, by_name(p="{}", r=DOWN))
    again.run(JSON)
    assert "p" in again.asked


def measured(slow: float = 1.0) -> Models:
    models = Models(setup(CHAIN))
    for _ in range(20):
        models.succeeded("p", slow)
    return models


def test_a_model_slower_than_usual_gets_company_and_the_faster_one_wins() -> None:
    models = measured()
    shell = Shell(models, by_name(p=None, r="hello"))
    assert shell.run(ask()).model_name == "r"
    assert (shell.now, shell.cancelled) == (2.0, [1])
    assert models["p"].durations[-1] == 2.0


def test_company_that_fails_is_replaced() -> None:
    shell = Shell(measured(), by_name(p=None, r=DOWN, d="hello"))
    assert shell.run(ask()).model_name == "d"
    assert shell.asked == ["p", "r", "d"]
    assert shell.cancelled == [1]


def test_a_model_that_is_little_known_gets_no_company() -> None:
    shell = Shell(Models(setup(CHAIN)), by_name(p=None))
    assert not shell.run(ask()).success
    assert (shell.asked, shell.now) == (["p"], 200.0)


def test_company_can_be_switched_off() -> None:
    shell = Shell(measured(), by_name(p=None))
    shell.run(ask(), SelectionPolicy(hedge=False))
    assert shell.asked == ["p"]


def test_a_retry_does_not_make_a_model_look_slow_nor_a_score_fast() -> None:
    models = Models(setup(parallel=("a", "b"), evaluator="e"))
    selection = Selection(ask(parallel=True), models, SelectionPolicy())
    first, second = (a for a in selection.start(0.0) if isinstance(a, Send))
    selection.answered(first.call, "1", 10.0, seconds=2.0)
    for score in selection.answered(second.call, "2", 10.0):
        assert isinstance(score, Send)
        selection.answered(score.call, "5", 10.1)
    assert (models["a"].last, models["b"].last, models["e"].last) == (2.0, 10.0, 0.0)
    assert models["e"].successes == 2


def test_a_failure_that_is_not_the_models_is_not_counted() -> None:
    models = Models(setup(CHAIN))
    selection = Selection(ask(), models, SelectionPolicy())
    (send,) = selection.start(0.0)
    assert isinstance(send, Send)
    selection.failed(send.call, "the circuit is open", 0.0, counted=False)
    assert models["p"].errors == 0


def test_the_fastest_primary_is_asked_first_and_one_not_measured_before_all() -> None:
    models = Models(setup({"a": "primary", "b": "primary", "c": "primary"}))
    models.succeeded("a", 2.0)
    models.succeeded("c", 1.0)
    assert models.fastest(0.0) == "b"
    models.succeeded("b", 3.0)
    assert models.fastest(0.0) == "c"
    assert models.order(0.0, first=None, fastest=False, json=False)[0] == "a"


def test_the_fastest_is_remembered_for_a_minute_or_until_the_next_success() -> None:
    models = Models(setup({"a": "primary", "b": "primary"}))
    models.succeeded("a", 2.0)
    models.succeeded("b", 1.0)
    assert models.fastest(0.0) == "b"
    models["b"].last = 9.0
    assert models.fastest(59.9) == "b"
    assert models.fastest(60.0) == "a"
    models["a"].last = 10.0
    models.succeeded("b", 5.0)
    assert models.fastest(61.0) == "b"


def test_a_model_that_mostly_fails_is_disabled_and_comes_back() -> None:
    models = Models(setup(CHAIN))
    for _ in range(5):
        models.failed("p")
    models.check_health(0.0)
    assert not models["p"].enabled
    assert "p" not in models.order(0.0, first=None, fastest=True, json=False)
    for _ in range(15):
        models.succeeded("p", 1.0)
    models.check_health(299.9)
    assert not models["p"].enabled
    models.check_health(300.0)
    assert models["p"].enabled


def test_when_no_model_is_left_all_start_anew() -> None:
    models = Models(setup(CHAIN))
    for name in CHAIN:
        for _ in range(5):
            models.failed(name)
    models.check_health(0.0)
    assert all(models[name].enabled and not models[name].errors for name in CHAIN)


def test_the_statistics_have_the_predecessors_shape() -> None:
    models = Models(setup({"p": "primary"}, parallel=("x",)))
    models.succeeded("p", 2.0)
    models.failed("p")
    assert models.statistics() == {
        "total_models": 2,
        "enabled_models": 2,
        "disabled_models": 0,
        "models": {
            "p": {
                "enabled": True,
                "role": "primary",
                "total_requests": 2,
                "success_count": 1,
                "error_count": 1,
                "success_rate": 0.5,
                "avg_response_time": 2.0,
                "max_tokens": 1,
                "context_window": 1,
            },
            "x": {
                "enabled": True,
                "role": "parallel",
                "total_requests": 0,
                "success_count": 0,
                "error_count": 0,
                "success_rate": 0.0,
                "avg_response_time": 0.0,
                "max_tokens": 1,
                "context_window": 1,
            },
        },
    }
