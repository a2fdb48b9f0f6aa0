from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.llm.asking import Ask
from codeagent.core.llm.extract import find_object
from codeagent.core.llm.providers import Dialect
from codeagent.core.llm.questions import PlanMatch, Usefulness
from codeagent.core.llm.reply import LARGE, LARGEST, ReplyReader, condensed
from codeagent.core.llm.skips import skip_off_plan, skip_useless
from codeagent.core.llm.wire import APIError, Completion

JSON = Ask(prompt="q", response_format={"type": "json_object"})


def body(text: str) -> bytes:
    return json.dumps({"choices": [{"message": {"content": text}}]}).encode()


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=50), st.lists(st.integers(1, 20), max_size=10))
def test_an_answer_is_the_same_wherever_it_is_cut(text: str, cuts: list[int]) -> None:
    reader = ReplyReader(Dialect.OPENAI)
    reader.begin(200, "application/json")
    rest = body(text)
    for cut in cuts:
        reader.feed(rest[:cut])
        rest = rest[cut:]
    reader.feed(rest)
    assert reader.result() == Completion(text)


def test_a_second_head_begins_anew() -> None:
    reader = ReplyReader(Dialect.OPENAI)
    reader.begin(307, "text/plain")
    reader.feed(b"moved")
    reader.begin(200, "application/json")
    reader.feed(body("here"))
    assert reader.result() == Completion("here")


def test_a_body_without_end_is_refused_before_it_fills_the_memory() -> None:
    reader = ReplyReader(Dialect.OPENAI)
    reader.begin(200, "application/json")
    chunks = 0
    while not reader.full:
        reader.feed(b" " * 1_000_000)
        chunks += 1
    assert chunks == LARGEST // 1_000_000 + 1
    assert isinstance(result := reader.result(), APIError)
    assert "larger than" in result.message


def test_an_error_is_read_as_one_also_where_a_stream_was_asked_for() -> None:
    reader = ReplyReader(Dialect.OPENAI, print)
    reader.begin(429, "text/event-stream")
    reader.feed(b'{"error": {"message": "slow down"}}')
    assert reader.result() == APIError(429, "slow down")
    assert not reader.spoken


def test_of_a_large_answer_the_object_is_kept() -> None:
    value = {"decision": "continue", "reason": "ü" * LARGE}
    text = "x" * LARGE + json.dumps(value) + "y" * LARGE
    assert find_object(condensed(JSON, text)) == value
    assert len(condensed(JSON, "z" * LARGE * 2)) == LARGE
    assert condensed(Ask(prompt="q"), "z" * LARGE * 2) == "z" * LARGE * 2
    assert condensed(JSON, "short") == "short"


def test_a_task_is_skipped_in_the_predecessors_words() -> None:
    useless = skip_useless(Usefulness(7.0, "noise\nand more"), "task_1")
    assert useless is not None
    assert useless.comment == "Пропущено: низкая полезность (7%) - noise\nand more"
    assert useless.details.startswith("Пропущено: низкая полезность (7%). noise")
    assert skip_useless(Usefulness(15.0), "task_1") is None
    off = skip_off_plan(PlanMatch(False, "another thing"), "task_1")
    assert off is not None
    assert off.comment == "Пропущено по причине: не соответствует плану"
    expected = "Пропущено: не соответствует плану. another thing (task_id: task_1)"
    assert off.details == expected
    assert skip_off_plan(PlanMatch(True, "x"), "task_1") is None
