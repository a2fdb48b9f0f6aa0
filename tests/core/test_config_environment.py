from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.config import (
    ConfigError,
    environment_with,
    parse_config,
    project_directory,
    substitute,
)


@pytest.mark.parametrize(
    ("written", "environment", "expected"),
    [
        ("${A}", {"A": "x"}, "x"),
        ("${ A }", {"A": "x"}, "x"),
        ("${A:fallback}", {"A": "x"}, "x"),
        ("${A:fallback}", {}, "fallback"),
        ("${A: spaced out }", {}, "spaced out"),
        ("${A:}", {}, ""),
        ("${A}", {"A": ""}, ""),
        ("${A:fallback}", {"A": ""}, ""),
        ("${A:C:\\Space\\cli}", {}, "C:\\Space\\cli"),
        ("${A:http://host:80/}", {}, "http://host:80/"),
        ("${A:1}", {}, "1"),
        ("${A:two\nlines}", {}, "two\nlines"),
    ],
)
def test_a_whole_expression_is_replaced(
    written: str, environment: dict[str, str], expected: str
) -> None:
    assert substitute({"k": [written]}, environment) == ({"k": [expected]}, {})


@pytest.mark.parametrize(
    "written",
    ["prefix/${A}", "${A}/suffix", " ${A}", "${A} ", "$A", "$${A}", "{A}", "${A", "${A}/${A}", ""],
)
def test_a_string_that_is_more_than_an_expression_stays(written: str) -> None:
    assert substitute(written, {"A": "x"}) == (written, {})


def test_keys_and_values_that_are_no_strings_stay() -> None:
    tree = {"${A}": 1, 2: None, "c": [True, 1.5, {"d": "${A}"}]}
    expected = {"${A}": 1, 2: None, "c": [True, 1.5, {"d": "x"}]}
    assert substitute(tree, {"A": "x"}) == (expected, {})


def test_a_replacement_is_not_looked_at_again() -> None:
    assert substitute("${A}", {"A": "${B}", "B": "x"}) == ("${B}", {})


def test_every_unset_variable_is_told_with_its_place() -> None:
    text = "a:\n  - x\n  - ${ONE}\nb: {c: '${TWO}'}\n"
    with pytest.raises(ConfigError) as caught:
        parse_config(text, source="x.yaml", predecessor=False, environment={})
    first, second = caught.value.problems
    assert (first.key, first.line) == ("a.1", 3)
    assert (second.key, second.line) == ("b.c", 4)
    assert "the environment variable ONE is not set" in first.message
    assert "${TWO:default}" in second.message


def test_aliases_by_the_thousand_take_no_time_to_substitute() -> None:
    lines = ["l0: &l0 ['${A:x}']"]
    for level in range(1, 60):
        lines.append(f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 9)}]")
    config = parse_config("\n".join(lines), source="x", predecessor=False, environment={})
    assert config.server.http_port == 3456


def test_values_of_the_file_win_over_the_environment() -> None:
    merged = environment_with("A=file\nC=3\n", {"A": "process", "B": "2"})
    assert merged == {"A": "file", "B": "2", "C": "3"}


def test_the_environment_given_is_left_alone() -> None:
    base = {"A": "process"}
    environment_with("A=file", base)
    assert environment_with(None, base) == environment_with("", base) == base == {"A": "process"}


def test_the_file_is_read_as_dotenv_files_are() -> None:
    text = (
        "\ufeff# comment\r\nexport A='single quoted'\r\nB=\"a\\nb\"\r\n"
        "EMPTY=\r\nBARE\r\nC=value # comment\r\nD=C:\\Space\\cli\r\n=broken\r\nE='Привет'\r\n"
    )
    assert environment_with(text, {"BARE": "kept"}) == {
        "A": "single quoted",
        "B": "a\nb",
        "EMPTY": "",
        "BARE": "kept",
        "C": "value",
        "D": "C:\\Space\\cli",
        "E": "Привет",
    }


def test_values_of_the_file_may_refer_to_others_and_to_the_environment() -> None:
    text = "ROOT=${HOME}/work\nPROJECT=${ROOT}/x\nOTHER=${NOWHERE:-fallback}\nHOME=/new\n"
    merged = environment_with(text, {"HOME": "/home/me"})
    assert merged["PROJECT"] == "/home/me/work/x"
    assert merged["OTHER"] == "fallback"
    assert merged["HOME"] == "/new"


def test_what_no_environment_can_hold_is_passed_over() -> None:
    assert environment_with("A=x\0y\nB=1\n", {}) == {"B": "1"}


@given(st.text(max_size=80))
@settings(deadline=None, max_examples=150)
def test_any_file_is_read_without_an_error(text: str) -> None:
    assert environment_with(text, {"KEPT": "1"}).keys() >= {"KEPT"}


WINDOWS = ["D:\\Space\\cli", "D:/Space/cli", "d:\\", "\\\\?\\D:\\x"]


@pytest.mark.parametrize("path", WINDOWS)
def test_a_windows_path_is_mapped_on_another_host(path: str) -> None:
    environment = {"PROJECT_DIR_DOCKER": "/docker", "PROJECT_DIR_POSIX": "/posix"}
    found = project_directory(path, environment, windows=False, exists=lambda _: True)
    assert found == "/docker"
    environment["PROJECT_DIR_CONTAINER"] = "/container"
    found = project_directory(path, environment, windows=False, exists=lambda _: True)
    assert found == "/container"


def test_without_a_variable_the_place_is_workspace() -> None:
    environment = {"PROJECT_DIR_CONTAINER": ""}
    found = project_directory("D:\\x", environment, windows=False, exists="/workspace".__eq__)
    assert found == "/workspace"


def test_a_place_that_does_not_exist_is_not_used() -> None:
    environment = {"PROJECT_DIR_CONTAINER": "/gone"}
    found = project_directory("D:\\x", environment, windows=False, exists="/workspace".__eq__)
    assert found == "D:\\x"


@pytest.mark.parametrize("path", WINDOWS)
def test_a_windows_path_stays_on_windows(path: str) -> None:
    environment = {"PROJECT_DIR_CONTAINER": "/container"}
    assert project_directory(path, environment, windows=True, exists=lambda _: True) == path


@pytest.mark.parametrize("path", ["/srv/x", "relative", "", ".", "/odd:name/x", "a:b", "D:x"])
def test_other_paths_are_taken_as_they_are(path: str) -> None:
    environment = {"PROJECT_DIR_CONTAINER": "/container"}
    assert project_directory(path, environment, windows=False, exists=lambda _: True) == path
