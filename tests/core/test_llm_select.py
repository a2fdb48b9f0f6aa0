"""Which model is asked next, and whose answer counts."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.llm.asking import (
    Ask,
    Result,
    SelectionPolicy,
    Send,
    problem_with,
    quoted,
    read_score,
)
from codeagent.core.llm.models import Models
from codeagent.core.llm.select import Selection

from .asking import BAD, CHAIN, DOWN, GOOD, JSON, Reply, Shell, ask, by_name, setup


def test_the_primary_is_asked_and_its_answer_is_the_result() -> None:
    shell = Shell(Models(setup(CHAIN)), by_name(p="hello"))
    assert shell.run(ask()) == Result(model_name="p", content="hello", response_time=1.0)
    assert [(s.model, s.attempts, s.timeout) for s in shell.sent] == [("p", 3, 60.0)]


def test_whoever_fails_is_followed_by_reserve_duplicate_and_fallback() -> None:
    shell = Shell(Models(setup(CHAIN)), by_name(p=DOWN, r=DOWN, d=" ", f="hello"))
    assert shell.run(ask()).model_name == "f"
    assert shell.asked == ["p", "r", "d", "f"]


def test_other_primaries_come_last() -> None:
    models = Models(setup({"p": "primary", "q": "primary", "f": "fallback"}))
    shell = Shell(models, by_name(p=DOWN, q="hello", f=DOWN))
    assert shell.run(ask()).model_name == "q"
    assert shell.asked == ["p", "f", "q"]


def test_when_everybody_fails_the_first_error_is_the_result() -> None:
    shell = Shell(Models(setup(CHAIN)), lambda send: RuntimeError(f"{send.model} is down"))
    result = shell.run(ask())
    assert (result.success, result.content, result.error) == (False, "", "p is down")
    assert shell.asked == ["p", "r", "d", "f"]


def test_without_models_nobody_is_asked() -> None:
    shell = Shell(Models(setup()), by_name())
    result = shell.run(JSON)
    assert (result.success, result.model_name) == (False, "no_model")
    assert json.loads(result.content)["matches"] is True


def test_a_model_that_is_named_is_asked_first_and_alone() -> None:
    models = Models(setup(CHAIN, strategy="best_of_two", parallel=("p", "r")))
    shell = Shell(models, by_name(d=DOWN, p="hello"))
    assert shell.run(ask(model="d")).model_name == "p"
    assert shell.asked == ["d", "p"]


@pytest.mark.parametrize(
    ("one", "problem"),
    [
        (ask(" "), "the prompt is empty"),
        (ask("x" * 102_401), "the prompt has 102401 bytes, more than 102400; shorten it"),
        (ask(model="zzz"), "the model 'zzz' is not configured"),
        (
            ask(response_format={"type": "xml"}),
            "the type of the response format must be one of text, json_object, json_schema",
        ),
    ],
)
def test_what_cannot_be_asked_is_a_result_too(one: Ask, problem: str) -> None:
    result = Shell(Models(setup(CHAIN)), by_name()).run(one)
    assert (result.success, result.error) == (False, problem)


@pytest.mark.parametrize("script", ["a <script>x", "<IFRAME src=x>", "href='javascript:x()'"])
def test_script_is_refused_unless_it_was_quoted(script: str) -> None:
    assert "holds script" in str(problem_with(ask(script), ()))
    assert problem_with(ask(quoted(script)), ()) is None


def test_of_two_answers_the_one_with_the_higher_score_wins() -> None:
    def replies(send: Send) -> Reply:
        if send.model != "e":
            return f"answer of {send.model}"
        return "Score: 8/10" if "answer of b" in send.ask.prompt else "6"

    names = ("unknown", "a", "b", "c")
    models = Models(setup(CHAIN, strategy="best_of_two", parallel=names, evaluator="e"))
    shell = Shell(models, replies)
    result = shell.run(ask())
    assert (result.model_name, result.content, result.score) == ("b", "answer of b", 8.0)
    assert shell.asked == ["a", "b", "e", "e"]
    assert [send.attempts for send in shell.sent] == [1, 1, 1, 1]


def test_an_evaluator_that_fails_gives_five_points() -> None:
    models = Models(setup(parallel=("a", "b"), evaluator="e"))
    scores: Iterator[Reply] = iter([DOWN, "4.5"])
    shell = Shell(models, lambda send: next(scores) if send.model == "e" else send.model)
    assert shell.run(ask(parallel=True)) == Result(
        model_name="a", content="a", response_time=1.0, score=5.0
    )


def test_without_an_evaluator_the_first_answer_wins() -> None:
    shell = Shell(Models(setup(parallel=("a", "b"))), by_name(a="1", b="2"))
    assert shell.run(ask(parallel=True)).content == "1"


def test_one_answer_of_two_needs_no_evaluator() -> None:
    shell = Shell(Models(setup(parallel=("a", "b"), evaluator="e")), by_name(a=BAD, b=GOOD))
    assert shell.run(JSON).model_name == "b"
    assert shell.asked == ["a", "b"]


def test_after_sixty_seconds_the_answer_that_is_there_is_taken() -> None:
    shell = Shell(Models(setup(parallel=("a", "b"))), by_name(a=None, b="2"))
    assert shell.run(ask(parallel=True)).content == "2"
    assert shell.now == 60.0
    assert shell.cancelled == [1]


def test_without_an_answer_of_the_two_the_chain_follows() -> None:
    models = Models(setup(CHAIN, parallel=("p", "f"), strategy="best_of_two"))
    shell = Shell(models, by_name(p=DOWN, f=DOWN, r="hello"))
    assert shell.run(ask()).model_name == "r"
    assert shell.asked == ["p", "f", "r"]


def test_fewer_than_two_known_models_are_asked_one_by_one() -> None:
    models = Models(setup(CHAIN, parallel=("p",), strategy="best_of_two"))
    shell = Shell(models, by_name(p="hello"))
    assert shell.run(ask()).success
    assert shell.sent[0].attempts == 3


def test_the_first_acceptable_answer_wins_and_the_others_are_cancelled() -> None:
    models = Models(setup(parallel=("a", "b", "c"), strategy="first_wins", evaluator="e"))
    shell = Shell(models, by_name(a=None, b=" ", c="3"))
    assert shell.run(ask()).content == "3"
    assert shell.asked == ["a", "b", "c"]
    assert shell.cancelled == [1]
    assert models["a"].calls == 0


def test_the_deadline_ends_everything() -> None:
    models = Models(setup(CHAIN, timeout=10.0))
    shell = Shell(models, lambda _: None)
    result = shell.run(ask())
    assert (result.success, result.error) == (False, "no answer in time")
    assert shell.now == 10.0
    assert shell.sent[0].timeout == 10.0


def test_what_is_reported_after_the_end_changes_nothing() -> None:
    models = Models(setup(CHAIN))
    selection = Selection(ask(), models, SelectionPolicy())
    (send,) = selection.start(0.0)
    assert isinstance(send, Send)
    assert len(selection.answered(send.call, "a", 1.0)) == 1
    assert selection.answered(send.call, "b", 2.0) == []
    assert selection.failed(send.call, "b", 2.0) == []
    assert selection.woken(1e9) == []
    assert models["p"].calls == 1


@pytest.mark.parametrize(
    ("text", "score"),
    [("7", 7.0), ("Score: 8.5/10", 8.5), ("-3", 0.0), ("95", 10.0), ("great", 5.0), ("", 5.0),
     ("<think>2 or 3</think> 9", 9.0)],
)  # fmt: skip
def test_a_score_is_the_first_number(text: str, score: float) -> None:
    assert read_score(text) == score


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.sampled_from([GOOD, BAD, "", DOWN, RuntimeError("402"), None]), min_size=1),
    st.sampled_from(["", "best_of_two", "first_wins", "nonsense"]),
    st.lists(st.sampled_from(["p", "r", "x", "y"]), max_size=4, unique=True),
    st.sampled_from([None, "e", "p"]),
    st.booleans(),
    st.booleans(),
)
def test_every_question_ends_in_time_with_every_call_accounted_for(
    replies: list[Reply],
    strategy: str,
    parallel: list[str],
    evaluator: str | None,
    json_mode: bool,
    known: bool,
) -> None:
    models = Models(setup(CHAIN, strategy=strategy, parallel=tuple(parallel), evaluator=evaluator))
    if known:
        for _ in range(20):
            models.succeeded("p", 3.0)
    shell = Shell(models, lambda send: replies[send.call % len(replies)])
    result = shell.run(JSON if json_mode else ask())
    assert shell.now <= 200.0 + len(shell.sent)
    assert len(shell.sent) <= 4 * len(CHAIN)
    if result.success:
        assert result.content.strip()
        assert not json_mode or isinstance(json.loads(result.content), dict)
    else:
        assert result.error
