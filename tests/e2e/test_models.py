"""An installation of the predecessor whose models are asked, from the list to the end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.installations import TEMPLATE, Place, instruction, masked, predecessor
from tests.support.models import Adviser, ModelServer, authority, setup
from tests.support.processes import codeagent

KEY = "sk-or-v1-0123456789abcdef0123456789abcdef"
FREE = "Свободная инструкция выполнена!"


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


def instructions() -> dict[str, Any]:
    """Three that make a plan first, the second one checked, and the free one."""
    entries = [
        instruction(1, "План", "docs/results/current_plan_{task_id}.md", "План готов!"),
        instruction(2, "Работа", "docs/results/work_{task_id}.md", "Готово!"),
        instruction(3, "Тест", "docs/results/test_{task_id}.md", "Готово!"),
    ]
    entries[1]["check_report"] = entries[2]["check_report"] = True
    report = "docs/results/free_{task_id}.md"
    template = TEMPLATE.format(name="Свободная", report=report, phrase=FREE)
    template = template.replace("{task_name}", "{free_instruction_text}").replace(
        "{plan_item_number}", "99"
    )
    free = {"instruction_id": "free", "name": "Свободная", "template": template}
    free |= {"wait_for_file": report, "control_phrase": FREE}
    return {"default": [*entries, free]}


def installed(base: Path, todo: str, server: ModelServer, **sections: Any) -> Place:
    place = predecessor(base, todo, instructions=instructions(), **sections)
    text = setup(("openrouter", server.url, ["deepseek/free", "grok"]))
    (place.cwd / "config" / "llm_settings.yaml").write_text(text, "utf-8")
    env = place.cwd / ".env"
    env.write_text(f"{env.read_text('utf-8')}OPENROUTER_API_KEY={KEY}\n", "utf-8")
    return place


def run(place: Place, path: str, *, code: int = 0) -> Any:
    done = codeagent("run", "--path", path, "--json", cwd=place.cwd, env=place.env)
    assert done.code == code, (done.stderr, done.stdout)
    assert KEY not in done.stdout + done.stderr
    for log in (place.cwd / "logs").rglob("*.log"):
        assert KEY not in log.read_text("utf-8")
    return done


def test_a_report_brings_an_instruction_in(tmp_path: Path, path: str, server: ModelServer) -> None:
    insert = {
        "decision": "insert_instruction",
        "reason": "tests are missing",
        "free_instruction_text": "add tests",
    }
    server.answer = adviser = Adviser(
        usefulness={"usefulness_percent": 90, "comment": "yes"},
        plan_match={"matches": True},
        report_verdict=insert,
    )
    place = installed(tmp_path, "- [ ] Первая\n", server)
    done = run(place, path)
    assert place.steps() == [("Первая", 1), ("Первая", 2), ("add tests", 99), ("Первая", 3)]
    assert adviser.kinds() == ["usefulness", "plan_match", "report_verdict"]
    assert "# Первая" in adviser.asked[2][1]
    assert {seen.headers["authorization"] for seen in server.requests} == {f"Bearer {KEY}"}
    (judged,) = done.named("report.judged")
    assert (judged["position"], judged["action"]) == (2, "execute_free_instruction")
    (inserted,) = done.named("insertion.done")
    assert inserted["position"] == 2
    assert "(3/3 инструкций)" in place.todo.read_text("utf-8")


def test_useless_tasks_and_those_off_their_plan_are_skipped(
    tmp_path: Path, path: str, server: ModelServer
) -> None:
    def useful(prompt: str) -> Any:
        return {"usefulness_percent": 5 if "---" in prompt else 80, "comment": "шум --> <!-- x"}

    def planned(prompt: str) -> Any:
        return {"matches": "Чужая" not in prompt, "reason": "о другом"}

    server.answer = adviser = Adviser(
        usefulness=useful,
        self_check={"is_adequate": True},
        plan_match=planned,
        report_verdict={"decision": "continue"},
    )
    place = installed(tmp_path, "- [ ] --- раздел ---\n- [ ] Чужая\n- [ ] Своя\n", server)
    (place.project / "docs").mkdir()
    (place.project / "docs" / "readme.md").write_text("A shop for bicycles.", "utf-8")
    done = run(place, path)
    assert place.steps() == [("Чужая", 1), ("Своя", 1), ("Своя", 2), ("Своя", 3)]
    assert [event["event"] for event in done.named("task.skipped", "task.done")] == [
        "task.skipped",
        "task.skipped",
        "task.done",
    ]
    assert all("bicycles" in text for kind, text in adviser.asked if kind == "usefulness")
    first, second, third = masked(place.todo.read_text("utf-8")).splitlines()
    assert first.startswith("- [-] --- раздел --- <!-- Пропущено: низкая полезность (5%) - шум")
    assert second == "- [-] Чужая <!-- Пропущено по причине: не соответствует плану - <ts> -->"
    assert third.startswith("- [x] Своя")
    status = masked(place.read("codeAgentProjectStatus.md"))
    assert "**Детали:** Пропущено: не соответствует плану. о другом (task_id: <id>)" in status
    assert re.search(r"Детали:\*\* Пропущено: низкая полезность \(5%\)\. шум", status)
    asked = len(adviser.asked)
    run(place, path)
    assert len(adviser.asked) == asked  # what is decided is not asked again


def test_without_an_answer_everything_goes_on(
    tmp_path: Path, path: str, server: ModelServer
) -> None:
    server.kill()
    place = installed(tmp_path, "- [ ] Первая\n- [ ] Вторая\n", server)
    done = run(place, path)
    server.start()
    assert [step for _, step in place.steps()] == [1, 2, 3, 1, 2, 3]
    assert done.named("llm.failed")
    assert not done.named("llm.answered")


def test_nobody_is_asked_if_that_is_switched_off(
    tmp_path: Path, path: str, server: ModelServer
) -> None:
    settings = {"cli_interface": "cursor", "skip_llm_checks": True}
    place = installed(tmp_path, "- [ ] Первая\n", server, llm=settings)
    run(place, path)
    assert server.requests == []
    assert len(place.steps()) == 3


def test_without_a_key_the_server_runs_and_the_doctor_tells(
    tmp_path: Path, path: str, server: ModelServer
) -> None:
    place = installed(tmp_path, "- [ ] Первая\n", server)
    (place.cwd / ".env").write_text(f"PROJECT_DIR={place.project}\n", "utf-8")
    env = {name: value for name, value in place.env.items() if "API_KEY" not in name}
    done = codeagent("run", "--path", path, cwd=place.cwd, env=env)
    assert (done.code, len(place.steps()), server.requests) == (0, 3, [])
    told = codeagent("doctor", cwd=place.cwd, env=env)
    assert "openrouter cannot be used" in told.stdout
    assert "set the environment variable OPENROUTER_API_KEY" in told.stdout


def test_settings_that_are_wrong_are_refused_before_anything_runs(
    tmp_path: Path, path: str, server: ModelServer
) -> None:
    place = installed(tmp_path, "- [ ] Первая\n", server)
    (place.cwd / "config" / "llm_settings.yaml").write_text("llm: {model_roles: 3}\n", "utf-8")
    done = codeagent("run", "--path", path, cwd=place.cwd, env=place.env)
    assert (done.code, place.steps()) == (2, [])
    assert "llm_settings.yaml" in done.stderr and "model_roles" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_with_an_authority_of_its_own_is_asked_if_that_is_configured(
    tmp_path: Path, path: str
) -> None:
    ca = authority(tmp_path)
    with ModelServer(ca.server) as server:
        server.answer = adviser = Adviser(usefulness={"usefulness_percent": 90})
        settings = {"http": {"ca_file": ca.ca_file}}
        trusted = installed(tmp_path / "1", "- [ ] one\n", server, settings=settings)
        run(trusted, path)
        asked = len(adviser.asked)
        assert asked >= 1
        done = run(installed(tmp_path / "2", "- [ ] one\n", server), path)
        assert len(adviser.asked) == asked
    assert "certificate" in done.named("llm.failed")[0]["error"].lower()


@pytest.mark.parametrize(
    ("key", "value"), [("ca_file", "/no/such.pem"), ("ca_file", ".env"), ("proxy", "nonsense")]
)
def test_a_way_to_the_models_that_cannot_be_is_refused(
    tmp_path: Path, server: ModelServer, key: str, value: str
) -> None:
    place = installed(tmp_path, "- [ ] one\n", server, settings={"http": {key: value}})
    done = codeagent("run", cwd=place.cwd, env=place.env)
    assert done.code == 2
    assert f"async.http.{key}" in done.stderr and "Traceback" not in done.stderr
