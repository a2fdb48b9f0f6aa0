"""``codeagent run``: a list to its end, by each of the three kinds of configuration."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.installations import (
    CATALOGUE,
    bare,
    instruction,
    masked,
    modern,
    predecessor,
    scripted,
    write_config,
)
from tests.support.processes import Server, codeagent, left_of

TODO = """\
# Список дел

Prose stays, trailing blanks too.  \t

- [ ] First task
* [ ] not an item of the predecessor
- [x] Done long ago
  - [ ] Вторая задача с «кавычками» 🎉
- [-] Never mind
"""

TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"

FIELDS = {
    "server.started": {"path", "project", "agent", "loop", "pid"},
    "list.read": {"total", "pending", "done", "skipped", "files"},
    "task.started": {"text", "type", "instructions", "resumed_at"},
    "instruction.started": {"position", "total", "name", "timeout"},
    "agent.started": {"pid", "command"},
    "agent.progress": {"kind", "text"},
    "report.seen": {"file", "waited"},
    "instruction.done": {"position", "total", "name", "seconds"},
    "instruction.failed": {"position", "total", "name", "reason", "seconds"},
    "task.done": {"completed", "total", "seconds"},
    "task.failed": {"reason", "attempts", "retry_at"},
    "server.stopped": {"clean", "done", "failed", "skipped", "pending", "exit_code"},
}


def test_a_list_is_worked_to_its_end(tmp_path: Path, path: str) -> None:
    place = modern(tmp_path, TODO)
    done = codeagent("run", "--path", path, "--json", cwd=place.cwd, env=place.env)
    assert (done.code, done.stderr) == (0, "")
    comment = r"<!-- Выполнено успешно \(2/2 инструкций\) - " + TIME + " -->"
    text = re.escape(TODO)
    for item in ("First task", "Вторая задача с «кавычками» 🎉"):
        before = re.escape(f"- [ ] {item}")
        after = re.escape(f"- [x] {item}") + f" {comment}"
        assert before in text
        text = text.replace(before, after)
    star = re.escape("* [ ] not an item of the predecessor")
    text = text.replace(star, r"\* \[.\] not\ an\ item\ of\ the\ predecessor(?: <!--.*-->)?")
    assert re.fullmatch(text, place.read("todo.md"))
    assert [event["path"] for event in done.named("server.started")] == [path]
    assert left_of([event["pid"] for event in done.named("agent.started")]) == []


def test_the_events_of_a_run_are_complete(tmp_path: Path, path: str) -> None:
    place = modern(tmp_path, "- [ ] One\n- [ ] Two\n")
    done = codeagent("run", "--path", path, "--json", cwd=place.cwd, env=place.env)
    assert [json.loads(line) for line in done.stdout.splitlines()] == done.events
    for event in done.events:
        about = set(event) - {"event", "at", "task", "attempt"}
        assert about == FIELDS[event["event"]], event
    names = [event["event"] for event in done.events if event["event"] != "list.read"]
    step = ["instruction.started", "agent.started", *["agent.progress"] * 4]
    step += ["report.seen", "instruction.done"]
    task = ["task.started", *step, *step, "task.done"]
    assert names == ["server.started", *task, *task, "server.stopped"]
    assert [event["text"] for event in done.named("task.started")] == ["One", "Two"]
    last = done.events[-1]
    assert (last["done"], last["failed"], last["pending"], last["exit_code"]) == (2, 0, 0, 0)
    assert len({event["task"] for event in done.named("task.done")}) == 2


def test_without_configuration_the_agent_on_the_path_is_used(tmp_path: Path, path: str) -> None:
    place = bare(tmp_path, "- [ ] Только одна задача\n")
    done = codeagent("run", "--path", path, cwd=place.cwd, env=place.env)
    assert (done.code, done.stderr) == (0, "")
    first, second = place.runs()
    called = ["-p", "--output-format", "stream-json", "--force", "--trust", "--approve-mcps"]
    for run in (first, second):
        assert run["argv"][1:] == [*called, "--workspace", str(place.project)]
        assert Path(run["argv"][0]) == tmp_path / "bin" / "agent"
        assert run["cwd"] == str(place.project)
        assert run["environment"]["NO_OPEN_BROWSER"] == "1"
        assert "Task: Только одна задача\n" in run["stdin"]
    assert place.steps() == [("Только одна задача", 1), ("Только одна задача", 2)]
    assert "(2/2 инструкций)" in place.read("todo.md")
    assert place.read(".codeagent/.gitignore") == "*\n"


def test_an_installation_of_the_predecessor_runs_unchanged(tmp_path: Path, path: str) -> None:
    place = predecessor(tmp_path, "# Дела\n\n- [ ] Сделать раз\n- [ ] Сделать два\n")
    done = codeagent("run", "--path", path, "--json", cwd=place.cwd, env=place.env)
    assert (done.code, done.stderr) == (0, "")
    runs = place.runs()
    assert place.steps() == [
        (text, step) for text in ("Сделать раз", "Сделать два") for step in range(1, 9)
    ]
    ids = {event["text"]: event["task"] for event in done.named("task.started")}
    assert all(re.fullmatch(r"task_\d+", name) for name in ids.values())
    today = f"{datetime.now():%Y%m%d}"  # noqa: DTZ005
    for run in runs:
        name, report, phrase = CATALOGUE[run["step"] - 1]
        task_id = ids[run["task"]]
        report = report.replace("{task_id}", task_id).replace("{date}", today)
        prompt = (
            f"Инструкция «{name}»\n\n"
            f"Задача: {run['task']}\nОписание: {run['task']}\n"
            f"Пункт плана {run['step']}: {run['task']}\nДата: {today}, номер: {task_id}\n"
            'Скобки: {"json": {unknown}, {}} $HOME `pwd`\n'
            f"STEP: {run['step']}\nREPORT: {report}\nPHRASE: {phrase}\n"
        )
        binary = str(tmp_path / "programs" / "cursor-agent")
        assert run["argv"] == [binary, "-p", prompt, "--force", "--approve-mcps"]
        assert (run["cwd"], run["stdin"]) == (str(place.project), "")
        assert phrase in place.read(report) or name != "Коммит и отправка"
    seen = [event["file"] for event in done.named("report.seen")][:8]
    first = ids["Сделать раз"]
    assert seen == [
        report.replace("{task_id}", first).replace("{date}", today) for _, report, _ in CATALOGUE
    ]


def test_the_predecessors_line_is_ticked_for_the_commit(tmp_path: Path, path: str) -> None:
    place = predecessor(tmp_path, "- [ ] Сделать раз\r\n- [ ] Сделать два\r\n")
    done = codeagent("run", "--path", path, cwd=place.cwd, env=place.env)
    assert done.code == 0
    shown = [masked(run["lists"]["todo.md"]) for run in place.runs()]
    before = "- [ ] Сделать раз\r\n- [ ] Сделать два\r\n"
    ticked = "- [x] Сделать раз <!-- Выполняется - <ts> -->\r\n- [ ] Сделать два\r\n"
    between = "- [x] Сделать раз <!-- Выполнено успешно (8/8 инструкций) - <ts> -->\r\n"
    assert shown == [
        *[before] * 7,
        ticked,
        *[f"{between}- [ ] Сделать два\r\n"] * 7,
        f"{between}- [x] Сделать два <!-- Выполняется - <ts> -->\r\n",
    ]
    assert masked(place.read("todo.md")) == f"{between}{between.replace('раз', 'два')}"


def test_the_predecessors_files_have_its_places_and_forms(tmp_path: Path, path: str) -> None:
    place = predecessor(tmp_path, "- [ ] Сделать раз\n")
    done = codeagent("run", "--path", path, cwd=place.cwd, env=place.env)
    assert done.code == 0
    for name in ("cursor_commands", "cursor_results", "docs/results", "docs/reviews"):
        assert (place.project / name).is_dir()
    assert (place.cwd / "logs" / "code_agent.log").is_file()
    (log,) = (place.cwd / "logs").glob("task_*.log")
    assert re.fullmatch(r"task_task_\d+_\d{8}_\d{6}\.log", log.name)
    assert "Сделать раз" in log.read_text("utf-8")
    assert masked(place.read("codeAgentProjectStatus.md")) == (
        "# Статус выполнения проекта Code Agent\n\n"
        "> Файл автоматически создается и обновляется Code Agent\n"
        "> Дата создания: <ts>\n\n"
        "## История выполнения\n\n"
        "\n# Code Agent Server запущен. Время: <ts>\n"
        "\n---\n"
        "\n### **Задача:** Сделать раз\n"
        "**Статус:** В процессе\n"
        "**Детали:** Начало выполнения: <ts> (тип: default, интерфейс: Cursor)\n"
        "\n### **Задача:** Сделать раз\n"
        "**Статус:** Выполнено\n"
        "**Детали:** Выполнено через Cursor CLI, успешно выполнено 8/8 инструкций"
        " (task_id: <id>)\n"
    )


def test_the_predecessors_checkpoint_has_exactly_its_keys(tmp_path: Path, path: str) -> None:
    place = predecessor(tmp_path, "- [ ] Сделать раз\n")
    done = codeagent("run", "--path", path, cwd=place.cwd, env=place.env)
    assert done.code == 0
    text = (place.cwd / "data" / ".codeagent_checkpoint.json").read_text("utf-8")
    document = json.loads(text)
    assert text == json.dumps(document, indent=2, ensure_ascii=False)
    assert list(document) == [
        "version",
        "server_state",
        "tasks",
        "current_task",
        "session_id",
        "last_update",
    ]
    state = document["server_state"]
    for name in ("last_start_time", "last_stop_time"):
        assert datetime.fromisoformat(state.pop(name)).tzinfo is None
    assert state == {"iteration_count": 1, "clean_shutdown": True}
    (task,) = document["tasks"]
    assert re.fullmatch(r"task_\d+", task.pop("task_id"))
    for name in ("start_time", "end_time"):
        assert datetime.fromisoformat(task.pop(name)).tzinfo is None
    assert task == {
        "task_text": "Сделать раз",
        "state": "completed",
        "attempts": 1,
        "error_message": None,
        "metadata": {"task_number": 1, "total_tasks": 1},
        "instruction_progress": {
            "last_completed_instruction": 8,
            "total_instructions": 8,
            "completed_instructions": [1, 2, 3, 4, 5, 6, 7, 8],
        },
    }
    assert (document["version"], document["current_task"]) == ("1.0", None)
    assert re.fullmatch(r"\d{8}_\d{6}", document["session_id"])


def test_three_of_eight_are_enough_for_the_predecessor(tmp_path: Path, path: str) -> None:
    place = predecessor(tmp_path, "- [ ] Раз (fails at 2) (fails at 5)\n")
    done = codeagent("run", "--path", path, cwd=place.cwd, env=place.env)
    assert done.code == 0
    assert [step for _, step in place.steps()] == [1, 2, 2, 3, 4, 5, 5, 6, 7, 8]
    assert "Выполнено успешно (6/8 инструкций)" in place.read("todo.md")
    assert "успешно выполнено 6/8 инструкций" in place.read("codeAgentProjectStatus.md")


def test_a_task_that_keeps_failing_needs_a_person(tmp_path: Path, path: str) -> None:
    place = scripted(tmp_path, "- [ ] Bad (fails at 1) (fails at 2)\n- [ ] Good\n")
    done = codeagent("run", "--path", path, "--json", cwd=place.cwd, env=place.env)
    assert done.code == 1
    failures = done.named("task.failed")
    assert [event["attempts"] for event in failures] == [1, 2, 3]
    assert [event["retry_at"] is None for event in failures] == [False, False, True]
    last = done.events[-1]
    assert (last["done"], last["failed"], last["exit_code"]) == (1, 1, 1)
    assert "the agent ended with exit code 3" in done.named("instruction.failed")[0]["reason"]
    lines = place.read("todo.md").splitlines()
    assert lines[0] == "- [ ] Bad (fails at 1) (fails at 2)"
    assert lines[1].startswith("- [x] Good <!-- ")
    assert "Требуется минимум 2 для завершения" in place.read("codeAgentProjectStatus.md")
    again = codeagent("run", "--path", path, "--json", cwd=place.cwd, env=place.env)
    assert again.code == 1
    assert again.named("task.started") == []


def test_a_list_that_is_done_is_left_alone(tmp_path: Path, path: str) -> None:
    todo = "\ufeff- [x] Done\r\n- [-] Struck out\r\n\r\nno final line end"
    place = scripted(tmp_path, todo)
    done = codeagent("run", "--path", path, cwd=place.cwd, env=place.env)
    assert (done.code, done.stderr) == (0, "")
    assert place.read("todo.md") == todo
    assert place.runs() == []


@pytest.mark.parametrize("todo", ["", "\ufeff", "# Only prose\n\n- a bullet\n"])
def test_an_empty_list_is_done(tmp_path: Path, path: str, todo: str) -> None:
    place = scripted(tmp_path, todo)
    done = codeagent("run", "--path", path, "--json", cwd=place.cwd, env=place.env)
    assert (done.code, done.stderr) == (0, "")
    assert place.read("todo.md") == todo


def test_a_project_without_a_list_says_what_to_create(tmp_path: Path, path: str) -> None:
    place = scripted(tmp_path, "")
    place.todo.unlink()
    done = codeagent("run", "--path", path, cwd=place.cwd, env=place.env)
    assert done.code == 2
    assert "todo.md" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "todo", "after"),
    [
        ("todo.txt", "# note\n1. One\n", "# note\n1. [x] One  # {}\n"),
        (
            "todo.yaml",
            "# kept\ntasks:\n  - text: One\n    owner: me\n",
            "# kept\ntasks:\n  - text: One\n    done: true\n    owner: me\n",
        ),
    ],
)
def test_other_formats_of_lists_are_worked_too(
    tmp_path: Path, path: str, name: str, todo: str, after: str
) -> None:
    place = scripted(tmp_path, todo, name=name)
    done = codeagent("run", "--path", path, cwd=place.cwd, env=place.env)
    assert (done.code, done.stderr) == (0, "")
    comment = "Выполнено успешно (2/2 инструкций) - <ts>"
    found = masked(place.read(name))
    assert "".join(line for line in found.splitlines(True) if "comment:" not in line) == (
        after.format(comment)
    )
    assert comment in found


def test_quiet_shows_only_the_summary(tmp_path: Path, path: str) -> None:
    place = scripted(tmp_path, "- [ ] One\n- [ ] Two\n")
    quiet = codeagent("run", "--path", path, "--quiet", cwd=place.cwd, env=place.env)
    assert (quiet.code, quiet.stderr) == (0, "")
    assert "instruction" not in quiet.stdout.lower()
    assert len(quiet.stdout.splitlines()) <= 3
    assert "2" in quiet.stdout


def test_progress_on_a_pipe_is_plain_lines(tmp_path: Path, path: str) -> None:
    place = scripted(tmp_path, "- [ ] One\n")
    shown = codeagent("run", "--path", path, cwd=place.cwd, env=place.env)
    assert "\x1b" not in shown.stdout
    assert "\r" not in shown.stdout
    assert "One" in shown.stdout
    assert "Check the work" in shown.stdout


def test_only_the_instructions_of_the_type_run(tmp_path: Path, path: str) -> None:
    place = scripted(tmp_path, "- [ ] Refactor the parser\n- [ ] Paint it\n")
    own = [instruction(3, "Own", "docs/own_{task_id}.md", "Own!")]
    usual = [
        instruction(20, "Second", "docs/b_{plan_item_number}.md", "B!"),
        instruction(10, "First", "docs/a_{plan_item_number}.md", "A!"),
    ]
    write_config(place, {"instructions": {"default": usual, "refactoring": own}})
    done = codeagent("run", "--path", path, "--json", cwd=place.cwd, env=place.env)
    assert (done.code, done.stderr) == (0, "")
    started = [(event["name"], event["position"]) for event in done.named("instruction.started")]
    assert started == [("Own", 1), ("First", 1), ("Second", 2)]
    assert (place.project / "docs" / "b_2.md").exists()


def test_a_second_server_is_refused_and_told_of_the_first(tmp_path: Path, path: str) -> None:
    place = modern(tmp_path, "- [ ] One\n", behaviours="hang")
    with Server("run", "--path", path, "--json", cwd=place.cwd, env=place.env) as first:
        first.until("agent.started")
        second = codeagent("run", "--path", path, cwd=place.cwd, env=place.env)
        assert (second.code, second.stdout) == (2, "")
        assert f"process {first.pid}" in second.stderr
        assert str(place.project) in second.stderr
    assert left_of(first.agents) == []


def test_the_environment_of_env_files_reaches_the_agent(tmp_path: Path, path: str) -> None:
    place = scripted(tmp_path, "- [ ] One\n")
    (place.project / ".env").write_text("FLAVOUR=from the file\nMY_API_KEY=sk-hidden-123456\n")
    done = codeagent(
        "run", "--path", path, "--json", cwd=place.cwd, env={**place.env, "FLAVOUR": "other"}
    )
    assert done.code == 0
    assert {run["environment"]["FLAVOUR"] for run in place.runs()} == {"from the file"}
    assert "sk-hidden-123456" not in done.stdout
    for file in (place.project / ".codeagent").rglob("*"):
        if file.is_file():
            assert b"sk-hidden-123456" not in file.read_bytes(), file
