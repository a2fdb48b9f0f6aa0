from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.llm.extract import (
    find_json,
    find_object,
    first_number,
    named_number,
    number,
    salvage_object,
    text_of,
    truth,
    without_thoughts,
)

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
objects = st.dictionaries(st.text(max_size=5), values, max_size=4)
prose = st.text(st.characters(exclude_characters="{[<", exclude_categories=["Cs"]), max_size=40)


@settings(deadline=None, max_examples=60)
@given(objects, prose, prose, st.booleans())
def test_an_object_is_found_in_any_prose(
    value: dict[str, object], before: str, after: str, fenced: bool
) -> None:
    text = json.dumps(value, ensure_ascii=False)
    text = f"```json\n{text}\n```" if fenced else text
    assert find_object(f"{before}{text}{after}") == value
    assert find_json(f"{before}{text}{after}") == value


@settings(deadline=None, max_examples=100)
@given(st.lists(values, max_size=4), prose)
def test_an_array_is_found_too(value: list[object], before: str) -> None:
    assert find_json(f"{before}{json.dumps(value)}") == value


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet='{}[]":,\\a1 \n', max_size=60))
def test_whatever_the_text_the_answer_is_an_object_or_none(text: str) -> None:
    found = find_object(text)
    assert found is None or isinstance(found, dict)
    salvage_object(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('Use {braces} and {"matches": true}.', {"matches": True}),
        ('{"a": 1} {"matches": false}', {"matches": False}),
        ('{"a": 1} {"b": 2}', {"a": 1}),
        ('[{"matches": true}]', {"matches": True}),
        ('{"broken": {"matches": true}, oops}', {"matches": True}),
        ('<think>{"matches": false}</think>{"matches": true}', {"matches": True}),
        ('{"matches": true, "reason": "two\nlines"}', {"matches": True, "reason": "two\nlines"}),
        ('{"matches": NaN}', {"matches": None}),
        ('\ufeff{"matches": 1}', {"matches": 1}),
        ("", None),
        ("null", None),
        ("[1, 2]", None),
        ('"{}', {}),
        ("{" * 50, None),
    ],
)
def test_the_object_that_is_meant_is_found(text: str, found: object) -> None:
    assert find_object(text, "matches") == found


def test_thinking_that_never_ends_is_no_reason_to_lose_the_answer() -> None:
    assert without_thoughts('<think>{"a": 1}') == '<think>{"a": 1}'
    assert without_thoughts(" <reasoning>x</reasoning> y") == " y"
    assert without_thoughts("a <think>b</think>") == "a <think>b</think>"


SIZE = 100_000


@pytest.mark.parametrize(
    "unit",
    ["{", "[", '{"', '{"a":', '[{"a":', '{"a":[', "[[1,", '{"a', '"', "{ ", '{"a":"{', "<think>", "\\",
     '{"a":1,', "{}x{", "'a':'", '"a":"', "'a' : ", "9"],
)  # fmt: skip
def test_hostile_text_is_read_once_and_not_again_and_again(unit: str) -> None:
    # What takes a quadratic time here runs into the time limit of the suite.
    text = unit * (SIZE // len(unit))
    assert not find_object(text)
    assert not find_json("1" * SIZE + text + "1" * SIZE)
    assert named_number(text, "b") is None
    assert first_number(text) in (None, 1)
    assert (salvage_object(text) or {"a": None}).keys() == {"a"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"matches": true, "reason": "cut of', {"matches": True}),
        ("{'matches': False, 'reason': 'it\\'s'}", {"matches": False, "reason": "it\\'s"}),
        ('{"a": 1, "b": [1, 2], "c": -2.5,}', {"a": 1, "c": -2.5}),
        ('{"a": "x \\"y\\" \\u00e9", "a": 2', {"a": 'x "y" é'}),
        ('{"a": None, "b": nonsense}', {"a": None}),
        ('{"a": 007}', {"a": 7}),
        ("nothing", None),
    ],
)
def test_what_is_no_json_is_salvaged(text: str, found: object) -> None:
    assert salvage_object(text) == found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("85", 85.0),
        ("about 85%.", 85.0),
        ("**72,5** percent", 72.5),
        ("v2 is 200 % but 40 is fine", 40.0),
        ("a 3-line change: 60", 60.0),
        ("2nd try: 10", 10.0),
        ("-5 or 7", 7.0),
        ("none", None),
        ("", None),
    ],
)
def test_the_first_number_in_range_is_found(text: str, value: float | None) -> None:
    assert first_number(text, 0, 100) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"usefulness_percent": 40, broken', 40.0),
        ("usefulness_percent = 12.5", 12.5),
        ('"usefulness_percent": "33"', 33.0),
        ("**usefulness_percent**: 90", 90.0),
        ("usefulness 5", None),
    ],
)
def test_a_number_is_found_by_its_name(text: str, value: float | None) -> None:
    assert named_number(text, "usefulness_percent") == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [(5, 5.0), ("85 %", 85.0), (True, None), (None, None), ([1], None), (math.inf, None),
     (math.nan, None), (10**400, None), ("", None)],
)  # fmt: skip
def test_a_number_is_a_number_also_as_text(value: object, expected: float | None) -> None:
    assert number(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, True), ("False", False), (" yes ", True), (1, None), ("maybe", None), (None, None)],
)
def test_a_truth_value_is_one_also_as_text(value: object, expected: bool | None) -> None:
    assert truth(value) is expected


def test_text_is_fit_for_a_file() -> None:
    assert text_of(json.loads('" a\\ud800 "')) == "a?"
    assert text_of(5) == ""
