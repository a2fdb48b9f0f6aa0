"""Which model answers a question that wants JSON."""

from __future__ import annotations

import json

from codeagent.core.llm.asking import Send
from codeagent.core.llm.models import Models

from .asking import BAD, CHAIN, DOWN, GOOD, JSON, Reply, Shell, by_name, setup


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
