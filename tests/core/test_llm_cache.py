from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.llm.asking import Ask
from codeagent.core.llm.cache import Cache, ask_key, request_key
from codeagent.core.llm.secret import Headers
from codeagent.core.llm.wire import JSON_FORMAT, WireRequest


def cache(entries: int = 2, size: int = 100, age: float = 10.0) -> Cache[str, str]:
    return Cache(max_entries=entries, max_size=size, max_age=age)


def test_what_was_used_longest_ago_goes_first() -> None:
    found = cache()
    found.put("a", "1", 0)
    found.put("b", "2", 0)
    assert found.get("a", 1) == "1"
    found.put("c", "3", 1)
    assert [found.get(key, 1) for key in "abc"] == ["1", None, "3"]
    assert (found.counts.hits, found.counts.misses, found.counts.evictions) == (3, 1, 1)


def test_what_is_too_old_is_gone_however_often_it_was_used() -> None:
    found = cache()
    found.put("a", "1", 0)
    assert found.get("a", 9.9) == "1"
    assert found.get("a", 10) is None
    assert len(found) == found.size == 0


def test_what_is_larger_than_the_cache_is_not_kept_and_throws_nothing_out() -> None:
    found = cache()
    found.put("a", "1", 0, 50)
    found.put("b", "2", 0, 101)
    assert (found.get("a", 0), found.get("b", 0)) == ("1", None)
    found.put("a", "3", 0, 101)
    assert found.get("a", 0) is None


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 60), st.floats(0, 5)), max_size=50))
def test_the_limits_hold_and_the_newest_value_is_given(
    steps: list[tuple[int, int, float]],
) -> None:
    found: Cache[int, int] = Cache(max_entries=3, max_size=100, max_age=10)
    newest: dict[int, int] = {}
    now = 0.0
    for key, size, passed in steps:
        now += passed
        found.put(key, size, now, size)
        newest[key] = size
        assert len(found) <= 3
        assert found.size <= 100
        assert found.get(key, now) == size
        assert all(found.get(k, now) in (None, value) for k, value in newest.items())


def test_questions_share_an_answer_only_if_they_are_the_same() -> None:
    ask = Ask(prompt="p")
    others = [
        replace(ask, prompt="q"),
        replace(ask, response_format=JSON_FORMAT),
        replace(ask, model="m"),
        replace(ask, parallel=True),
    ]
    assert ask_key(ask) == ask_key(Ask(prompt="p"))
    assert len({ask_key(each) for each in [ask, *others]}) == 5
    ask_key(Ask(prompt="\ud800"))


def test_requests_are_the_same_if_place_and_content_are_whatever_the_key() -> None:
    one = WireRequest("https://a/b", Headers({"authorization": "1"}), b"x")
    assert request_key(one) == request_key(replace(one, headers=Headers({})))
    assert request_key(one) != request_key(replace(one, url="https://a/bx", body=b""))
