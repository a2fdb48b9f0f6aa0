"""The status protocol file: what is appended to it in which situation.

The file is Markdown in UTF-8, append only, and read by people and scripts, so
every text here is the predecessor's to the byte.  Each function returns the
text to append; ``now`` is in seconds since the epoch and shown in local time
as ``YYYY-MM-DD HH:MM:SS``.  Reasons and errors lose their secrets on the way;
what the user wrote stays as it is.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

from .redact import redact


class Status(StrEnum):
    """What the protocol says of a task."""

    RUNNING = "В процессе"
    DONE = "Выполнено"
    PARTLY_DONE = "Частично выполнено"
    SKIPPED = "Пропущено"
    INTERRUPTED = "Прервано"
    ERROR = "Ошибка"


STOP_REQUESTED = "Выполнение прервано по запросу остановки сервера"
"""Details of a task that was running when the server was asked to stop."""

SERVER_RESTARTED = "Задача прервана из-за перезапуска сервера"
"""Details of a task that was running when the server restarted."""


API_REQUEST = "a request to the API"
"""Why a server stops that was stopped through its API."""


def timestamp(now: float) -> str:
    """Return ``now`` as the protocol writes times."""
    return f"{datetime.fromtimestamp(now, UTC).astimezone():%Y-%m-%d %H:%M:%S}"


def header(now: float) -> str:
    """What a new file begins with."""
    return (
        "# Статус выполнения проекта Code Agent\n\n"
        "> Файл автоматически создается и обновляется Code Agent\n"
        f"> Дата создания: {timestamp(now)}\n\n"
        "## История выполнения\n\n"
    )


def entry(message: str, level: int) -> str:
    """A heading of ``level`` 1 to 6; further lines of ``message`` follow it unmarked."""
    return f"\n{'#' * level} {message}\n"


def separator() -> str:
    """What stands before every task."""
    return "\n---\n"


def server_started(now: float) -> str:
    """The server began."""
    return entry(f"Code Agent Server запущен. Время: {timestamp(now)}", 1)


def recovered(unfinished: int, failed: int) -> str:
    """After an unclean end: how many tasks were left unfinished and how many had failed."""
    return entry(
        f"Восстановление после сбоя. Незавершенных задач: {unfinished}, с ошибками: {failed}", 2
    )


def task_update(text: str, status: Status, details: str = "") -> str:
    """A task, its status, and the line of details where there is one."""
    message = f"**Задача:** {text}\n**Статус:** {status}"
    return entry(f"{message}\n**Детали:** {details}" if details else message, 3)


def all_done(now: float) -> str:
    """Nothing is pending; appended once per idle cycle."""
    return entry(f"Все задачи выполнены. Время: {timestamp(now)}", 2)


def stopped_by_request(now: float) -> str:
    """The server was stopped through its API."""
    return entry(f"Code Agent Server остановлен по запросу через API. Время: {timestamp(now)}", 2)


def stopped(reason: str, now: float) -> str:
    """The server was stopped, by a signal for one; through its API if it is `API_REQUEST`."""
    if reason == API_REQUEST:
        return stopped_by_request(now)
    return entry(f"Code Agent Server остановлен: {redact(reason)}. Время: {timestamp(now)}", 2)


def fatal_error(error: str, now: float) -> str:
    """The server ends because of an error that nothing handled."""
    return entry(f"Критическая ошибка: {redact(error)}. Время: {timestamp(now)}", 2)


def agent_keeps_failing(times: int, error: str) -> str:
    """The agent failed ``times`` times in a row in the same way and the server gives up."""
    return entry(
        f"КРИТИЧЕСКАЯ ОШИБКА: Cursor ошибка повторяется ({times} раз). "
        f"Ошибка: {redact(error)}. Сервер остановлен.",
        2,
    )


def details_started(now: float, task_type: str, interface: str = "Cursor") -> str:
    """``interface`` is ``Cursor`` or ``CrewAI``."""
    return f"Начало выполнения: {timestamp(now)} (тип: {task_type}, интерфейс: {interface})"


def details_done(succeeded: int, total: int, task_id: str) -> str:
    """The agent is called Cursor whichever it was."""
    return (
        f"Выполнено через Cursor CLI, успешно выполнено {succeeded}/{total} инструкций "
        f"(task_id: {task_id})"
    )


def details_partly_done(succeeded: int, total: int, required: int, task_id: str) -> str:
    """``required`` instructions would have been enough."""
    return (
        f"Выполнено только {succeeded}/{total} инструкций. "
        f"Требуется минимум {required} для завершения (task_id: {task_id})"
    )


def details_off_plan(reason: str, task_id: str) -> str:
    """Skipped: the task does not match the plan."""
    return f"Пропущено: не соответствует плану. {redact(reason)} (task_id: {task_id})"


def details_not_useful(percent: float, comment: str, task_id: str) -> str:
    """Skipped: the task was judged ``percent`` useful."""
    return f"Пропущено: низкая полезность ({percent}%). {redact(comment)} (task_id: {task_id})"


def details_agent_failed(error: str) -> str:
    """An error of the agent that no retry mends."""
    return f"Критическая Ошибка Agent CLI: {redact(error)}"


def details_restarting(instruction_id: int) -> str:
    """The server restarts after this instruction because its code changed."""
    return f"Перезапуск после инструкции {instruction_id} из-за изменения кода"


def details_error(error: str) -> str:
    """The task ended with an error."""
    return f"Ошибка: {redact(error)}"
