"""What cannot be run is refused with a message that says what to do, never a traceback."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.installations import bare, modern, predecessor, scripted, write_config
from tests.support.processes import Result, codeagent


def assert_refused(result: Result, *words: str) -> None:
    assert (result.code, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("fly",),
        ("run", "--path", "purple"),
        ("run", "--json", "--quiet"),
        ("run", "--nonsense"),
        ("run", "stray"),
    ],
)
def test_wrong_arguments_are_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert_refused(codeagent(*arguments, cwd=tmp_path), "usage: codeagent")


def test_a_missing_configuration_file_is_named(tmp_path: Path) -> None:
    place = bare(tmp_path, "- [ ] One\n")
    refused = codeagent("run", "--config", "absent.yaml", cwd=place.cwd, env=place.env)
    assert_refused(refused, "Конфигурационный файл не найден", str(place.cwd / "absent.yaml"))


def test_a_missing_section_is_told_in_the_predecessors_words(tmp_path: Path) -> None:
    place = predecessor(tmp_path, "- [ ] One\n")
    (place.cwd / "config" / "config.yaml").write_text("project: {base_dir: .}\nserver: {}\n")
    refused = codeagent("run", cwd=place.cwd, env=place.env)
    assert_refused(refused, "Отсутствует обязательная секция: agent")


def test_every_wrong_value_is_told_with_its_key(tmp_path: Path) -> None:
    place = predecessor(tmp_path, "- [ ] One\n", server={"check_interval": 0, "http_port": "many"})
    refused = codeagent("run", cwd=place.cwd, env=place.env)
    assert_refused(refused, "server.check_interval", "server.http_port", "config.yaml")


def test_an_unset_variable_is_named(tmp_path: Path) -> None:
    place = predecessor(tmp_path, "- [ ] One\n")
    (place.cwd / ".env").unlink()
    refused = codeagent("run", cwd=place.cwd, env=place.env)
    assert_refused(refused, "PROJECT_DIR")


def test_bad_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    place = bare(tmp_path, "- [ ] One\n")
    (place.project / "codeagent.yaml").write_text("async:\n  path: [sync\n")
    assert_refused(codeagent("run", cwd=place.cwd, env=place.env), "codeagent.yaml", "line")


def test_a_configuration_that_is_no_text_is_refused(tmp_path: Path) -> None:
    place = bare(tmp_path, "- [ ] One\n")
    (place.project / "codeagent.yaml").write_bytes("async: {} # файл\n".encode("cp1251"))
    assert_refused(codeagent("run", cwd=place.cwd, env=place.env), "UTF-8")


@pytest.mark.parametrize("name", ["nowhere", "file.txt"])
def test_a_project_that_is_no_directory_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file.txt").touch()
    refused = codeagent("run", "--project", tmp_path / name, cwd=tmp_path)
    assert_refused(refused, str(tmp_path / name), "--project")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_project_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    place = bare(tmp_path, "- [ ] One\n")
    place.project.chmod(0o500)
    try:
        refused = codeagent("run", cwd=tmp_path, env=place.env)
        refused = codeagent("run", "--project", place.project, cwd=tmp_path, env=place.env)
    finally:
        place.project.chmod(0o700)
    assert_refused(refused, str(place.project), "permissions")


def test_an_unknown_agent_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    place = modern(tmp_path, "- [ ] One\n")
    refused = codeagent("run", "--agent", "nobody", cwd=place.cwd, env=place.env)
    assert_refused(refused, "nobody", "stand-in", "cursor")
    write_config(place, {"async": {"agent": "nobody"}})
    assert_refused(codeagent("run", cwd=place.cwd, env=place.env), "nobody")


def test_a_missing_agent_program_is_refused(tmp_path: Path) -> None:
    place = bare(tmp_path, "- [ ] One\n")
    env = {**place.env, "PATH": str(tmp_path / "empty")}
    assert_refused(codeagent("run", cwd=place.cwd, env=env), "no coding agent was found")
    write_config(place, {"agents": {"mine": {"command": "absent-program"}}})
    refused = codeagent("run", "--agent", "mine", cwd=place.cwd, env=place.env)
    assert_refused(refused, "agents.mine.command", "absent-program")


def test_several_tasks_at_once_are_refused_in_place(tmp_path: Path) -> None:
    place = scripted(tmp_path, "- [ ] One\n", settings={"max_concurrent_tasks": 2})
    refused = codeagent("run", cwd=place.cwd, env=place.env)
    assert_refused(refused, "async.max_concurrent_tasks", "set it to 1")


def test_a_malformed_instruction_is_refused(tmp_path: Path) -> None:
    entry = {"instruction_id": 1, "name": "No template"}
    place = scripted(tmp_path, "- [ ] One\n", instructions=[entry])
    refused = codeagent("run", cwd=place.cwd, env=place.env)
    assert_refused(refused, "instructions.default[0].template")


def test_a_refusal_leaves_no_trace_in_the_project(tmp_path: Path) -> None:
    place = bare(tmp_path, "- [ ] One\n")
    codeagent("run", "--agent", "nobody", cwd=place.cwd, env=place.env)
    assert [file.name for file in place.project.iterdir()] == ["todo.md"]
