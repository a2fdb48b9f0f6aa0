"""Projects, configurations and agents to run a server on."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from . import fake_agent
from .processes import Json, environment
from .world import STAND_IN

QUICK = {"retry_delay": 0, "exit_grace": 0.2, "report_timeout": 5, "grace_period": 2}
"""Settings of ``async`` with which misbehaviour is over soon."""

CATALOGUE = (
    ("Создание плана", "docs/results/last_result.md", "Отчет завершен!"),
    ("Выполнение плана", "docs/results/plan_result_{task_id}.md", "Отчет завершен!"),
    ("Тестирование", "docs/results/test_{task_id}.md", "Тестирование завершено!"),
    ("Обновление документации", "docs/results/last_result.md", "Отчет завершен!"),
    ("Ревью Скептика", "docs/reviews/skeptic_{task_id}_{date}.md", "Отчет готов!"),
    ("Исправление по ревью", "docs/results/last_result.md", "Отчет завершен!"),
    ("Частичное тестирование", "docs/results/test_full_{task_id}.md", "Тестирование завершено!"),
    ("Коммит и отправка", "docs/results/last_result.md", "Коммит выполнен!"),
)
"""Name, report and phrase of the predecessor's eight instructions."""

TEMPLATE = """\
Инструкция «{name}»

Задача: {{task_name}}
Описание: {{task_description}}
Пункт плана {{plan_item_number}}: {{plan_item_text}}
Дата: {{date}}, номер: {{task_id}}
Скобки: {{"json": {{unknown}}, {{}}}} $HOME `pwd`
STEP: {{plan_item_number}}
REPORT: {report}
PHRASE: {phrase}
"""


@dataclass(frozen=True)
class Place:
    """An installation: where to start the server, on which project, in which environment."""

    cwd: Path
    project: Path
    state: Path
    env: Mapping[str, str]
    records: Path
    todo: Path

    def runs(self) -> list[Json]:
        """What the fake agent recorded, one entry for each time it was started."""
        if not self.records.exists():
            return []
        return [json.loads(line) for line in self.records.read_bytes().splitlines()]

    def steps(self) -> list[tuple[str, int]]:
        """Task and position of each run of the fake agent."""
        return [(run["task"], run["step"]) for run in self.runs()]

    def read(self, name: str | Path) -> str:
        return (self.project / name).read_bytes().decode("utf-8")


def program(path: Path, *, name: str = "agent") -> Path:
    """The fake agent as an executable in the directory ``path``."""
    path.mkdir(parents=True, exist_ok=True)
    file = path / name
    file.write_text(f"#!{sys.executable} -SE\n{_agent_source()}", "utf-8")
    file.chmod(0o755)
    return file


def modern(
    base: Path,
    todo: str,
    *,
    behaviours: str = "",
    settings: Mapping[str, Any] | None = None,
    **sections: Any,
) -> Place:
    """A project with a ``codeagent.yaml`` whose agent is the stand-in."""
    place = _place(base, todo, CODEAGENT_STANDIN=behaviours)
    agent = {"command": list(STAND_IN), "prompt": "stdin", "output": "stream-json"}
    write_config(
        place,
        {
            "agents": {"stand-in": agent},
            "async": {"agent": "stand-in", **QUICK, **(settings or {})},
            **sections,
        },
    )
    return place


def bare(base: Path, todo: str, *, name: str = "todo.md") -> Place:
    """A project without any configuration, and the fake agent on the PATH."""
    programs = program(base / "bin").parent
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return _place(base, todo, name=name, PATH=path)


def scripted(
    base: Path,
    todo: str,
    *,
    instructions: Sequence[Mapping[str, Any]] | None = None,
    settings: Mapping[str, Any] | None = None,
    name: str = "todo.md",
    **sections: Any,
) -> Place:
    """A project with a ``codeagent.yaml`` and the fake agent, on the PATH."""
    place = bare(base, todo, name=name)
    config: dict[str, Any] = {"async": {**QUICK, **(settings or {})}, **sections}
    if instructions is not None:
        config["instructions"] = {"default": list(instructions)}
    write_config(place, config)
    return place


def predecessor(
    base: Path,
    todo: str,
    *,
    name: str = "todo.md",
    settings: Mapping[str, Any] | None = None,
    instructions: Mapping[str, Any] | None = None,
    **sections: Any,
) -> Place:
    """An installation of the predecessor: ``config/config.yaml``, ``.env``, and a project."""
    project, root = base / "project", base / "installation"
    place = _place(base, todo, name=name, directory=project)
    binary = program(base / "programs", name="cursor-agent")
    (root / "config").mkdir(parents=True)
    (root / ".env").write_text(f"PROJECT_DIR={project}\n", "utf-8")
    tree = {
        "project": {"base_dir": "${PROJECT_DIR}", "todo_format": "md"},
        "agent": {"role": "Developer"},
        "server": {"task_delay": 0, "http_port": 3456},
        "llm": {"cli_interface": "cursor"},
        "cursor": {
            "cli": {
                "cli_path": str(binary),
                "container_name": "cursor-agent",
                "resilience": {"fallback_retry_delay": 0},
            }
        },
        "instructions": instructions or {"default": eight()},
        "async": {"retry_delay": 0, **(settings or {})},
        **sections,
    }
    text = yaml.safe_dump(tree, allow_unicode=True, sort_keys=False)
    (root / "config" / "config.yaml").write_text(text, "utf-8")
    return Place(root, project, root / "data", place.env, place.records, place.todo)


def eight() -> list[dict[str, Any]]:
    """The predecessor's eight instructions, with the two that take no part in the sequence."""
    entries: list[dict[str, Any]] = [
        instruction(number, *about) for number, about in enumerate(CATALOGUE, 1)
    ]
    entries.append({"instruction_id": "report-check", "name": "Check", "template": "unused"})
    entries.insert(0, {"instruction_id": "free", "name": "Free", "template": "unused"})
    return entries


def instruction(
    number: int, name: str, report: str, phrase: str, timeout: float = 30
) -> dict[str, Any]:
    """One entry of a sequence, with a template that the fake agent understands."""
    return {
        "instruction_id": number,
        "name": name,
        "template": TEMPLATE.format(name=name, report=report, phrase=phrase),
        "wait_for_file": report,
        "control_phrase": phrase,
        "timeout": timeout,
    }


def write_config(place: Place, tree: Mapping[str, Any]) -> None:
    """Write the project's ``codeagent.yaml``."""
    text = yaml.safe_dump(dict(tree), allow_unicode=True, sort_keys=False)
    (place.project / "codeagent.yaml").write_text(text, "utf-8")


def masked(text: str, *directories: Path) -> str:
    """A text without what no two runs share: times, task ids, directories."""
    for number, directory in enumerate(directories):
        text = text.replace(str(directory), f"<dir{number}>")
    text = re.sub(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d+)?", "<ts>", text)
    return re.sub(r"\btask_\d{9,}", "<id>", text)


def _place(
    base: Path, todo: str, *, name: str = "todo.md", directory: Path | None = None, **env: str
) -> Place:
    project = directory or base / "project"
    project.mkdir(parents=True)
    (project / name).write_bytes(todo.encode("utf-8"))
    records = base / "records.jsonl"
    variables = environment(
        FAKE_AGENT_RECORDS=str(records), FAKE_AGENT_GATE=str(base / "gate"), **env
    )
    os.mkfifo(base / "gate")
    return Place(project, project, project / ".codeagent", variables, records, project / name)


@cache
def _agent_source() -> str:
    return Path(fake_agent.__file__).read_text("utf-8")
