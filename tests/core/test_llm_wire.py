from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.llm.providers import Dialect, make_provider
from codeagent.core.llm.settings import Model, ModelSettings
from codeagent.core.llm.stream import CompletionStream
from codeagent.core.llm.wire import (
    JSON_FORMAT,
    APIError,
    Completion,
    Usage,
    build_request,
    is_credit_error,
    parse_answer,
)
from codeagent.core.streams.sse import ServerSentEvent, SSEDecoder

KEY = "sk-or-v1-0123456789abcdef"


def model(provider: str = "openrouter", url: str | None = None, name: str = "a/b") -> Model:
    settings = ModelSettings(name=name, max_tokens=100, context_window=1000)
    return Model(settings, make_provider(provider, url, KEY, {}), "primary")


def parse(data: Any, status: int = 200, dialect: Dialect = Dialect.OPENAI) -> Completion | APIError:
    return parse_answer(dialect, status, json.dumps(data).encode())


def error(data: Any, status: int = 200, dialect: Dialect = Dialect.OPENAI) -> APIError:
    found = parse(data, status, dialect)
    assert isinstance(found, APIError)
    return found


def test_a_request_is_a_single_message_of_the_user() -> None:
    request = build_request(model(), "Привет")
    assert (request.method, request.url) == (
        "POST",
        "https://openrouter.ai/api/v1/chat/completions",
    )
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert json.loads(request.body) == {
        "model": "a/b",
        "messages": [{"role": "user", "content": "Привет"}],
        "max_tokens": 100,
        "temperature": 0.7,
        "top_p": 1.0,
    }


def test_json_and_streaming_are_asked_for() -> None:
    body = json.loads(build_request(model(), "x", response_format=JSON_FORMAT, stream=True).body)
    assert body["response_format"] == {"type": "json_object"}
    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("url", ["http://localhost:8000/v1", "http://localhost:8000/v1/"])
def test_the_base_url_may_end_with_a_slash(url: str) -> None:
    assert build_request(model("own", url), "x").url == "http://localhost:8000/v1/chat/completions"


def test_a_server_without_a_key_gets_no_authorization() -> None:
    one = model("own", "http://localhost:8000/v1")
    bare = Model(one.settings, make_provider("own", "http://localhost:8000/v1", None, {}))
    assert "authorization" not in build_request(bare, "x").headers


def test_gemini_is_asked_in_its_own_form_with_the_key_in_a_header() -> None:
    request = build_request(model("google", name="google/gemini-2.5-flash"), "x")
    assert request.url == (
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent"
    )
    assert request.headers["x-goog-api-key"] == KEY
    assert KEY not in request.url
    assert json.loads(request.body) == {
        "contents": [{"role": "user", "parts": [{"text": "x"}]}],
        "generationConfig": {"maxOutputTokens": 100, "temperature": 0.7, "topP": 1.0},
    }


def test_gemini_streams_events_and_is_asked_for_json() -> None:
    schema = {"type": "object"}
    request = build_request(
        model("google", name="../x?y"),
        "x",
        response_format={"type": "json_schema", "json_schema": {"schema": schema}},
        stream=True,
    )
    assert request.url.endswith("/models/..%2Fx%3Fy:streamGenerateContent?alt=sse")
    generation = json.loads(request.body)["generationConfig"]
    assert generation["responseMimeType"] == "application/json"
    assert generation["responseJsonSchema"] == schema


def test_neither_key_nor_prompt_is_in_the_repr_of_a_request() -> None:
    for provider in ("openrouter", "google"):
        shown = repr(build_request(model(provider), "confidential"))
        assert KEY not in shown
        assert "confidential" not in shown


def test_half_a_surrogate_in_a_prompt_does_no_harm() -> None:
    assert json.loads(build_request(model(), "a\ud800").body)["messages"][0]["content"] == "a?"


def test_an_answer_has_text_usage_model_and_an_ending() -> None:
    data = {
        "model": "a/b-2",
        "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 7, "cost": 0.001},
    }
    assert parse(data) == Completion("hi", Usage(5, 7, 0.001), "a/b-2", "stop")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, ""),
        ([{"type": "text", "text": "a"}, {"type": "image"}, {"text": "b"}], "ab"),
        (5, ""),
        ("a\ud800", "a?"),
    ],
)
def test_content_may_be_absent_or_in_parts(content: object, text: str) -> None:
    found = parse({"choices": [{"message": {"content": content}}]})
    assert isinstance(found, Completion)
    assert found.text == text


def test_an_error_may_come_inside_a_200() -> None:
    found = error({"error": {"message": "Rate limited", "code": 429}})
    assert found == APIError(429, "Rate limited")
    inside = error({"choices": [{"error": {"code": 503, "message": "gone"}}]})
    assert inside == APIError(503, "gone")


def test_the_word_of_the_provider_behind_the_router_is_kept_with_its_wait() -> None:
    data = {
        "error": {
            "message": "Provider returned error",
            "code": 429,
            "metadata": {"raw": "upstream is busy", "retry_after_seconds": 17},
        }
    }
    assert error(data, 429) == APIError(
        429, "Provider returned error: upstream is busy", retry_after=17.0
    )


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({"error": {"message": "This request requires more credits", "code": 402}}, 200),
        ({"error": {"message": "You can only afford 10 tokens"}}, 400),
        ({"error": {"message": "quota", "code": "insufficient_quota"}}, 429),
        ({}, 402),
        ("not json", 402),
    ],
)
def test_an_empty_account_is_told_apart(data: object, status: int) -> None:
    assert error(data, status).out_of_credit


def test_the_number_402_counts_only_as_a_word() -> None:
    assert is_credit_error("HTTP 402: pay")
    assert not is_credit_error("request 14025 failed")


def test_an_error_message_shows_no_key_and_is_short() -> None:
    found = error({"error": {"message": f"Incorrect API key: {KEY} " + "x" * 9999}}, 401)
    assert KEY not in found.message
    assert len(found.message) == 300


@pytest.mark.parametrize("data", [{}, [], None, 5, {"choices": []}, {"choices": "x"}, "text"])
def test_what_is_no_completion_is_an_error(data: object) -> None:
    assert error(data).status == 502


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe", b"[" * 100_000, b'{"a":'])
def test_what_is_no_json_is_an_error_with_its_status(body: bytes) -> None:
    for dialect in Dialect:
        assert parse_answer(dialect, 200, body) == APIError(502, "the answer is no JSON object")
        assert parse_answer(dialect, 503, body) == APIError(503, "HTTP 503")


def test_gemini_answers_in_parts_without_its_thoughts() -> None:
    data = {
        "candidates": [
            {
                "content": {"parts": [{"text": "hm", "thought": True}, {"text": "a"}, {"text": "b"}]},
                "finishReason": "STOP",
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 3, "candidatesTokenCount": 2, "thoughtsTokenCount": 10
        },
        "modelVersion": "gemini-2.5-flash",
    }  # fmt: skip
    expected = Completion("ab", Usage(3, 12), "gemini-2.5-flash", "STOP")
    assert parse(data, dialect=Dialect.GOOGLE) == expected


def test_gemini_refuses() -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}}
    assert error(blocked, dialect=Dialect.GOOGLE).message == "the prompt was blocked: SAFETY"
    busy = {
        "error": {
            "code": 429,
            "status": "RESOURCE_EXHAUSTED",
            "message": "Quota",
            "details": [{"x": 1}, {"retryDelay": "17s"}],
        }
    }
    assert error([busy], 429, Dialect.GOOGLE) == APIError(429, "Quota", retry_after=17.0)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "message", "content", "usage", "error", "code", "details", "metadata",
                 "candidates", "parts", "text", "delta", "cost", "prompt_tokens", "usageMetadata"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(json_values, st.sampled_from([200, 400, 500]), st.sampled_from(Dialect))
def test_any_json_is_an_answer_or_an_error(data: object, status: int, dialect: Dialect) -> None:
    found = parse(data, status, dialect)
    assert isinstance(found, Completion | APIError)
    stream = CompletionStream(dialect)
    stream.feed(ServerSentEvent(json.dumps(data)))
    assert isinstance(stream.result(), Completion | APIError)


STREAM = b"""\
: OPENROUTER PROCESSING

data: {"model": "a/b", "choices": [{"delta": {"role": "assistant", "content": ""}}]}

data: {"choices": [{"delta": {"content": "Hel"}}]}

data: {"choices": [{"delta": {"content": "lo"}, "finish_reason": "stop"}]}

data: {"choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 2}}

data: [DONE]

data: garbage

"""


def stream_of(data: bytes, dialect: Dialect = Dialect.OPENAI) -> tuple[CompletionStream, list[str]]:
    stream = CompletionStream(dialect)
    return stream, [stream.feed(event) for event in SSEDecoder().feed(data)]


def test_a_stream_is_put_together() -> None:
    stream, pieces = stream_of(STREAM)
    assert pieces == ["", "Hel", "lo", "", "", ""]
    assert stream.done
    assert stream.result() == Completion("Hello", Usage(4, 2), "a/b", "stop")


def test_a_stream_that_breaks_off_is_an_error() -> None:
    stream, _ = stream_of(STREAM[: STREAM.index(b'data: {"choices": [{"delta": {"content": "lo"')])
    assert stream.result() == APIError(502, "the stream broke off")


def test_an_error_in_a_stream_ends_it() -> None:
    stream, _ = stream_of(b'data: {"error": {"code": 429, "message": "slow down"}}\n\n' + STREAM)
    assert stream.done
    assert stream.result() == APIError(429, "slow down")


def test_an_event_that_is_no_json_is_an_error() -> None:
    stream, _ = stream_of(b"data: garbage\n\n")
    assert stream.result() == APIError(502, "an event of the stream is no JSON object")


def test_gemini_streams_without_a_mark_at_the_end() -> None:
    events = [
        {"candidates": [{"content": {"parts": [{"text": "a"}]}}], "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 1}},
        {"candidates": [{"content": {"parts": [{"text": "b"}]}, "finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2}},
    ]  # fmt: skip
    data = b"".join(b"data: " + json.dumps(event).encode() + b"\r\n\r\n" for event in events)
    stream, pieces = stream_of(data, Dialect.GOOGLE)
    assert pieces == ["a", "b"]
    assert stream.result() == Completion("ab", Usage(3, 2), "", "STOP")
