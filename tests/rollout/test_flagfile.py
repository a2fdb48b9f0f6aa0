"""The flag file, and what the real SDK makes of it."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.rollout.flagfile import (
    FlagFileError,
    Rung,
    default_document,
    dump,
    get_rung,
    parse,
    problems,
    set_kill,
    set_rung,
)
from codeagent.rollout.ladder import ladder
from codeagent.rollout.source import Versions, decoded
from codeagent.rollout.stages import Stage

from .support import CAPABILITIES, KEY, PREFIX, SIX, document


def found_in(changed: dict[str, Any]) -> str:
    return "; ".join(problems(changed, CAPABILITIES, prefix=PREFIX))


def test_the_default_has_everything_off_and_nothing_wrong() -> None:
    fresh = default_document(CAPABILITIES, prefix=PREFIX, salt="s")
    assert found_in(fresh) == ""
    assert decoded(fresh, Versions())
    assert {get_rung(fresh, f"demo.{c.name}") for c in CAPABILITIES} == {Rung(Stage.OFF, 0)}


@pytest.mark.parametrize("rung", ladder(SIX))
def test_a_rung_that_is_set_is_read_back(rung: Rung) -> None:
    changed = set_rung(document(), "demo.files-write", rung)
    assert get_rung(parse(dump(changed)), "demo.files-write") == rung
    assert found_in(changed) == ""


@given(st.floats(0, 100))
@settings(deadline=None, max_examples=50)
def test_any_share_sums_to_the_whole(share: float) -> None:
    changed = set_rung(document(), KEY, Rung(Stage.LIVE, share))
    assert found_in(changed) == ""
    assert get_rung(changed, KEY).share == pytest.approx(share, abs=0.001)


def test_a_change_is_a_new_document_of_a_higher_version_with_all_else_as_it_was() -> None:
    before = document()
    before["flags"][KEY]["rules"] = [{"id": "r", "variation": 0, "clauses": []}]
    kept = copy.deepcopy(before)
    after = set_rung(before, KEY, Rung(Stage.SHADOW, 10))
    assert before == kept
    assert after["flags"][KEY]["version"] == before["flags"][KEY]["version"] + 1
    assert after["flags"][KEY]["rules"] == before["flags"][KEY]["rules"]
    assert after["flags"]["demo.git-write"] == before["flags"]["demo.git-write"]


def test_the_kill_switch_goes_off_and_on() -> None:
    killed = set_kill(document(), PREFIX, on=True)
    assert killed["flags"]["demo.kill"]["on"] is False
    assert set_kill(killed, PREFIX, on=False)["flags"]["demo.kill"]["on"] is True


@pytest.mark.parametrize("share", [-1, 100.5, float("nan")])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(FlagFileError, match="from 0 to 100"):
        set_rung(document(), KEY, Rung(Stage.LIVE, share))


def test_a_flag_that_is_not_there_is_named() -> None:
    with pytest.raises(FlagFileError, match=r"no flag demo\.nothing"):
        set_rung(document(), "demo.nothing", Rung(Stage.LIVE, 1))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"variations": ["off", "live"]}, "in this order"),
        ({"offVariation": 3}, '"offVariation" must be 0'),
        ({"offVariation": None}, '"offVariation" must be 0'),
        ({"salt": ""}, '"salt"'),
        ({"version": 0}, '"version"'),
        ({"version": "2"}, '"version"'),
        ({"on": "yes"}, '"on"'),
        ({"key": "other"}, '"key" is'),
        ({"prerequisites": []}, r"demo.kill must be among"),
        ({"fallthrough": None}, "fallthrough: must be an object"),
        ({"fallthrough": {"variation": 9}}, "variation 9 is none of 0 to 5"),
        ({"fallthrough": {"variation": True}}, "variation True"),
        ({"fallthrough": {"variation": 1}}, "dualwrite is no stage of files-read"),
        ({"fallthrough": {"rollout": {"variations": []}}}, "must list its variations"),
        ({"rules": {"a": 1}}, "rules: must be an object"),
        ({"rules": [{"variation": 7}]}, r"rules[0]: variation 7"),
        ({"contextTargets": ["x"]}, r"contextTargets[0]: must be an object"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], problem: str) -> None:
    wrong = document()
    wrong["flags"][KEY].update(change)
    assert f"{KEY}: " in found_in(wrong)
    assert problem in found_in(wrong)


@pytest.mark.parametrize(
    ("parts", "kind", "problem"),
    [
        ([(0, 90_000), (3, 10_000)], "user", '"contextKind" must be "task"'),
        ([(3, 10_000), (0, 90_000)], "task", "off (variation 0) must be listed first"),
        ([(0, 5_000), (3, 10_000)], "task", "weights must sum to 100000, not 15000"),
        ([(0, 110_000), (3, -10_000)], "task", "whole numbers from 0"),
        ([(0, 90_000.0), (3, 10_000)], "task", "whole numbers from 0"),
    ],
)
def test_a_rollout_that_would_catch_others_than_meant_is_named(
    parts: list[tuple[int, Any]], kind: str, problem: str
) -> None:
    wrong = document()
    listed = [{"variation": index, "weight": weight} for index, weight in parts]
    wrong["flags"][KEY]["fallthrough"] = {"rollout": {"contextKind": kind, "variations": listed}}
    assert problem in found_in(wrong)


def test_missing_flags_are_named() -> None:
    assert found_in({"flags": {}}).count("missing") == 4


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "not JSON"),
        (b"{", "line 1"),
        (b"[]", "must be an object"),
        (b'{"flags": []}', "must be an object"),
        (b'\xff{"flags": {}}', "not UTF-8"),
        (b'{"flags": {"a": {}, "a": {}}}', '"a" twice'),
        (b'{"flags": {"a": NaN}}', "NaN"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(data: bytes, problem: str) -> None:
    with pytest.raises(FlagFileError, match=problem):
        parse(data)


def test_a_byte_order_mark_and_foreign_line_ends_do_no_harm() -> None:
    data = b"\xef\xbb\xbf" + dump(document()).replace(b"\n", b"\r\n")
    assert parse(data) == document()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=6,
    ),
    st.sampled_from(sorted(document()["flags"][KEY])),
)
@settings(deadline=None, max_examples=150)
def test_nonsense_in_a_flag_is_a_problem_and_never_a_traceback(value: Any, name: str) -> None:
    wrong = document()
    wrong["flags"][KEY][name] = value
    found_in(wrong)
    try:
        get_rung(wrong, KEY)
    except FlagFileError as error:
        assert KEY in str(error)


def test_versions_rise_with_the_content_and_never_fall() -> None:
    versions = Versions()

    def version(doc: dict[str, Any]) -> int:
        data = decoded(doc, versions)
        number: int = next(items[KEY]["version"] for items in data.values() if KEY in items)
        return number

    first = document()
    assert version(first) == 1
    assert version(first) == 1
    edited = json.loads(json.dumps(first))
    edited["flags"][KEY]["on"] = True  # by hand, without a thought for the version
    assert version(edited) == 2
    assert version(first) == 3
