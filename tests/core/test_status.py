"""The status protocol, byte for byte."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from codeagent.core import status
from codeagent.core.status import Status

NOON = 1_700_000_000.9


@pytest.fixture(autouse=True)
def _moscow(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Moscow")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


TS = "2023-11-15 01:13:20"


def test_a_new_file_begins_with_the_header() -> None:
    assert status.header(NOON) == (
        "# Статус выполнения проекта Code Agent\n"
        "\n"
        "> Файл автоматически создается и обновляется Code Agent\n"
        f"> Дата создания: {TS}\n"
        "\n"
        "## История выполнения\n"
        "\n"
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (lambda: status.server_started(NOON), f"\n# Code Agent Server запущен. Время: {TS}\n"),
        (lambda: status.all_done(NOON), f"\n## Все задачи выполнены. Время: {TS}\n"),
        (
            lambda: status.stopped_by_request(NOON),
            f"\n## Code Agent Server остановлен по запросу через API. Время: {TS}\n",
        ),
        (
            lambda: status.stopped("SIGTERM", NOON),
            f"\n## Code Agent Server остановлен: SIGTERM. Время: {TS}\n",
        ),
        (lambda: status.fatal_error("boom", NOON), f"\n## Критическая ошибка: boom. Время: {TS}\n"),
        (
            lambda: status.agent_keeps_failing(3, "boom"),
            (
                "\n## КРИТИЧЕСКАЯ ОШИБКА: Cursor ошибка повторяется (3 раз). "
                "Ошибка: boom. Сервер остановлен.\n"
            ),
        ),
        (
            lambda: status.recovered(1, 2),
            "\n## Восстановление после сбоя. Незавершенных задач: 1, с ошибками: 2\n",
        ),
        (status.separator, "\n---\n"),
        (
            lambda: status.task_update("Почини вход", Status.DONE, "хорошо"),
            "\n### **Задача:** Почини вход\n**Статус:** Выполнено\n**Детали:** хорошо\n",
        ),
        (
            lambda: status.task_update("two\nlines", Status.RUNNING),
            "\n### **Задача:** two\nlines\n**Статус:** В процессе\n",
        ),
        (
            lambda: status.details_started(NOON, "default"),
            f"Начало выполнения: {TS} (тип: default, интерфейс: Cursor)",
        ),
        (
            lambda: status.details_done(3, 8, "t1"),
            "Выполнено через Cursor CLI, успешно выполнено 3/8 инструкций (task_id: t1)",
        ),
        (
            lambda: status.details_partly_done(1, 8, 3, "t1"),
            "Выполнено только 1/8 инструкций. Требуется минимум 3 для завершения (task_id: t1)",
        ),
        (
            lambda: status.details_off_plan("Why.", "t1"),
            "Пропущено: не соответствует плану. Why. (task_id: t1)",
        ),
        (
            lambda: status.details_not_useful(9, "Why.", "t1"),
            "Пропущено: низкая полезность (9%). Why. (task_id: t1)",
        ),
        (lambda: status.details_agent_failed("boom"), "Критическая Ошибка Agent CLI: boom"),
        (
            lambda: status.details_restarting(4),
            "Перезапуск после инструкции 4 из-за изменения кода",
        ),
        (lambda: status.details_error("boom"), "Ошибка: boom"),
    ],
)
def test_every_situation_has_its_text(written: object, expected: str) -> None:
    assert callable(written)
    assert written() == expected


def test_the_statuses_are_the_predecessors() -> None:
    assert [str(one) for one in Status] == [
        "В процессе",
        "Выполнено",
        "Частично выполнено",
        "Пропущено",
        "Прервано",
        "Ошибка",
    ]


def test_an_error_loses_its_secrets() -> None:
    assert "hunter2" not in status.details_error("401 for API_KEY=hunter2")
    assert "hunter2" not in status.fatal_error("password: hunter2", NOON)
