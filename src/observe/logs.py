"""Structured logging on the standard library.

Every line carries the task, attempt and path that `bind` put on the context,
then what `configure` and ``extra`` gave.  Two formats: the predecessor's line
with ``key=value`` behind the message, and JSON lines.  Secrets are masked in
messages, arguments, fields and tracebacks.

The caller only puts a record on a queue; a thread formats and writes.  The
queue is bounded and nothing is dropped: when it is full, the caller waits.
Nothing that goes wrong while writing reaches the caller.
"""

from __future__ import annotations

import atexit
import copy
import logging
import queue
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from logging.handlers import QueueHandler, RotatingFileHandler
from pathlib import Path
from types import MappingProxyType
from typing import Any, TextIO

from ..core.redact import Redactor
from .log_format import JsonFormatter, TextFormatter

MAX_BYTES = 10 * 2**20
"""Size at which a log file is rotated."""

BACKUPS = 5
"""Rotated files that are kept beside the current one."""

_QUEUE_LENGTH = 10_000
_Waiting = queue.Queue[logging.LogRecord | None]

_bound: ContextVar[Mapping[str, Any]] = ContextVar("bound", default=MappingProxyType({}))


class LogFileError(Exception):
    """The log file cannot be opened."""


@contextmanager
def bind(**values: Any) -> Iterator[None]:
    """Put ``values`` on every line that this context logs until the block ends.

    The names that every line shows are ``task``, ``attempt`` and ``path``.
    """
    token = _bound.set({**_bound.get(), **values})
    try:
        yield
    finally:
        _bound.reset(token)


def configure(
    level: str | int = "INFO",
    file: Path | None = None,
    json: bool = False,
    secrets: Iterable[str] = (),
    *,
    stream: TextIO | None = None,
    fields: Mapping[str, Any] | None = None,
    max_bytes: int = MAX_BYTES,
    backups: int = BACKUPS,
) -> None:
    """Log to ``file`` and ``stream`` (standard error if neither is given).

    The file is appended to, and rotated when it reaches ``max_bytes``.  The
    ``fields`` stand on every line of the process.  A second call replaces the
    first.  Raises `ValueError` for an unknown level, `LogFileError` if the file
    cannot be opened; then the former configuration stays.
    """
    global _session
    threshold = _level(level)
    handlers = _handlers(file, stream, max_bytes, backups)
    redactor = Redactor(secrets)
    for handler in handlers:
        handler.setFormatter(JsonFormatter(redactor) if json else TextFormatter(redactor))
    with _session_lock:
        if _session is not None:
            _session.stop()
        _session = _Session(threshold, handlers, fields or {})


def close() -> None:
    """Write what is queued, and stop logging. Without `configure` it does nothing."""
    global _session
    with _session_lock:
        if _session is not None:
            _session.stop()
        _session = None


class _Session:
    """One configuration at work, from its making to `stop`."""

    def __init__(
        self, level: int, handlers: list[logging.Handler], fields: Mapping[str, Any]
    ) -> None:
        self._handlers = handlers
        self._waiting: _Waiting = queue.Queue(_QUEUE_LENGTH)
        self._entrance = _Entrance(self._waiting, fields)
        self._entrance.setLevel(level)
        self._writer = threading.Thread(target=self._write, name="log", daemon=True)
        self._writer.start()
        root = logging.getLogger()
        self._former_level = root.level
        root.setLevel(level)
        root.addHandler(self._entrance)
        atexit.register(self.stop)

    def stop(self) -> None:
        """Take the handlers away and write what is queued."""
        atexit.unregister(self.stop)
        root = logging.getLogger()
        root.removeHandler(self._entrance)
        root.setLevel(self._former_level)
        self._waiting.put(None)
        self._writer.join()
        for handler in (self._entrance, *self._handlers):
            with suppress(OSError):
                handler.close()

    def _write(self) -> None:
        while (record := self._waiting.get()) is not None:
            for handler in self._handlers:
                with suppress(Exception):
                    handler.handle(record)


class _Entrance(QueueHandler):
    """Takes records from the callers, as they are at that moment."""

    def __init__(self, waiting: _Waiting, fields: Mapping[str, Any]) -> None:
        super().__init__(waiting)
        self._waiting = waiting
        self._fields = dict(fields)
        self.addFilter(self._add_fields)

    def _add_fields(self, record: logging.LogRecord) -> bool:
        record.bound_fields = {**self._fields, **_bound.get()}
        return True

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Settle what may change until it is written: the arguments and the traceback."""
        settled = copy.copy(record)
        try:
            settled.msg = record.getMessage()
        except Exception:  # a wrong format is the caller's mistake, not a reason to lose the line
            settled.msg = f"{record.msg!s} {record.args!r}"
        settled.args = None
        if record.exc_info and not record.exc_text:
            settled.exc_text = _PLAIN_FORMATTER.formatException(record.exc_info)
        settled.exc_info = None
        return settled

    def enqueue(self, record: logging.LogRecord) -> None:
        """Queue ``record``, waiting for room."""
        self._waiting.put(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """An argument that cannot be shown costs its line, nothing more."""


class _File(RotatingFileHandler):
    """A rotated file; a disk that refuses is told of once on standard error."""

    _told = False
    _formatted: tuple[logging.LogRecord, str] | None = None

    def format(self, record: logging.LogRecord) -> str:
        """The text of ``record``, made once: the check for rotation asks for it too."""
        if self._formatted is None or self._formatted[0] is not record:
            self._formatted = (record, super().format(record))
        return self._formatted[1]

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Say once that lines are being lost, and go on."""
        if not self._told:
            self._told = True
            error = sys.exc_info()[1]
            with suppress(OSError, ValueError, AttributeError):
                sys.stderr.write(f"cannot write the log {self.baseFilename}: {error}\n")


class _Stream(logging.StreamHandler[TextIO]):
    """A stream that may break at any time."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """There is nobody left to tell."""


_PLAIN_FORMATTER = logging.Formatter()
_session: _Session | None = None
_session_lock = threading.Lock()


def _level(level: str | int) -> int:
    known = logging.getLevelNamesMapping()
    number = known.get(level.upper()) if isinstance(level, str) else level
    if number is None:
        names = "DEBUG, INFO, WARNING, ERROR or CRITICAL"
        raise ValueError(f"unknown log level {level!r}: use {names}")
    return number


def _handlers(
    file: Path | None, stream: TextIO | None, max_bytes: int, backups: int
) -> list[logging.Handler]:
    handlers: list[logging.Handler] = []
    if file is not None:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            handlers.append(
                _File(
                    file,
                    maxBytes=max_bytes,
                    backupCount=backups,
                    encoding="utf-8",
                    errors="backslashreplace",
                )
            )
        except OSError as error:
            message = f"cannot open the log file {file}: {error.strerror or error}"
            raise LogFileError(f"{message}; name another one or correct its permissions") from error
    if stream is not None or file is None:
        handlers.append(_Stream(stream if stream is not None else sys.stderr))
    return handlers
