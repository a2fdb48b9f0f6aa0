from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.llm.asking import (
    Action,
    Ask,
    Cancel,
    Finish,
    Result,
    SelectionPolicy,
    Send,
    problem_with,
    quoted,
    read_score,
)
from codeagent.core.llm.models import Models
from codeagent.core.llm.options import ParallelSettings
from codeagent.core.llm.providers import make_provider
from codeagent.core.llm.select import Selection
from codeagent.core.llm.settings import LLMSetup, Model, ModelSettings
from codeagent.core.llm.wire import JSON_FORMAT

PROVIDER = make_provider("own", "http://localhost:1/v1", None, {})
GOOD = '{"matches": true}'
BAD = "no idea"

Reply = str | Exception | None
"""What a model says: an answer, a failure, or nothing in time."""


def setup(
    roles: dict[str, str] | None = None,
    *,
    strategy: str = "",
    parallel: tuple[str, ...] = (),
    evaluator: str | None = None,
    timeout: float = 200.0,
) -> LLMSetup:
    named: dict[str, str | None] = dict(roles or {})
    for name in (*parallel, *([evaluator] if evaluator else [])):
        named.setdefault(name, None)
    models = {
        name: Model(ModelSettings(name=name, max_tokens=1, context_window=1), PROVIDER, role)
        for name, role in named.items()
        if name != "unknown"
    }
    both = ParallelSettings(models=parallel, evaluator_model=evaluator)
    return LLMSetup(models, {}, strategy, both, timeout)


CHAIN = {"p": "primary", "r": "reserve", "d": "duplicate", "f": "fallback"}


class Shell:
    """Answers every call at once, in the order in which they were sent."""

    def __init__(self, models: Models, replies: Callable[[Send], Reply]) -> None:
        self.models = models
        self.replies = replies
        self.sent: list[Send] = []
        self.cancelled: list[int] = []
        self.now = 0.0

    @property
    def asked(self) -> list[str]:
        return [send.model for send in self.sent]

    def run(self, ask: Ask, policy: SelectionPolicy | None = None) -> Result:
        selection = Selection(ask, self.models, policy or SelectionPolicy())
        running: list[Send] = []
        actions: list[Action] = selection.start(self.now)
        for _ in range(1000):
            for action in actions:
                match action:
                    case Send():
                        self.sent.append(action)
                        running.append(action)
                    case Cancel(call):
                        self.cancelled.append(call)
                        running = [send for send in running if send.call != call]
                    case Finish(result):
                        assert not running
                        assert selection.wake_at is None
                        return result
            actions = self._step(selection, running)
        raise AssertionError("it never ends")

    def _step(self, selection: Selection, running: list[Send]) -> list[Action]:
        for send in running:
            reply = self.replies(send)
            if reply is None:
                continue
            running.remove(send)
            self.now += 1.0
            if isinstance(reply, Exception):
                return selection.failed(send.call, str(reply), self.now)
            return selection.answered(send.call, reply, self.now)
        assert selection.wake_at is not None
        self.now = selection.wake_at
        return selection.woken(self.now)


def by_name(**replies: Reply) -> Callable[[Send], Reply]:
    return lambda send: replies[send.model]


def ask(prompt: str = "p", **options: object) -> Ask:
    return Ask(prompt=prompt, **options)  # type: ignore[arg-type]


JSON = ask(response_format=JSON_FORMAT)
DOWN = RuntimeError("HTTP 500")


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


def test_a_model_without_json_is_followed_by_the_next_and_asked_later_from_then_on() -> None:
    models = Models(setup(CHAIN))
    shell = Shell(models, by_name(p=BAD, r=GOOD))
    assert shell.run(JSON).model_name == "r"
    assert models.order(0, first=None, fastest=True, json=True) == ["r", "d", "f", "p"]
    assert models.order(0, first=None, fastest=True, json=False) == ["p", "r", "d", "f"]
    models.judged("p", is_json=True)
    assert models.order(0, first=None, fastest=True, json=True)[0] == "p"


def test_for_json_those_come_first_that_succeed_more_often() -> None:
    models = Models(setup(CHAIN))
    models.failed("p")
    models.succeeded("p", 1.0)
    models.failed("r")
    models.succeeded("f", 1.0)
    assert models.order(0, first=None, fastest=True, json=True) == ["d", "f", "p", "r"]


def test_when_all_fail_at_json_two_get_a_second_chance() -> None:
    tries: dict[str, int] = {}

    def replies(send: Send) -> Reply:
        tries[send.model] = tries.get(send.model, 0) + 1
        return GOOD if send.model == "r" and tries["r"] == 2 else BAD

    models = Models(setup(CHAIN, parallel=("p", "r")))
    shell = Shell(models, replies)
    assert shell.run(JSON).model_name == "r"
    assert shell.asked == ["p", "r", "d", "f", "p", "r"]


def test_in_the_end_an_object_is_dug_out_of_the_bad_answers() -> None:
    shell = Shell(
        Models(setup(CHAIN, parallel=("p", "r"))),
        by_name(p=BAD, r=BAD, d="{'matches': False, 'reason': 'cut", f=BAD),
    )
    result = shell.run(JSON)
    assert result.success
    assert (result.model_name, json.loads(result.content)) == ("d", {"matches": False})


def test_when_all_json_is_lost_the_result_objects_to_nothing() -> None:
    shell = Shell(Models(setup(CHAIN, parallel=("p", "r"))), lambda _: BAD)
    result = shell.run(JSON)
    assert not result.success
    assert json.loads(result.content) == {
        "matches": True,
        "reason": "no JSON object in the answer",
    }


def test_a_second_chance_is_only_for_those_that_answered() -> None:
    shell = Shell(Models(setup(CHAIN, parallel=("p", "r"))), lambda _: DOWN)
    assert not shell.run(JSON).success
    assert shell.asked == ["p", "r", "d", "f", "p", "r"]
    assert [send.attempts for send in shell.sent] == [1, 1, 3, 3, 3, 3]


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
