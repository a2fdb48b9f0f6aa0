"""Where models are reached, and with which key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from .secret import Secret


class Dialect(StrEnum):
    """The form of requests and answers."""

    OPENAI = "openai"  # chat completions
    GOOGLE = "google"  # Gemini's generateContent


_DEFAULT_URLS: Final = {
    "openrouter": "https://openrouter.ai/api/v1",
    "openai": "https://api.openai.com/v1",
    "google": "https://generativelanguage.googleapis.com/v1beta",
}
_UNRESOLVED: Final = re.compile(r"\$\{([^{}]*)\}")
_KEY: Final = re.compile(r"[\x21-\x7e]+")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider; ``problem`` says why it cannot be used and what would help."""

    name: str
    dialect: Dialect
    base_url: str
    key: Secret | None = None
    problem: str | None = None

    @property
    def usable(self) -> bool:
        return self.problem is None

    @property
    def origin(self) -> str:
        """``scheme://host:port``: the only place where the key may be sent."""
        parts = urlsplit(self.base_url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{parts.scheme}://{host}:{parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)}"


def key_variable(provider: str) -> str:
    """The environment variable that holds a provider's key: ``OPENROUTER_API_KEY``."""
    return re.sub(r"\W", "_", provider).upper() + "_API_KEY"


def make_provider(
    name: str, base_url: str | None, api_key: str | None, environment: Mapping[str, str]
) -> Provider:
    """The provider of that name; a server of one's own may do without a key.

    ``google`` speaks Gemini's dialect, everybody else OpenAI's.  Raises
    :class:`ValueError` if ``base_url`` is no URL of a server.
    """
    dialect = Dialect.GOOGLE if name == "google" else Dialect.OPENAI
    url = (base_url or _DEFAULT_URLS.get(name, "")).strip()
    if missing := _UNRESOLVED.search(url):
        return Provider(name, dialect, "", None, f"set the environment variable {missing[1]}")
    if not url:
        return Provider(name, dialect, "", None, f"providers.{name}.base_url is missing")
    _check(name, url)
    variable = key_variable(name)
    key = (api_key or "").strip() or environment.get(variable, "").strip()
    if missing := _UNRESOLVED.fullmatch(key):
        variable, key = missing[1], ""
    url = url.rstrip("/")
    if not key:
        own = name not in _DEFAULT_URLS and urlsplit(url).scheme == "http"
        problem = None if own else f"no key: set the environment variable {variable}"
        return Provider(name, dialect, url, None, problem)
    if not _KEY.fullmatch(key):
        problem = f"the key in {variable} holds characters that no key has; copy it again"
        return Provider(name, dialect, url, None, problem)
    return Provider(name, dialect, url, Secret(key))


def _check(name: str, url: str) -> None:
    where = f"providers.{name}.base_url"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(f"{where} is no URL") from None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or port == 0:
        raise ValueError(f"{where} must be a URL such as https://openrouter.ai/api/v1")
    if parts.username or parts.password:
        raise ValueError(f"{where} must not hold a key or password; put it into the environment")
    if parts.query or parts.fragment or re.search(r"[\s\x00-\x20\x7f]", url):
        raise ValueError(f"{where} must be a plain URL, without a query, a fragment or spaces")
