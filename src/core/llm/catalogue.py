"""Which models a provider offers: the answer to ``GET {base_url}/models``.

OpenRouter tells of limits and prices (https://openrouter.ai/docs/api-reference/list-available-models),
OpenAI and most local servers of names alone, Google of limits
(https://ai.google.dev/api/models).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from ..lenient import mapping
from .extract import number, text_of
from .providers import Dialect, Provider
from .secret import Headers
from .wire import WireRequest

_MILLION: Final = 1_000_000
_LARGEST_COUNT: Final = 2**40


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One model on offer; prices are in USD for a million tokens, None if not stated."""

    name: str
    context_window: int | None = None
    max_tokens: int | None = None
    input_price: float | None = None
    output_price: float | None = None

    @property
    def is_free(self) -> bool:
        return self.input_price == 0 and self.output_price == 0


def catalogue_request(provider: Provider) -> WireRequest:
    """The question to a provider what it offers."""
    headers = {
        "accept": "application/json",
        "http-referer": "https://codeagent.local",
        "x-title": "Code Agent",
    }
    url = f"{provider.base_url}/models"
    if provider.dialect is Dialect.GOOGLE:
        url += "?pageSize=1000"
        if provider.key:
            headers["x-goog-api-key"] = provider.key.reveal()
    elif provider.key:
        headers["authorization"] = f"Bearer {provider.key.reveal()}"
    return WireRequest(url, Headers(headers), b"", "GET")


def read_catalogue(text: str) -> list[Offer]:
    """The offers in an answer, by name.  Raises `ValueError` if it is no list of models."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("the answer is no JSON") from None
    entries = mapping(data).get("data", mapping(data).get("models"))
    if not isinstance(entries, list):
        raise ValueError("the answer holds no list of models")
    offers = (_offer(mapping(entry)) for entry in entries)
    found = {offer.name: offer for offer in offers if offer is not None}
    return [found[name] for name in sorted(found)]


def suitable(
    offers: Iterable[Offer], *, free: bool = False, minimum_context: int = 0, search: str = ""
) -> list[Offer]:
    """Those that are free, if that is asked for, and large enough, as far as is known."""
    return [
        offer
        for offer in offers
        if (offer.is_free or not free)
        and (not minimum_context or (offer.context_window or 0) >= minimum_context)
        and search.lower() in offer.name.lower()
    ]


def _offer(entry: dict[str, Any]) -> Offer | None:
    name = text_of(entry.get("id")) or text_of(entry.get("name")).removeprefix("models/")
    if not name:
        return None
    top, prices = mapping(entry.get("top_provider")), mapping(entry.get("pricing"))
    return Offer(
        name=name,
        context_window=_count(
            entry.get("context_length"),
            top.get("context_length"),
            entry.get("context_window"),
            entry.get("max_model_len"),
            entry.get("inputTokenLimit"),
        ),
        max_tokens=_count(top.get("max_completion_tokens"), entry.get("outputTokenLimit")),
        input_price=_price(prices.get("prompt")),
        output_price=_price(prices.get("completion")),
    )


def _count(*values: object) -> int | None:
    for value in values:
        found = number(value)
        if found is not None and 1 <= found <= _LARGEST_COUNT:
            return int(found)
    return None


def _price(value: object) -> float | None:
    price = number(value)
    return None if price is None or price < 0 else round(price * _MILLION, 6)
