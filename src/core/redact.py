"""Secrets out of texts: what is masked, and what must stay readable.

Three kinds of evidence make a value a secret: a sensitive name in front of it
(``GOOGLE_API_KEY=…``, ``"password": "…"``, ``--token …``), a shape that only
credentials have (``sk-…``, ``ghp_…``, a JSON web token, the password in a
URL), or being known literally (`Redactor`).  Length alone is no evidence:
hashes, ids and long words survive.

Every pattern starts at a fixed word and walks forward, so the time grows
linearly with the text.  Masking a masked text changes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

MASK = "***REDACTED***"
"""What stands where a secret stood."""

MIN_SECRET_LENGTH = 8
"""Known values shorter than this are not masked: they would hit ordinary words."""

_MAX_DEPTH = 16

# A name is sensitive when it *ends* in one of these, whatever stands before:
# ``max_tokens`` and ``token_count`` are not, ``DB_PASSWORD_2`` is.  The shell's
# working directory (``PWD=/…``) is no password.
_NAME = (
    r"(?:api[ _.-]?keys?"
    r"|(?:access|account|auth|encryption|license|master|private|secret|service|session"
    r"|signing|ssh|subscription)[ _.-]?key"
    r"|token|secret|passw(?:or)?d|passphrase|passcode|(?<=_)pwd|pwd(?!=[/~])"
    r"|authorization|bearer|credential|cookie|пароль|токен|секрет)"
    r"(?:[_-]?(?:\d{1,4}|base|value))?"
)
_NAME_HINTS = (
    "key", "token", "secret", "passw", "passphrase", "passcode", "pwd", "authorization",
    "bearer", "credential", "cookie", "пароль", "токен", "секрет",
)  # fmt: skip
_SCHEMES = r"(?:bearer|basic|token|bot|apikey)"

# A value in quotes (the closing one may be cut off), in escaped quotes (JSON
# within JSON), or bare up to what ends a word, a list item or a URL parameter.
_VALUE = (
    r"(?P<open>[bruf]{0,2}(?:\"|'|`)|\\+[\"']|)"
    r"(?P<value>(?<=[^\\]\")(?:[^\"\\\n]|\\.)*"
    r"|(?<=[^\\]')(?:[^'\\\n]|\\.)*"
    r"|(?<=`)[^`\n]*"
    r"|(?<=\\[\"'])(?:[^\"'\\\n]|\\+(?![\"'\\]))*"
    r"|(?:[\w.-]{1,64}[:=][ \t]+){0,8}"
    r"(?:[^\s\"'`\\,;&]|\\(?![\"'])|[,;](?=[^\s\"'`])|&(?![\w.-]{1,64}=))+)"
)

_ASSIGNMENT = re.compile(
    rf"(?P<name>{_NAME})"
    r"(?P<between>\\*[\"'`]?\]?[ \t]*(?:[:=]=?>?|：)[ \t]*"
    rf"(?:{_SCHEMES}[ \t]+(?![ \t\n]))?)"
    rf"{_VALUE}",
    re.IGNORECASE,
)
_FLAG = re.compile(
    rf"(?<![\w-])(?P<name>--?(?:[a-z0-9]+[-_])*[a-z0-9]*?{_NAME})"
    r"(?P<between>\\*[\"'`]?,?[ \t]+(?![-\s]))"
    rf"{_VALUE}",
    re.IGNORECASE,
)
_HEADER = re.compile(
    rf"((?:authorization|cookie)[ \t]*:[ \t]*)(?!{_SCHEMES}[ \t])[^\s\"'`][^\"'`\n]*",
    re.IGNORECASE,
)
_BEARER = re.compile(
    r"(?<![\w-])(bearer[ \t]+)(?=[\w.~+/=-]{0,15}\d|[\w.~+/=-]{16})[\w.~+/=-]+", re.IGNORECASE
)
_URL_PASSWORD = re.compile(r"(://[^\s/?#@:\"'`<>]*:)[^\s/?#\"'`<>]+@")
_URL_TOKEN = re.compile(r"(https?://)[^\s/?#@:\"'`<>*]{16,}@", re.IGNORECASE)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----"
    r"(?:[^-]|-(?!----))*(?:-----END [A-Z0-9 ]{0,60}-----)?"
)
# Prefixes as the issuers document them.  The character before may be the
# letter of an escape (``\n`` in JSON), not one of a longer word (``task-…``).
_CREDENTIAL = re.compile(
    r"(?:(?<![A-Za-z0-9_-])|(?<=\\[nrt]))(?:"
    r"sk-(?!learn)[A-Za-z0-9_-]{8,}"
    r"|[prs]k_(?:live|test)_[A-Za-z0-9]{8,}"
    r"|key_(?:(?=[A-Za-z]{0,64}\d)(?=\d{0,64}[A-Za-z])[A-Za-z0-9]{10,}|[A-Za-z0-9]{16,})"
    r"|gh[oprsu]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}|glpat-[A-Za-z0-9_-]{16,}"
    r"|xox[abeoprs]-[A-Za-z0-9-]{8,}|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[A-Za-z0-9_-]{30,}"
    r"|(?:hf|gsk)_[A-Za-z0-9]{20,}|npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{32,}"
    r"|xai-[A-Za-z0-9]{20,}|ya29\.[A-Za-z0-9_-]{20,}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"
    r")"
)
_CREDENTIAL_HINTS = (
    "sk-", "k_live_", "k_test_", "key_", "gho_", "ghp_", "ghr_", "ghs_", "ghu_", "github_pat_",
    "glpat-", "xox", "akia", "asia", "aiza", "hf_", "gsk_", "npm_", "pypi-", "xai-", "ya29.",
    "eyj",
)  # fmt: skip

_SENSITIVE_NAME = re.compile(_NAME + r"\s*\Z", re.IGNORECASE)
_WORKING_DIRECTORY = frozenset({"PWD", "OLDPWD"})
_NO_SECRET = frozenset(
    {"true", "false", "null", "none", "nil", "undefined", "str", "string", "int", "bool"}
)
_PLACEHOLDER = re.compile(r"\$\{\w+\}?")
_SHORT_WORD = re.compile(r"[a-zа-я]{1,3}")
_CLOSERS = ")]}>.,;:"


def is_sensitive(name: str) -> bool:
    """Whether a key, header or environment variable of this name holds a secret."""
    return name not in _WORKING_DIRECTORY and _SENSITIVE_NAME.search(name) is not None


def redact(text: str) -> str:
    """Return ``text`` with every recognisable secret replaced by `MASK`."""
    lowered = text.lower()
    if "private key-----" in lowered:
        text = _PRIVATE_KEY.sub(MASK, text)
    if "://" in lowered and "@" in lowered:
        text = _URL_PASSWORD.sub(rf"\g<1>{MASK}@", text)
        text = _URL_TOKEN.sub(rf"\g<1>{MASK}@", text)
    if _any_in(_CREDENTIAL_HINTS, lowered):
        text = _CREDENTIAL.sub(MASK, text)
    if _any_in(_NAME_HINTS, lowered):
        text = _HEADER.sub(rf"\g<1>{MASK}", text)
        text = _ASSIGNMENT.sub(_mask_value, text)
        text = _FLAG.sub(_mask_argument, text)
        text = _BEARER.sub(rf"\g<1>{MASK}", text)
    return text


def credentials(text: str) -> Iterator[str]:
    """What stands in ``text`` and has a shape that only credentials have."""
    if _any_in(_CREDENTIAL_HINTS, text.lower()):
        yield from (found[0] for found in _CREDENTIAL.finditer(text))


def redact_value(key: str, value: Any) -> Any:
    """Return ``value`` as it may be shown under ``key``.

    A sensitive key masks whatever it holds, texts are redacted, mappings and
    sequences are walked, and anything that JSON does not know becomes text.
    """
    return _redact_value(key, value, redact, 0)


def secret_values(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The values of those environment variables whose names say that they are secret."""
    return tuple(value for name, value in environ.items() if is_sensitive(name))


class Redactor:
    """Masks known secret values wherever they appear, and then all that `redact` finds.

    Values shorter than `MIN_SECRET_LENGTH` are ignored.  A value is also
    recognised percent-encoded, JSON-escaped, and line by line.
    """

    __slots__ = ("_known",)

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        # The longest first, so that a secret which contains another goes whole.
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __repr__(self) -> str:
        return "Redactor()"

    def __call__(self, text: str) -> str:
        """Return ``text`` without secrets."""
        return redact(self._known.sub(MASK, text) if self._known else text)

    def value(self, key: str, value: Any) -> Any:
        """`redact_value`, with the known secrets masked too."""
        return _redact_value(key, value, self, 0)


def _any_in(hints: tuple[str, ...], text: str) -> bool:
    return any(hint in text for hint in hints)


def _mask_value(match: re.Match[str]) -> str:
    before, opening, value = match["name"] + match["between"], match["open"], match["value"]
    secret = value if opening else value.rstrip(_CLOSERS)
    if not secret or secret.lower() in _NO_SECRET or _PLACEHOLDER.fullmatch(secret):
        return match[0]
    return before + opening + MASK + value[len(secret) :]


def _mask_argument(match: re.Match[str]) -> str:
    # "--token or --key" is prose about an option, not its use.
    if not match["open"] and _SHORT_WORD.fullmatch(match["value"]):
        return match[0]
    return _mask_value(match)


def _redact_value(key: str, value: Any, clean: Callable[[str], str], depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if is_sensitive(key):
        return MASK if value not in ("", b"") else value
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, int | float):
        return value
    if depth < _MAX_DEPTH:
        if isinstance(value, Mapping):
            return {
                clean(str(name)): _redact_value(str(name), item, clean, depth + 1)
                for name, item in value.items()
            }
        if isinstance(value, list | tuple | set | frozenset):
            return [_redact_value("", item, clean, depth + 1) for item in value]
    return clean(str(value))


def _forms(secret: str) -> set[str]:
    lines = [line.strip() for line in secret.splitlines()] if "\n" in secret else []
    plain = {
        secret,
        secret.strip(),
        *(line for line in lines if len(line) >= 2 * MIN_SECRET_LENGTH),
    }
    escaped = {
        form
        for text in plain
        for form in (
            text,
            quote(text, safe="", errors="replace"),
            json.dumps(text)[1:-1],
            json.dumps(text, ensure_ascii=False)[1:-1],
        )
    }
    return {form for form in escaped if len(form) >= MIN_SECRET_LENGTH and form not in MASK}
