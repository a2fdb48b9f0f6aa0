# Generated from tests/_async/test_models.py. Do not edit.
"""Finding models and trying them out, against a server on the loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from codeagent._sync.http import configured
from codeagent._sync.models import DiscoveryError, ModelTools
from codeagent.core.config.models import HTTPSettings
from codeagent.core.llm.settings import LLMSetup, parse_llm_settings
from tests.support.models import ModelServer, Seen, raw, refuse, reset, say, setup

KEY = "sk-live-0123456789abcdef0123"


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


def configuration(server: ModelServer, *models: str) -> LLMSetup:
    text = setup(("openai", server.url, models or ("one",)))
    return parse_llm_settings(text, source="x", environment={"OPENAI_API_KEY": KEY})


def tools(llm: LLMSetup) -> ModelTools:
    return ModelTools(llm, configured(HTTPSettings()), pause=0.0)


def test_a_provider_is_asked_what_it_offers(server: ModelServer) -> None:
    server.answer = lambda seen: raw(json.dumps({"data": [{"id": "b"}, {"id": "a"}]}).encode())
    llm = configuration(server)
    offers = tools(llm).discover(llm.providers["openai"])
    assert [offer.name for offer in offers] == ["a", "b"]
    (seen,) = server.requests
    assert seen.path == "/v1/models"
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.headers["x-title"] == "Code Agent"


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [(refuse(401, "no such key"), "no such key"), (raw(b"<html>"), "no JSON"), (reset, "openai")],
)
def test_a_provider_that_does_not_say_is_named(
    server: ModelServer, behaviour: object, words: str
) -> None:
    server.answer = lambda seen: behaviour  # type: ignore[return-value,assignment]
    llm = configuration(server)
    with pytest.raises(DiscoveryError, match=words) as failed:
        tools(llm).discover(llm.providers["openai"])
    assert KEY not in str(failed.value)


def test_models_are_tried_out_one_after_the_other(server: ModelServer) -> None:
    def answer(seen: Seen) -> object:
        if seen.model == "gone":
            return refuse(404, "no such model")
        wants_json = "response_format" in seen.body
        return say('{"usefulness_percent": 80}' if wants_json and seen.model == "one" else "pong")

    server.answer = answer  # type: ignore[assignment]
    llm = configuration(server, "one", "gone", "two")
    trials = tools(llm).check(["two", "one", "gone"], True)
    assert list(trials) == ["two", "one", "gone"]
    assert [trial.works for trial in trials.values()] == [False, True, False]
    gone, two = trials["gone"], trials["two"]
    assert (gone.ping.success, gone.simple) == (False, None)
    assert "no such model" in str(gone.ping.error)
    assert two.simple is not None and two.simple.success
    assert two.usefulness is not None and two.usefulness.json_valid is False
    assert [seen.model for seen in server.requests] == ["two"] * 3 + ["one"] * 3 + ["gone"]
