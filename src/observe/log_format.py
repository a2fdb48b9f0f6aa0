"""The two formats of a log line, both free of secrets and of control codes."""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ..core.redact import Redactor
from .text import plain

COLUMNS = ("task", "attempt", "path")
"""Fields that every line shows, known or not."""

# What a record has of itself; everything else came from ``extra``.
_OWN = frozenset(
    {*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName", "bound_fields"}
)
_BARE = re.compile(r"[^\s\"'=\\]+")


class TextFormatter(logging.Formatter):
    """``<time> - <logger> - <level> - <message> key=value …`` as in logfmt.

    Further lines of a message or traceback are indented, so that nothing in
    them can pass for a record.
    """

    def __init__(self, redactor: Redactor) -> None:
        super().__init__("%(asctime)s - %(name)s - %(levelname)s - %(message)s")
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """Format ``record``; its message and traceback must already be text."""
        record.message, *rest = plain(self._redactor(record.getMessage())).split("\n")
        record.asctime = self.formatTime(record)
        shown = _fields(record, self._redactor)
        columns = {name: shown.pop(name, None) for name in COLUMNS}
        pairs = "".join(
            f" {_logfmt(key)}={_logfmt(value)}" for key, value in (columns | shown).items()
        )
        if traceback := _traceback(record):
            rest += plain(self._redactor(traceback)).split("\n")
        return "\n    ".join((self.formatMessage(record) + pairs, *rest))


class JsonFormatter(logging.Formatter):
    """One JSON object a line; ``time`` is RFC 3339 in UTC."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """Format ``record``; its message and traceback must already be text."""
        time = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "time": time.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": self._redactor(record.getMessage()),
            **dict.fromkeys(COLUMNS),
        }
        for key, value in _fields(record, self._redactor).items():
            line[key if key in COLUMNS or key not in line else f"{key}_"] = _finite(value)
        if traceback := _traceback(record):
            line["exception"] = self._redactor(traceback)
        return json.dumps(line, ensure_ascii=False)


def _fields(record: logging.LogRecord, redactor: Redactor) -> dict[str, Any]:
    extra = {key: value for key, value in record.__dict__.items() if key not in _OWN}
    bound: Mapping[str, Any] = getattr(record, "bound_fields", {})
    shown = redactor.value("", {**bound, **extra})
    return shown if isinstance(shown, dict) else {}


def _traceback(record: logging.LogRecord) -> str:
    return "\n".join(text for text in (record.exc_text, record.stack_info) if text)


def _logfmt(value: Any) -> str:
    if value is None:
        return "-"
    text = value if isinstance(value, str) else json.dumps(_finite(value), ensure_ascii=False)
    return text if _BARE.fullmatch(text) and text.isprintable() else json.dumps(text)


def _finite(value: Any) -> Any:
    """JSON knows neither infinities nor NaN: they become text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list) else value
