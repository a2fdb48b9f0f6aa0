"""Text as terminals and logs need it: one line, no control codes, measured in columns."""

from __future__ import annotations

import re

# ECMA-48 control sequences, operating system commands, and two-byte escapes; `re` keeps
# it compiled once it is needed, which `codeagent ls` seldom does.
_ESCAPES = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])"
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
del _CONTROLS[ord("\t")], _CONTROLS[ord("\n")]
# Line ends that only str.splitlines knows would break a line for some readers.
_CONTROLS |= {0x2028: "\\u2028", 0x2029: "\\u2029"}
_VARIATION_SELECTOR_16 = "\ufe0f"


def plain(text: str) -> str:
    """Drop escape sequences, normalise line ends and spell other control characters out."""
    text = re.sub(_ESCAPES, "", text) if "\x1b" in text else text
    text = text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    return text if text.isprintable() else text.translate(_CONTROLS)


def one_line(text: str, limit: int = 500) -> str:
    """Return ``text`` on one line of at most ``limit`` characters."""
    line = " ".join(plain(text[: 4 * limit]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def display_width(text: str) -> int:
    """Columns that ``text`` takes, as Unicode's East Asian Width (UAX 11) counts them.

    Never too small: an emoji sequence counts as the sum of its parts, and what
    a variation selector turns into an emoji counts as wide.
    """
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def fit(text: str, width: int) -> str:
    """Return ``text`` cut to ``width`` columns, with an ellipsis where it was cut."""
    if display_width(text) <= width:
        return text
    room = width - 1
    for end, character in enumerate(text):
        room -= _columns(character)
        if room < 0:
            return text[:end] + "…" if width > 0 else ""
    return text


def clock(at: float) -> str:
    """``HH:MM:SS`` in local time of ``at``, in seconds since the epoch."""
    from datetime import UTC, datetime  # commands that show no times start without it

    return f"{datetime.fromtimestamp(at, UTC).astimezone():%H:%M:%S}"


def elapsed(seconds: float) -> str:
    """``mm:ss``, or ``h:mm:ss`` from an hour on; negative times show as none."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def _columns(character: str) -> int:
    import unicodedata  # for text that is not ASCII

    if character == _VARIATION_SELECTOR_16:
        return 1
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
