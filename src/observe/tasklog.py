"""The log of one task: what each event adds to ``task_<task id>_<YYYYMMDD_HHMMSS>.log``.

The file opens with a header block, goes on in lines of the form
``<YYYY-MM-DD HH:MM:SS> - <level> - <message>`` (a message may have several
lines), names the phases in the predecessor's words and closes with the
duration.  It is text only: no control codes, no secrets.

Whoever keeps the files asks `file_name` for the name, removes what `to_remove`
names, and appends what `lines_for` returns.  Beside the events that everybody
sees, `lines_for` understands some that only the log needs:
``instruction.rendered{position, text}`` (the full text), ``agent.launched{argv}``,
``agent.ended{exit_code, seconds, stdout, stderr}``, ``report.awaited{file, timeout}``,
``report.read{file, text}`` and ``task.assessed{text}``.  Times are in seconds.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from ..core.events import Event
from ..core.redact import redact
from .text import elapsed, one_line, plain

KEEP = 20
"""How many logs stay."""

_RULE = "=" * 80
_PREVIEW = 500
_NAME = re.compile(r"task_.*_(\d{8}_\d{6})\.log", re.DOTALL)
_UNSAFE = re.compile(r"[^\w.-]")


class Phase(StrEnum):
    """The predecessor's names of what a task is at."""

    START = "Инициализация"
    ASSESSMENT = "Анализ задачи"
    INSTRUCTION = "Генерация инструкции"
    AGENT = "Выполнение через Cursor"
    WAITING = "Ожидание результата"
    REPORT = "Обработка результата"
    END = "Завершение"
    ERROR = "Ошибка"


def file_name(task_id: str, now: float) -> str:
    """Name the log of a task that starts ``now``, in seconds since the epoch."""
    safe = _UNSAFE.sub("_", task_id)[:100].lstrip(".") or "_"
    return f"task_{safe}_{_local(now):%Y%m%d_%H%M%S}.log"


def to_remove(names: Iterable[str], keep: int = KEEP) -> list[str]:
    """Which of these files to remove so that the newest ``keep`` logs stay.

    The age is read from the name; a file that is no task log is never named.
    """
    logs = {(match[1], name) for name in names if (match := _NAME.fullmatch(name))}
    return [name for _, name in sorted(logs)[: max(0, len(logs) - keep)]]


def lines_for(event: Event, redactor: Callable[[str], str] = redact) -> str:
    """What to append for ``event``: whole lines, or nothing."""
    text = _TEXTS.get(event.name, _other)(event, event.data)
    return plain(redactor(text)) if text else ""


def _line(event: Event, message: str, level: str = "INFO") -> str:
    return f"{_timestamp(event.at)} - {level} - {message}\n"


def _phase(event: Event, phase: Phase, position: object = None) -> str:
    return _line(event, f"{phase}: {position}" if position else phase)


def _timestamp(at: float) -> str:
    return f"{_local(at):%Y-%m-%d %H:%M:%S}"


def _local(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC).astimezone()


def _task_started(event: Event, data: Mapping[str, Any]) -> str:
    text = (
        f"{_RULE}\nЗАДАЧА: {data.get('text', '')}\nID: {event.task_id}\n"
        f"НАЧАЛО: {_timestamp(event.at)}\n{_RULE}\n"
    )
    text += _phase(event, Phase.START)
    text += _line(
        event,
        f"Type: {data.get('type') or 'default'}, instructions: {data.get('instructions')}, "
        f"attempt: {event.attempt}",
    )
    if data.get("resumed_at"):
        text += _line(event, f"Resumed at instruction {data['resumed_at']}")
    return text


def _task_assessed(event: Event, data: Mapping[str, Any]) -> str:
    return _phase(event, Phase.ASSESSMENT) + _line(event, str(data.get("text", "")))


def _instruction_started(event: Event, data: Mapping[str, Any]) -> str:
    timeout = f", time-out {elapsed(data['timeout'])}" if data.get("timeout") else ""
    message = f"Instruction {_of_total(data)}: {one_line(str(data.get('name') or ''))}{timeout}"
    return _phase(event, Phase.INSTRUCTION, _of_total(data)) + _line(event, message)


def _instruction_rendered(event: Event, data: Mapping[str, Any]) -> str:
    message = f"Text of instruction {data.get('position')}:\n{data.get('text', '')}"
    return _line(event, message, "DEBUG")


def _instruction_done(event: Event, data: Mapping[str, Any]) -> str:
    return _line(event, f"Instruction {_of_total(data)} done in {_seconds(data)}")


def _instruction_failed(event: Event, data: Mapping[str, Any]) -> str:
    message = f"Instruction {_of_total(data)} failed after {_seconds(data)}: {data.get('reason')}"
    return _line(event, message, "ERROR")


def _agent_launched(event: Event, data: Mapping[str, Any]) -> str:
    return _line(event, f"Command: {shlex.join(map(str, data.get('argv', ())))}", "DEBUG")


def _agent_started(event: Event, data: Mapping[str, Any]) -> str:
    message = f"Agent {data.get('command')} started (pid {data.get('pid')})"
    return _phase(event, Phase.AGENT) + _line(event, message)


def _agent_progress(event: Event, data: Mapping[str, Any]) -> str:
    return _line(event, f"[{data.get('kind')}] {data.get('text', '')}", "DEBUG")


def _agent_ended(event: Event, data: Mapping[str, Any]) -> str:
    text = _line(event, f"Agent ended after {_seconds(data)}, exit code {data.get('exit_code')}")
    for name in ("stdout", "stderr"):
        if data.get(name):
            text += _line(event, f"{name}:\n{data[name]}", "DEBUG")
    return text


def _report_awaited(event: Event, data: Mapping[str, Any]) -> str:
    timeout = f" for at most {elapsed(data['timeout'])}" if data.get("timeout") else ""
    return _phase(event, Phase.WAITING) + _line(event, f"Waiting for {data.get('file')}{timeout}")


def _report_seen(event: Event, data: Mapping[str, Any]) -> str:
    message = f"Report {data.get('file')} is there, waited {_seconds(data, 'waited')}"
    return _phase(event, Phase.REPORT) + _line(event, message)


def _report_read(event: Event, data: Mapping[str, Any]) -> str:
    text = str(data.get("text", ""))
    preview = text if len(text) <= _PREVIEW else text[:_PREVIEW] + "…"
    return _line(event, f"Report {data.get('file')} begins:\n{preview}", "DEBUG")


def _task_done(event: Event, data: Mapping[str, Any]) -> str:
    return _phase(event, Phase.END) + _footer(
        "ЗАДАЧА УСПЕШНО ЗАВЕРШЕНА",
        f"Время выполнения: {_seconds(data)}",
        f"Инструкций выполнено: {data.get('completed')}/{data.get('total')}",
    )


def _task_failed(event: Event, data: Mapping[str, Any]) -> str:
    text = _phase(event, Phase.ERROR) + _line(event, str(data.get("reason")), "ERROR")
    if data.get("retry_at") is not None:
        text += _line(event, f"Next attempt at {_timestamp(data['retry_at'])}")
    return text + _footer("ЗАДАЧА ЗАВЕРШЕНА С ОШИБКОЙ", *_duration(data))


def _task_left(event: Event, data: Mapping[str, Any]) -> str:
    what = event.name.removeprefix("task.")
    return _phase(event, Phase.END) + _footer(f"{what}: {data.get('reason')}", *_duration(data))


def _other(event: Event, data: Mapping[str, Any]) -> str:
    shown = "".join(f" {key}={value}" for key, value in data.items())
    return _line(event, one_line(event.name + shown, 2000), "DEBUG")


def _footer(*lines: str) -> str:
    return "\n".join((_RULE, *lines, _RULE)) + "\n"


def _duration(data: Mapping[str, Any]) -> tuple[str, ...]:
    return (f"Время выполнения: {_seconds(data)}",) if "seconds" in data else ()


def _of_total(data: Mapping[str, Any]) -> str:
    return f"{data.get('position')}/{data.get('total')}"


def _seconds(data: Mapping[str, Any], key: str = "seconds") -> str:
    value = data.get(key)
    return f"{value:.1f} s" if isinstance(value, int | float) else "unknown time"


_TEXTS: Mapping[str, Callable[[Event, Mapping[str, Any]], str]] = {
    "task.started": _task_started,
    "task.assessed": _task_assessed,
    "instruction.started": _instruction_started,
    "instruction.rendered": _instruction_rendered,
    "instruction.done": _instruction_done,
    "instruction.failed": _instruction_failed,
    "agent.launched": _agent_launched,
    "agent.started": _agent_started,
    "agent.progress": _agent_progress,
    "agent.ended": _agent_ended,
    "report.awaited": _report_awaited,
    "report.seen": _report_seen,
    "report.read": _report_read,
    "task.done": _task_done,
    "task.failed": _task_failed,
    "task.skipped": _task_left,
    "task.interrupted": _task_left,
}
