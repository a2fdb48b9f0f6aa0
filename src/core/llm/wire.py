"""Requests and answers as they go over the wire.

OpenAI's form is that of https://platform.openai.com/docs/api-reference/chat, which
OpenRouter and most local servers speak; Google's is ``generateContent`` of
https://ai.google.dev/api/generate-content.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from ..lenient import mapping
from ..ratelimit import parse_duration
from ..redact import redact
from .extract import number, text_of
from .providers import Dialect
from .secret import Headers
from .settings import Model

JSON_FORMAT: Final[Mapping[str, Any]] = {"type": "json_object"}

_LONGEST_MESSAGE: Final = 300
_LARGEST_COUNT: Final = 2**40
_CREDIT: Final = re.compile(r"\b402\b|credits|\bafford|insufficient_quota", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class WireRequest:
    """A request ready to be sent; its ``repr`` shows neither the key nor the prompt."""

    url: str
    headers: Headers
    body: bytes = field(repr=False)
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one or more requests; ``cost`` in USD if the server stated it."""

    input: int = 0
    output: int = 0
    cost: float | None = None

    def __add__(self, other: Usage) -> Usage:
        costs = [cost for cost in (self.cost, other.cost) if cost is not None]
        total = sum(costs) if costs else None
        return Usage(self.input + other.input, self.output + other.output, total)


@dataclass(frozen=True, slots=True)
class Completion:
    """A model's answer; ``finish`` is why it ended, in the server's word."""

    text: str
    usage: Usage = Usage()
    model: str = ""
    finish: str = ""


@dataclass(frozen=True, slots=True)
class APIError:
    """A refusal.  ``status`` is an HTTP status, also if it came inside a 200.

    ``out_of_credit`` means that this model cannot be paid for; ``retry_after`` is
    in seconds.
    """

    status: int
    message: str
    out_of_credit: bool = False
    retry_after: float | None = None


def is_credit_error(text: str) -> bool:
    """Whether an error message says that there is no money left for the request."""
    return _CREDIT.search(text) is not None


def build_request(
    model: Model,
    prompt: str,
    *,
    response_format: Mapping[str, Any] | None = None,
    stream: bool = False,
) -> WireRequest:
    """The request that puts ``prompt`` to ``model`` as a single message of the user.

    ``stream`` asks for server-sent events, the last of which holds the usage.
    """
    build = _google if model.provider.dialect is Dialect.GOOGLE else _openai
    url, secret, body = build(model, prompt, response_format, stream)
    headers = {
        "accept": "text/event-stream" if stream else "application/json",
        "content-type": "application/json",
        **secret,
    }
    data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    return WireRequest(url, Headers(headers), data)


def parse_answer(dialect: Dialect, status: int, body: bytes) -> Completion | APIError:
    """What the answer says; anything that is no completion is an error."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    data = mapping(value[0] if isinstance(value, list) and value else value)
    if not 200 <= status < 300:
        return read_error(data, status) or APIError(
            status, f"HTTP {status}", out_of_credit=status == 402
        )
    if error := read_error(data, 502):
        return error
    if not data:
        return APIError(502, "the answer is no JSON object")
    return read_google(data) if dialect is Dialect.GOOGLE else _read_openai(data)


def read_error(data: Mapping[str, Any], status: int) -> APIError | None:
    """The error in an answer or in an event of a stream, None if there is none.

    A ``code`` that is an HTTP status counts instead of ``status``.
    """
    raw = data.get("error")
    if not raw:
        return None
    error = mapping(raw)
    code, metadata = error.get("code"), mapping(error.get("metadata"))
    if type(code) is int and 400 <= code < 600:
        status = code
    parts = [
        text_of(error.get("message") if error else raw),
        text_of(metadata.get("raw")),
        code if isinstance(code, str) else "",
    ]
    full = ": ".join(part for part in parts if part) or f"HTTP {status}"
    wait = number(metadata.get("retry_after_seconds"))
    details = error.get("details")
    for detail in details if isinstance(details, list) else []:
        delay = mapping(detail).get("retryDelay")
        wait = parse_duration(delay) if isinstance(delay, str) else wait
    message = redact(full)[:_LONGEST_MESSAGE]
    return APIError(status, message, status == 402 or is_credit_error(full), wait)


def read_usage(data: Mapping[str, Any]) -> Usage:
    """The tokens in an answer or in an event of a stream, of either dialect."""
    usage, google = mapping(data.get("usage")), mapping(data.get("usageMetadata"))
    if google:
        output = _count(google.get("candidatesTokenCount"))
        output += _count(google.get("thoughtsTokenCount"))
        return Usage(_count(google.get("promptTokenCount")), output)
    cost = usage.get("cost")
    amount = None if isinstance(cost, str) else number(cost)
    return Usage(
        _count(usage.get("prompt_tokens")),
        _count(usage.get("completion_tokens")),
        amount if amount is not None and amount >= 0 else None,
    )


def content_text(content: object) -> str:
    """The text of a message whose content is text, a list of parts, or absent."""
    if isinstance(content, list):
        return "".join(content_text(mapping(part).get("text")) for part in content)
    return content.encode("utf-8", "replace").decode() if isinstance(content, str) else ""


def first(value: object) -> dict[str, Any]:
    """The first object of a list, an empty one if there is none."""
    return mapping(value[0]) if isinstance(value, list) and value else {}


def read_google(data: Mapping[str, Any]) -> Completion | APIError:
    """A completion, or a piece of one, in Google's form."""
    candidate = first(data.get("candidates"))
    if not candidate:
        reason = text_of(mapping(data.get("promptFeedback")).get("blockReason"))
        if reason:
            return APIError(400, f"the prompt was blocked: {reason}")
        if "usageMetadata" not in data:
            return APIError(502, "the answer holds no candidates")
    parts = mapping(candidate.get("content")).get("parts")
    spoken = [p for p in parts if not mapping(p).get("thought")] if isinstance(parts, list) else []
    return Completion(
        content_text(spoken),
        read_usage(data),
        text_of(data.get("modelVersion")),
        text_of(candidate.get("finishReason")),
    )


def _read_openai(data: Mapping[str, Any]) -> Completion | APIError:
    choices = data.get("choices")
    if not isinstance(choices, list) or not choices:
        return APIError(502, "the answer holds no choices")
    choice = first(choices)
    if error := read_error(choice, 502):
        return error
    return Completion(
        content_text(mapping(choice.get("message")).get("content")),
        read_usage(data),
        text_of(data.get("model")),
        text_of(choice.get("finish_reason")),
    )


_Built = tuple[str, dict[str, str], dict[str, Any]]


def _openai(
    model: Model, prompt: str, response_format: Mapping[str, Any] | None, stream: bool
) -> _Built:
    settings, key = model.settings, model.provider.key
    body: dict[str, Any] = {
        "model": settings.name,
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": settings.max_tokens,
        "temperature": settings.temperature,
        "top_p": settings.top_p,
    }
    if response_format is not None:
        body["response_format"] = dict(response_format)
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    secret = {"authorization": f"Bearer {key.reveal()}"} if key else {}
    return f"{model.provider.base_url}/chat/completions", secret, body


def _google(
    model: Model, prompt: str, response_format: Mapping[str, Any] | None, stream: bool
) -> _Built:
    settings, key = model.settings, model.provider.key
    generation: dict[str, Any] = {
        "maxOutputTokens": settings.max_tokens,
        "temperature": settings.temperature,
        "topP": settings.top_p,
    }
    if response_format is not None and response_format.get("type") != "text":
        generation["responseMimeType"] = "application/json"
        if schema := mapping(response_format.get("json_schema")).get("schema"):
            generation["responseJsonSchema"] = schema
    body = {
        "contents": [{"role": "user", "parts": [{"text": prompt}]}],
        "generationConfig": generation,
    }
    name = settings.name.removeprefix("google/").removeprefix("models/")
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    url = f"{model.provider.base_url}/models/{quote(name, safe='')}:{method}"
    return url, {"x-goog-api-key": key.reveal()} if key else {}, body


def _count(value: object) -> int:
    return value if type(value) is int and 0 <= value <= _LARGEST_COUNT else 0
