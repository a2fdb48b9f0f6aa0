"""Numbers and names in the predecessor's configuration that are out of range or unknown."""

import pytest

from .predecessor_file import load, only_problem, with_sections


def test_a_list_format_that_is_unknown_names_the_known_ones() -> None:
    problem = only_problem(with_sections(project="{base_dir: /work, todo_format: rst}"))
    assert problem.message == (
        "Недопустимое значение для project.todo_format: 'rst'. Разрешенные значения: txt, yaml, md"
    )
    assert problem.value == "rst"
    assert problem.allowed == "txt, yaml, md"


RANGES = [
    ("check_interval", 1, 3600),
    ("task_delay", 0, 300),
    ("http_port", 1024, 65535),
    ("max_restarts", 1, 100),
]


@pytest.mark.parametrize(("field", "low", "high"), RANGES)
def test_the_ends_of_a_range_are_inside_it(field: str, low: int, high: int) -> None:
    for value in (low, high):
        config = load(with_sections(server=f"{{{field}: {value}}}"))
        assert getattr(config.server, field) == value


@pytest.mark.parametrize(("field", "low", "high"), RANGES)
def test_a_number_out_of_range_is_told_the_limit(field: str, low: int, high: int) -> None:
    below = only_problem(with_sections(server=f"{{{field}: {low - 1}}}"))
    above = only_problem(with_sections(server=f"{{{field}: {high + 1}}}"))
    assert below.message == (
        f"Значение server.{field} слишком мало: {low - 1}. Минимальное значение: {low}"
    )
    assert above.message == (
        f"Значение server.{field} слишком велико: {high + 1}. Максимальное значение: {high}"
    )
    assert below.allowed == above.allowed == f"a whole number from {low} to {high}"


def test_true_is_an_integer_as_it_was_for_the_predecessor() -> None:
    assert load(with_sections(server="{check_interval: true}")).server.check_interval == 1
    problem = only_problem(with_sections(server="{http_port: true}"))
    assert "слишком мало: True" in problem.message


@pytest.mark.parametrize(
    ("section", "limit"),
    [
        ("auto_todo_generation", "max_generations_per_session"),
        ("checkpoint", "max_task_attempts"),
    ],
)
def test_the_nested_sections_of_the_server_are_checked(section: str, limit: str) -> None:
    problem = only_problem(with_sections(server=f"{{{section}: {{enabled: 'yes'}}}}"))
    assert problem.message == f"server.{section}.enabled должен быть булевым значением"
    for wrong in ("0", "101", "'3'", "3.0"):
        problem = only_problem(with_sections(server=f"{{{section}: {{{limit}: {wrong}}}}}"))
        assert problem.message == f"server.{section}.{limit} должен быть целым числом от 1 до 100"
        assert problem.key == f"server.{section}.{limit}"
    for right in ("1", "100", "null"):
        load(with_sections(server=f"{{{section}: {{{limit}: {right}, enabled: null}}}}"))


@pytest.mark.parametrize("value", ["hybrid", "''", "7"])
def test_an_interface_that_is_unknown_names_the_known_ones(value: str) -> None:
    problem = only_problem(with_sections(llm=f"{{cli_interface: {value}}}"))
    shown = value.strip("'")
    assert problem.message == (
        f"Недопустимое значение cli_interface: '{shown}'. Допустимые значения: cursor, gemini"
    )
    assert problem.key == "llm.cli_interface"


@pytest.mark.parametrize("value", ["cursor", "Cursor", "GEMINI"])
def test_an_interface_is_read_whatever_its_case(value: str) -> None:
    config = load(with_sections(llm=f"{{cli_interface: {value}}}"))
    assert config.llm.cli_interface == value.lower()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{timeout: 0}", "Недопустимое значение timeout: 0"),
        ("{timeout: -1.5}", "Недопустимое значение timeout: -1.5"),
        ("{timeout: soon}", "Недопустимое значение timeout: soon"),
        ("{retry_attempts: -1}", "Недопустимое значение retry_attempts: -1"),
        ("{retry_attempts: 1.0}", "Недопустимое значение retry_attempts: 1.0"),
    ],
)
def test_the_numbers_of_the_llm_are_checked(body: str, message: str) -> None:
    assert only_problem(with_sections(llm=body)).message.startswith(message)


def test_an_llm_section_that_is_null_means_the_defaults() -> None:
    config = load(with_sections(llm="null"))
    assert (config.llm.cli_interface, config.llm.timeout) == ("cursor", 200)
    assert config.llm.retry_attempts == 1
