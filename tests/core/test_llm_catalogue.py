"""What providers say that they offer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.llm.catalogue import Offer, catalogue_request, read_catalogue, suitable
from codeagent.core.llm.providers import make_provider

KEY = "sk-or-v1-0123456789abcdef"
OPENROUTER = {
    "data": [
        {
            "id": "maker/large",
            "context_length": 200000,
            "pricing": {"prompt": "0.000003", "completion": "0.000015"},
            "top_provider": {"max_completion_tokens": 8192},
        },
        {
            "id": "maker/gift:free",
            "context_length": 32768,
            "pricing": {"prompt": "0", "completion": "0"},
            "top_provider": {"max_completion_tokens": None},
        },
        {"id": "router/auto", "pricing": {"prompt": "-1", "completion": "-1"}},
        {"name": ""},
        "nonsense",
    ]
}


def test_openrouter_tells_of_limits_and_prices() -> None:
    gift, large, auto = read_catalogue(json.dumps(OPENROUTER))
    assert large == Offer(
        name="maker/large",
        context_window=200_000,
        max_tokens=8192,
        input_price=3.0,
        output_price=15.0,
    )
    assert (gift.is_free, large.is_free, auto.is_free) == (True, False, False)
    assert auto == Offer(name="router/auto")


def test_others_tell_less() -> None:
    assert read_catalogue('{"object": "list", "data": [{"id": "gpt", "object": "model"}]}') == [
        Offer(name="gpt")
    ]
    google = {"models": [{"name": "models/gem", "inputTokenLimit": 1000, "outputTokenLimit": 10}]}
    assert read_catalogue(json.dumps(google)) == [
        Offer(name="gem", context_window=1000, max_tokens=10)
    ]


def test_the_suitable_ones_are_chosen() -> None:
    offers = read_catalogue(json.dumps(OPENROUTER))

    def names(**wanted: Any) -> list[str]:
        return [offer.name for offer in suitable(offers, **wanted)]

    assert names() == ["maker/gift:free", "maker/large", "router/auto"]
    assert names(free=True) == ["maker/gift:free"]
    assert names(minimum_context=100_000) == ["maker/large"]
    assert names(search="LARGE") == ["maker/large"]


@pytest.mark.parametrize(
    ("name", "header"), [("openrouter", "authorization"), ("google", "x-goog-api-key")]
)
def test_the_question_bears_the_key_and_hides_it(name: str, header: str) -> None:
    request = catalogue_request(make_provider(name, None, KEY, {}))
    assert request.method == "GET"
    assert "/models" in request.url and KEY not in request.url
    assert KEY in request.headers[header]
    assert KEY not in repr(request)
    assert request.headers["x-title"] == "Code Agent"
    assert request.headers["http-referer"] == "https://codeagent.local"


@pytest.mark.parametrize("text", ["", "<html>", "[]", "{}", '{"data": 3}', "[" * 100_000])
def test_what_is_no_list_of_models_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match="the answer"):
        read_catalogue(text)


VALUE = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "name", "pricing", "prompt", "completion", "context_length"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=150)
@given(st.lists(VALUE, max_size=4))
def test_entries_may_hold_anything(entries: list[Any]) -> None:
    for offer in read_catalogue(json.dumps({"data": entries})):
        assert offer.name
        assert offer.context_window is None or offer.context_window > 0
