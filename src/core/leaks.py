"""Secrets in lines that were added to files.

Four things are taken for a secret:

* a value of at least 16 characters that is known to be one;
* what has the shape of a well-known credential (see :mod:`codeagent.core.redact`);
* a private key: the line ``-----BEGIN … PRIVATE KEY-----`` with key material behind it;
* a literal of at least 16 characters without blanks that is given to a name which
  ends in KEY (of two words or more), TOKEN, SECRET, PASSWORD or the like, if it looks
  random: it holds a letter and a digit, it is not made of words, and its entropy
  (Shannon's, over its own characters) is at least 3.5 bits a character, or 3.0 if it
  is a hexadecimal number.  A value without quotes counts where such are written:
  in files of settings, and in lines of the form ``NAME=value``.

Placeholders (``changeme``, ``your-key-here``, ``EXAMPLE``, ``xxxx``) are none.  Of
random literals of 22 characters the last rule misses four in a hundred.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from math import log2

from .redact import credentials

SHORTEST = 16
"""Characters that a literal has at least to be taken for a secret."""

ENTROPY, HEXADECIMAL_ENTROPY = 3.5, 3.0
"""Bits a character from which a literal looks random."""

_LONGEST = 4096
_MATERIAL_LINES = 4

_ISSUERS = (
    ("sk-ant-", "an Anthropic key"),
    ("sk-", "an API key"),
    ("sk_", "a Stripe key"),
    ("rk_", "a Stripe key"),
    ("pk_", "a Stripe key"),
    ("gh", "a GitHub token"),
    ("github_pat_", "a GitHub token"),
    ("glpat-", "a GitLab token"),
    ("xox", "a Slack token"),
    ("AKIA", "an AWS access key"),
    ("ASIA", "an AWS access key"),
    ("AIza", "a Google API key"),
    ("ya29.", "a Google token"),
    ("hf_", "a Hugging Face token"),
    ("npm_", "an npm token"),
    ("pypi-", "a PyPI token"),
    ("eyJ", "a JSON web token"),
)
_PRONE = ("sk-", "key_", "hf_", "npm_", "gsk_", "xai-")
_SHORTEST_PRONE = 20

_KEY_HEAD = re.compile(r"-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----")
_KEY_MATERIAL = re.compile(r"[A-Za-z0-9+/]{40}|Proc-Type:")

_LENGTH = f"{{{SHORTEST},{_LONGEST}}}"
_ASSIGNMENT = re.compile(
    r"(?<![\w.-])(?P<name>[A-Za-z_][\w.-]*+)"
    r"(?:[\"']\s{0,8},|[\"'\]]{0,3}\s{0,64}(?::\s{0,8}[&\w\[\]. |]{1,64}=|:=|=>|[:=]))\s{0,64}"
    r"(?:[rbuf]?(?P<quote>[\"'`])(?P<quoted>[^\"'`\s]" + _LENGTH + r")(?P=quote)"
    r"|(?P<bare>[\w+/=.~-]" + _LENGTH + r")(?=[\s,;#]|\Z))"
)
_VARIABLE = re.compile(r"\s*(?:export\s+|ENV\s+|set\s+)?[A-Z][A-Z0-9_]*=\S+\s*\Z")
_SETTINGS_FILE = re.compile(
    r"(?:\A|/)\.env[^/]*\Z|\.(?:env|ini|cfg|conf|properties|ya?ml|tfvars|npmrc|netrc)\Z", re.I
)

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRET_WORDS = frozenset(
    [
        "apikey",
        "authtoken",
        "credential",
        "credentials",
        "passphrase",
        "passwd",
        "password",
        "secret",
        "token",
    ]
)
_NAME_HINTS = ("credential", "key", "pass", "secret", "token")  # one of them is in every such name
_PUBLIC_WORDS = frozenset(
    ["foreign", "partition", "primary", "pub", "public", "publishable", "site", "sort"]
)

_WORDLIKE = re.compile(r"[A-Za-z]*\d{0,3}")
_SEPARATOR = re.compile(r"[_/.:@+=~-]+")
_HEXADECIMAL = re.compile(r"[0-9a-fA-F-]+")
_OBVIOUS = re.compile(
    r"example|changeme|change[_-]me|placeholder|your[_-]|redacted|dummy|x{6}|0{8}|\*{4}|\.{3}"
    r"|0123456789|1234567890|abcdefgh",
    re.IGNORECASE,
)
_HARMLESS = re.compile(r"test|fake|mock|sample|insecure|todo|default", re.IGNORECASE)
_TEMPLATE = re.compile(r"\A(?:\$|\{|<|%|@|/|\./)|\{\{|\$\{|://")


@dataclass(frozen=True, slots=True)
class Leak:
    """A secret in a line: what it seems to be. ``value`` is never to be shown."""

    number: int
    what: str
    value: str

    def __repr__(self) -> str:
        return f"Leak(number={self.number}, what={self.what!r})"


def leaks(
    path: str, lines: Sequence[tuple[int, str]], known: Collection[str] = ()
) -> Iterator[Leak]:
    """The secrets in some numbered lines of a file, the same value once.

    ``known`` are values that are secret whatever they look like.
    """
    known = [value for value in known if len(value) >= SHORTEST]
    text = "\n".join(line for _, line in lines)
    shapes = any(True for _ in credentials(text))
    settings = bool(_SETTINGS_FILE.search(path))
    seen = set[str]()
    for index, (number, line) in enumerate(lines):
        found = [("a secret of the server's own", value) for value in known if value in line]
        if not found:
            found += _private_key(lines, index)
            found += _in_line(line, shapes, settings)
        for what, value in found:
            if value not in seen:
                seen.add(value)
                yield Leak(number, what, value)


def entropy(text: str) -> float:
    """Shannon's entropy of the characters of ``text``, in bits a character."""
    length = len(text)
    return -sum(n / length * log2(n / length) for n in Counter(text).values())


def looks_random(value: str) -> bool:
    """Whether a literal may be a generated secret; see above."""
    if len(value) < SHORTEST or not re.search(r"[A-Za-z]", value) or not re.search(r"\d", value):
        return False
    if _OBVIOUS.search(value) or _HARMLESS.search(value) or _TEMPLATE.search(value):
        return False
    if _HEXADECIMAL.fullmatch(value):
        return entropy(value) >= HEXADECIMAL_ENTROPY
    return not _is_made_of_words(value) and entropy(value) >= ENTROPY


def names_a_secret(name: str) -> bool:
    """Whether a variable or a key of this name is there to hold a secret."""
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or _PUBLIC_WORDS.intersection(words):
        return False
    return words[-1] in _SECRET_WORDS or (words[-1] == "key" and len(words) > 1)


def _private_key(lines: Sequence[tuple[int, str]], index: int) -> Iterator[tuple[str, str]]:
    line = lines[index][1]
    if "-----BEGIN" in line and (head := _KEY_HEAD.search(line)):
        behind = [text for _, text in lines[index + 1 : index + _MATERIAL_LINES]]
        if material := _KEY_MATERIAL.search("\n".join([line[head.end() :], *behind])):
            yield "a private key", head[0] + material[0]


def _in_line(line: str, shapes: bool, settings: bool) -> Iterator[tuple[str, str]]:
    """``shapes`` says whether to look for those of credentials, ``settings`` what file it is."""
    shaped = [value for value in credentials(line) if _is_credential(value)] if shapes else []
    for value in shaped:
        yield _issuer(value), value
    lowered = line.lower()
    if not any(word in lowered for word in _NAME_HINTS):
        return
    bare_counts = settings or bool(_VARIABLE.match(line))
    for found in _ASSIGNMENT.finditer(line):
        value = found["quoted"] or (found["bare"] if bare_counts else "") or ""
        known = any(each in value or value in each for each in shaped)
        if not known and names_a_secret(found["name"]) and looks_random(value):
            yield f"a secret for {found['name'][:60]}", value


def _is_credential(value: str) -> bool:
    if _OBVIOUS.search(value):
        return False
    if value.startswith(_PRONE):  # these begin ordinary words as well
        return len(value) >= _SHORTEST_PRONE and not _is_made_of_words(value)
    return True


def _is_made_of_words(value: str) -> bool:
    return all(map(_WORDLIKE.fullmatch, _SEPARATOR.split(value)))


def _issuer(value: str) -> str:
    return next((what for prefix, what in _ISSUERS if value.startswith(prefix)), "an API key")
