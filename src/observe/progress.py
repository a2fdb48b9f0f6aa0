"""Progress on a stream: for people at a terminal, for pipes, for programs.

Each kind is a `codeagent.core.events.Sink` that any thread may call.  None of
them raises: a stream that is gone is not written to any more.
"""

from __future__ import annotations

import atexit
import json
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Self, TextIO

from ..core.events import Event
from ..core.redact import Redactor
from .progress_state import ProgressState, reduce
from .progress_text import Line, Mark, lines_for, render, summary
from .text import clock, display_width

_FRAME = 0.1
"""Least time in seconds between two drawings of the block when nothing ended."""

_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
_COLOURS = {Mark.DONE: "32", Mark.FAILED: "31", Mark.LEFT: "33", Mark.WARNING: "33"}


class Progress:
    """What the three kinds share: the lock, the redaction, and how a stream is written."""

    def __init__(self, stream: TextIO, *, redactor: Redactor | None = None) -> None:
        self._stream = stream
        self._redactor = redactor or Redactor()
        self._lock = threading.Lock()
        self._silent = False

    def __call__(self, event: Event) -> None:
        """Show ``event``."""
        with self._lock:
            if not self._silent:
                self._guarded(lambda: self._show(self._without_secrets(event)))

    def tick(self, now: float) -> None:
        """Let time pass: call it about once a second, ``now`` in seconds since the epoch."""
        with self._lock:
            if not self._silent:
                self._guarded(lambda: self._pass(now))

    def close(self) -> None:
        """Leave the stream as it was found; later events are ignored."""
        with self._lock:
            if not self._silent:
                self._guarded(self._leave)
            self._silent = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _show(self, event: Event) -> None:
        raise NotImplementedError

    def _pass(self, now: float) -> None:
        """Only a display that shows time has something to do."""

    def _leave(self) -> None:
        """Only a display that took the terminal has something to give back."""

    def _without_secrets(self, event: Event) -> Event:
        return replace(event, data=self._redactor.value("", event.data))

    def _guarded(self, action: Callable[[], None]) -> None:
        # An event that cannot be shown is no reason for the work to end.
        with suppress(Exception):
            action()

    def _write(self, text: str) -> None:
        """Write and flush ``text``; a stream that is gone is given up."""
        try:
            self._put(text)
        except BlockingIOError:  # non-blocking and full: its buffer keeps the rest
            pass
        except (OSError, ValueError):
            self._silent = True
            _discard_rest(self._stream)

    def _put(self, text: str) -> None:
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            encoding = self._stream.encoding or "ascii"
            self._stream.write(text.encode(encoding, "replace").decode(encoding))
        self._stream.flush()


class PlainProgress(Progress):
    """One line with the time for every event that matters, and a summary at the end.

    ``quiet`` leaves what failed and the summary.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        quiet: bool = False,
        logs: str = "",
        redactor: Redactor | None = None,
    ) -> None:
        super().__init__(stream, redactor=redactor)
        self._quiet = quiet
        self._logs = logs
        self._state = ProgressState()

    def _show(self, event: Event) -> None:
        before, self._state = self._state, reduce(self._state, event)
        lines = lines_for(before, event, self._state)
        if self._quiet:
            lines = [line for line in lines if line.mark in (Mark.FAILED, Mark.WARNING)]
        if event.name == "server.stopped":
            lines += summary(self._state, event.at, self._logs)
        if lines:
            self._write("".join(f"{clock(event.at)} {line}\n" for line in lines))


class TerminalProgress(Progress):
    """What runs, redrawn in place below the lines of what has ended.

    ``environ`` decides on colour (https://no-color.org); ``size`` returns the
    terminal's columns and rows and is asked at every drawing.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        environ: Mapping[str, str] | None = None,
        logs: str = "",
        redactor: Redactor | None = None,
        size: Callable[[], tuple[int, int]] | None = None,
    ) -> None:
        super().__init__(stream, redactor=redactor)
        self._colour = not (environ or {}).get("NO_COLOR") and stream.isatty()
        self._logs = logs
        self._size = size or self._terminal_size
        self._state = ProgressState()
        self._drawn: list[str] = []
        self._drawn_at = 0.0
        self._cursor_hidden = False

    def _show(self, event: Event) -> None:
        before, self._state = self._state, reduce(self._state, event)
        lines = [line for line in lines_for(before, event, self._state) if _stays(line, event)]
        if event.name == "server.stopped":
            lines += summary(self._state, event.at, self._logs)
        if lines or not 0 <= event.at - self._drawn_at < _FRAME:
            self._draw(lines, event.at)

    def _pass(self, now: float) -> None:
        if self._state.started_at is not None and not self._state.stopped:
            self._draw([], now)

    def _draw(self, lines: Iterable[Line], now: float) -> None:
        columns, rows = self._size()
        # The last column stays free: terminals differ in when they wrap there.
        width = columns - 1
        block = [] if self._state.stopped else render(self._state, now, width, rows)
        parts = [self._to_start(columns), *(f"{self._paint(line)}\n" for line in lines)]
        parts += [f"{line}\n" for line in block]
        self._drawn, self._drawn_at = block, now
        if self._cursor_hidden != bool(block):
            self._cursor_hidden = bool(block)
            parts.append(_HIDE_CURSOR if block else _SHOW_CURSOR)
            (atexit.register if block else atexit.unregister)(self.close)
        self._write("".join(parts))

    def _to_start(self, columns: int) -> str:
        """Go to where the block begins and clear it, wrapped by a resize or not."""
        rows = sum(max(1, -(-display_width(line) // columns)) for line in self._drawn)
        return f"\r\x1b[{rows}A\x1b[J" if rows else ""

    def _paint(self, line: Line) -> str:
        if not self._colour or not line.mark:
            return str(line)
        return f"\x1b[{_COLOURS[line.mark]}m{line.mark}\x1b[0m {line.text}"

    def _leave(self) -> None:
        if self._drawn:
            self._write(self._to_start(self._size()[0]))
        self._restore_cursor()

    def _restore_cursor(self) -> None:
        if self._cursor_hidden:
            self._cursor_hidden = False
            atexit.unregister(self.close)
            self._write(_SHOW_CURSOR)

    def _terminal_size(self) -> tuple[int, int]:
        try:
            columns, rows = os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError, AttributeError):
            return 80, 24
        return columns or 80, rows or 24


class JsonProgress(Progress):
    """One JSON object a line for every event, in UTF-8, written at once."""

    def _show(self, event: Event) -> None:
        self._write(json.dumps(event.as_dict(), ensure_ascii=False, default=str) + "\n")

    def _put(self, text: str) -> None:
        encoded = text.encode("utf-8", "backslashreplace")
        raw = getattr(self._stream, "buffer", None)
        if raw is None:
            super()._put(encoded.decode("utf-8"))
            return
        self._stream.flush()
        raw.write(encoded)
        raw.flush()


def progress_for(
    stream: TextIO,
    *,
    json: bool = False,
    quiet: bool = False,
    environ: Mapping[str, str],
    logs: str = "",
    secrets: Iterable[str] = (),
) -> Progress:
    """Choose how to show progress on ``stream``.

    ``json`` wins over ``quiet``; a stream that is no terminal, or one that
    calls itself dumb, gets plain lines.  ``logs`` is the directory of the
    tasks' logs as the summary shows it.
    """
    redactor = Redactor(secrets)
    if json:
        return JsonProgress(stream, redactor=redactor)
    if quiet or not stream.isatty() or environ.get("TERM") in (None, "", "dumb"):
        return PlainProgress(stream, quiet=quiet, logs=logs, redactor=redactor)
    return TerminalProgress(stream, environ=environ, logs=logs, redactor=redactor)


def _stays(line: Line, event: Event) -> bool:
    return line.mark is not Mark.NONE or event.name in ("server.started", "list.read")


def _discard_rest(stream: TextIO) -> None:
    """Send what a broken stream still buffers nowhere, or the interpreter's exit fails on it."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, stream.fileno())
        finally:
            os.close(nowhere)
