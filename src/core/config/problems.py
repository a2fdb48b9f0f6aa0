"""What can be wrong with a configuration, and how it is told."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterable
from dataclasses import dataclass

SHOWN_CHARACTERS = 80
HIDDEN = "<hidden>"

_SECRET = re.compile(r"key|token|secret|passw|credential|environment|command", re.IGNORECASE)

_shortener = reprlib.Repr()
_shortener.maxstring = _shortener.maxother = _shortener.maxlong = SHOWN_CHARACTERS


def show(value: object) -> str:
    """``value`` for a message: on one line, and short however large it is."""
    try:
        return _shortener.repr(value)
    except ValueError:  # an integer of more digits than Python is willing to print
        return f"<{type(value).__name__}>"


def presentable(key: str, value: object) -> object:
    """``value`` as it may be shown for the dotted ``key``: no secrets, no contents."""
    if value is not None and _SECRET.search(key):
        return HIDDEN
    if isinstance(value, dict | list) and value:
        return "<mapping>" if isinstance(value, dict) else "<list>"
    return value


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to put right.

    ``key`` is dotted (``server.http_port``) and empty for the document as a whole,
    ``value`` is what was found, ``allowed`` says what may stand there, and ``line``
    is 1-based.  Make ``value`` :func:`presentable` first: it is shown.
    """

    key: str
    message: str
    value: object | None = None
    allowed: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        details = []
        if self.key and self.key not in self.message:
            details.append(self.key)
        if self.line is not None:
            details.append(f"line {self.line}")
        if self.value is not None:
            details.append(f"value {show(self.value)}")
        if self.allowed is not None and self.allowed not in self.message:
            details.append(f"allowed: {self.allowed}")
        return f"{self.message} ({'; '.join(details)})" if details else self.message


class ConfigError(ValueError):
    """The configuration cannot be used; ``problems`` holds every reason at once.

    For a configuration of the predecessor the text keeps the predecessor's
    header and closing advice, so that whoever looks for them finds them.
    """

    def __init__(
        self, problems: Iterable[Problem], *, source: str, predecessor: bool = False
    ) -> None:
        self.problems = tuple(problems)
        self.source = source
        listed = "\n".join(f"  - {problem}" for problem in self.problems)
        count = len(self.problems)
        if predecessor:
            text = (
                f"Ошибка валидации конфигурации: {source}\n\n"
                f"Обнаружено {count} ошибок валидации конфигурации\n{listed}\n\n{_ADVICE}"
            )
        else:
            noun = "problem" if count == 1 else "problems"
            text = f"{source}: {count} {noun} in the configuration\n{listed}"
        super().__init__(text)


_ADVICE = """\
Для решения проблем:
  1. Проверьте структуру config.yaml
  2. Убедитесь, что все обязательные поля присутствуют
  3. Проверьте типы и значения полей
  4. См. документацию: docs/configuration.md"""
