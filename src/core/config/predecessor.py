"""What the predecessor checked in its configuration, told in its own words.

Types are those of Python: a float is no ``int``, and a ``bool`` is one.  Fields
that are absent or null pass, and so does every field that is not listed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .document import Path, dotted
from .problems import Problem, show

Report = Callable[[Path, str, object, str | None], Problem]
"""Makes the problem of a path, a message, the value found and what is allowed."""

_KINDS: Mapping[type, str] = {
    bool: "true or false",
    dict: "a mapping",
    int: "a whole number",
    list: "a list",
    str: "text",
    type(None): "null",
}

_INTERFACES = ("cursor", "gemini")


@dataclass(frozen=True, slots=True)
class _Rule:
    types: tuple[type, ...]
    low: int | None = None
    high: int | None = None
    choices: tuple[str, ...] = ()
    required: str | None = None

    @property
    def allowed(self) -> str:
        if self.choices:
            return ", ".join(self.choices)
        kinds = " or ".join(_KINDS[kind] for kind in self.types)
        return kinds if self.low is None else f"{kinds} from {self.low} to {self.high}"


_TEXT, _FLAG, _LIST, _MAPPING = _Rule((str,)), _Rule((bool,)), _Rule((list,)), _Rule((dict,))

_SECTIONS: Mapping[str, Mapping[str, _Rule]] = {
    "project": {
        "base_dir": _Rule(
            (str,), required="Базовая директория проекта (должна содержать ${PROJECT_DIR})"
        ),
        "docs_dir": _TEXT,
        "status_file": _TEXT,
        "todo_format": _Rule((str,), choices=("txt", "yaml", "md")),
    },
    "agent": {
        "role": _TEXT,
        "goal": _TEXT,
        "backstory": _TEXT,
        "allow_code_execution": _FLAG,
        "verbose": _FLAG,
        "tools": _LIST,
        "model": _TEXT,
        "allowed_models": _LIST,
    },
    "server": {
        "check_interval": _Rule((int,), 1, 3600),
        "max_iterations": _Rule((int, type(None))),
        "task_delay": _Rule((int,), 0, 300),
        "http_enabled": _FLAG,
        "http_port": _Rule((int,), 1024, 65535),
        "auto_reload": _FLAG,
        "reload_on_py_changes": _FLAG,
        "max_restarts": _Rule((int,), 1, 100),
        "auto_todo_generation": _MAPPING,
        "checkpoint": _MAPPING,
    },
}

_LIMITED = {
    "auto_todo_generation": "max_generations_per_session",
    "checkpoint": "max_task_attempts",
}


def check(tree: Mapping[Any, Any], report: Report) -> Iterator[Problem]:
    """Everything that the predecessor would have refused in ``tree``."""
    for section in _SECTIONS:
        if section not in tree:
            message = f"Отсутствует обязательная секция: {section}"
            yield report((section,), message, None, "a mapping")
    for section, rules in _SECTIONS.items():
        if section not in tree:
            continue
        fields = tree[section]
        if not isinstance(fields, dict):
            message = f"Секция '{section}' должна быть словарем"
            yield report((section,), message, fields, "a mapping")
            continue
        for name, rule in rules.items():
            yield from _check_field((section, name), fields.get(name), rule, report)
        if section == "server":
            yield from _check_nested(fields, report)
    llm = tree.get("llm")
    if isinstance(llm, dict):
        yield from _check_llm(llm, report)


def _check_field(
    path: tuple[str, str], value: object, rule: _Rule, report: Report
) -> Iterator[Problem]:
    key = dotted(path)
    if value is None:
        if rule.required is not None:
            message = f"Обязательное поле отсутствует: {key} ({rule.required})"
            yield report(path, message, None, rule.allowed)
        return
    if not isinstance(value, rule.types):
        expected = " или ".join(kind.__name__ for kind in rule.types)
        message = f"Неверный тип для {key}: ожидается {expected}, получен {type(value).__name__}"
        yield report(path, message, value, rule.allowed)
    elif rule.choices and value not in rule.choices:
        message = (
            f"Недопустимое значение для {key}: '{value}'. Разрешенные значения: {rule.allowed}"
        )
        yield report(path, message, value, rule.allowed)
    elif rule.low is not None and rule.high is not None and isinstance(value, int):
        if value < rule.low:
            message = f"слишком мало: {show(value)}. Минимальное значение: {rule.low}"
        elif value > rule.high:
            message = f"слишком велико: {show(value)}. Максимальное значение: {rule.high}"
        else:
            return
        yield report(path, f"Значение {key} {message}", value, rule.allowed)


def _check_nested(server: Mapping[Any, Any], report: Report) -> Iterator[Problem]:
    for section, limited in _LIMITED.items():
        fields = server.get(section)
        if not isinstance(fields, dict):
            continue
        enabled, limit = fields.get("enabled"), fields.get(limited)
        if enabled is not None and not isinstance(enabled, bool):
            path = ("server", section, "enabled")
            message = f"{dotted(path)} должен быть булевым значением"
            yield report(path, message, enabled, "true or false")
        if limit is not None and not (isinstance(limit, int) and 1 <= limit <= 100):
            path = ("server", section, limited)
            message = f"{dotted(path)} должен быть целым числом от 1 до 100"
            yield report(path, message, limit, "a whole number from 1 to 100")


def _check_llm(llm: Mapping[Any, Any], report: Report) -> Iterator[Problem]:
    interface = llm.get("cli_interface")
    if interface is not None:
        chosen = interface.lower() if isinstance(interface, str) else show(interface)
        if chosen not in _INTERFACES:
            allowed = ", ".join(_INTERFACES)
            message = (
                f"Недопустимое значение cli_interface: '{chosen}'. Допустимые значения: {allowed}"
            )
            yield report(("llm", "cli_interface"), message, interface, allowed)
    timeout = llm.get("timeout")
    if timeout is not None and not (isinstance(timeout, int | float) and timeout > 0):
        message = (
            f"Недопустимое значение timeout: {_plain(timeout)}. Должно быть положительным числом."
        )
        yield report(("llm", "timeout"), message, timeout, "a number above 0")
    retries = llm.get("retry_attempts")
    if retries is not None and not (isinstance(retries, int) and retries >= 0):
        message = (
            f"Недопустимое значение retry_attempts: {_plain(retries)}. "
            "Должно быть неотрицательным целым числом."
        )
        yield report(("llm", "retry_attempts"), message, retries, "a whole number of at least 0")


def _plain(value: object) -> str:
    return value if isinstance(value, str) else show(value)
