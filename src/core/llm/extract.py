"""JSON out of what models say around it.

The time is bounded by a fixed multiple of the text's length, whatever the text.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final

_THOUGHTS: Final = re.compile(r"\s*<(think|thinking|reasoning)>")
_BRACE: Final = re.compile(r"\{(?=[ \t\r\n]*[\"}])")
_OPENING: Final = re.compile(r"\{(?=[ \t\r\n]*[\"}])|\[(?=[ \t\r\n]*[\"{\[\]\dtfn-])")
_NUMBER: Final = re.compile(r"(?<![\w.,-])-?\d{1,15}(?:[.,]\d{1,15})?(?!\w|-[^\W\d])")
_PAIR: Final = re.compile(
    r"""["'](?P<key>\w{1,64})["']\s{0,16}:\s{0,16}"""
    r"""(?:"(?P<double>(?:[^"\\]|\\.){0,20000})"|'(?P<single>(?:[^'\\]|\\.){0,20000})'"""
    r"""|(?P<bare>-?\d{1,15}(?:\.\d{1,15})?|[A-Za-z]{4,5}))""",
    re.DOTALL,
)
_BARE: Final = {"true": True, "false": False, "null": None, "none": None}

_decoder = json.JSONDecoder(strict=False, parse_constant=lambda _: None)


def without_thoughts(text: str) -> str:
    """The answer without the thinking that some models put in front of it."""
    text = text.removeprefix("\ufeff")
    if match := _THOUGHTS.match(text):
        _, end, rest = text.partition(f"</{match[1]}>")
        return rest if end else text
    return text


def find_object(text: str, *keys: str) -> dict[str, Any] | None:
    """The first JSON object anywhere in ``text``, None if there is none.

    With ``keys``, the first object that has one of them, else the first of all.
    """
    first = None
    for value in _values(without_thoughts(text), _BRACE):
        if not keys or any(key in value for key in keys):
            return dict(value)
        first = value if first is None else first
    return first


def find_json(text: str) -> dict[str, Any] | list[Any] | None:
    """The first JSON object or array anywhere in ``text``, None if there is none."""
    return next(_values(without_thoughts(text), _OPENING), None)


def salvage_object(text: str) -> dict[str, Any] | None:
    """What can be told of an object that was cut off or is no proper JSON.

    The result is flat: the first value under each key that is text, a number, a
    truth value or null.  Single quotes and the names of Python are understood.
    """
    found: dict[str, Any] = {}
    for match in _PAIR.finditer(without_thoughts(text)):
        quoted = match["double"] if match["double"] is not None else match["single"]
        if quoted is not None:
            value: Any = _unescaped(quoted)
        elif match["bare"].lower() in _BARE:
            value = _BARE[match["bare"].lower()]
        elif match["bare"].isalpha():
            continue
        else:
            value = float(match["bare"]) if "." in match["bare"] else int(match["bare"])
        found.setdefault(match["key"], value)
    return found or None


def named_number(text: str, name: str) -> float | None:
    """The number that stands behind ``name`` and a colon or an equals sign."""
    pattern = (
        rf"{re.escape(name)}[\"'`*]{{0,4}}\s{{0,16}}[:=][\"'`*\s]{{0,16}}(?P<n>{_NUMBER.pattern})"
    )
    match = re.search(pattern, text)
    return float(match["n"].replace(",", ".")) if match else None


def first_number(text: str, low: float = -math.inf, high: float = math.inf) -> float | None:
    """The first number in ``text`` that is not below ``low`` or above ``high``."""
    for match in _NUMBER.finditer(text):
        number = float(match[0].replace(",", "."))
        if low <= number <= high:
            return number
    return None


def number(value: object) -> float | None:
    """A finite number, also one written as text (``85``, ``"85 %"``)."""
    if isinstance(value, str):
        return first_number(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        result = float(value)
    except OverflowError:
        return None
    return result if math.isfinite(result) else None


def truth(value: object) -> bool | None:
    """A truth value, also one written as text."""
    if isinstance(value, str):
        return {"true": True, "yes": True, "false": False, "no": False}.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def text_of(value: object) -> str:
    """The text, stripped and fit for UTF-8; nothing for any other value."""
    if not isinstance(value, str):
        return ""
    return value.encode("utf-8", "replace").decode("utf-8").strip()


def _values(text: str, opening: re.Pattern[str]) -> Iterator[Any]:
    """The decodable values that begin with ``opening``, each after the end of the last."""
    # Nested beginnings may each be read far before they fail; this is the limit of it.
    effort = 8 * len(text) + 10_000
    position = 0
    while effort > 0 and (match := opening.search(text, position)):
        start = match.start()
        position = start + 1
        try:
            value, position = _decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            # An open string was read to the end, and making the error counts lines.
            reached = len(text) if error.msg.startswith("Unterminated") else error.pos
            effort -= reached - start + error.pos // 64
            continue
        except (ValueError, RecursionError):  # too many digits, too deep
            effort -= len(text) - start
            continue
        yield value


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text
