from __future__ import annotations

import pytest

from .predecessor_file import MINIMAL, load, only_problem, refusal, with_sections

SHIPPED = """\
project:
  base_dir: ${PROJECT_DIR}
  docs_dir: docs
  status_file: codeAgentProjectStatus.md
  todo_format: md
llm:
  cli_interface: gemini
  skip_llm_checks: false
  interface_by_task_type: {code: gemini, docs: gemini}
agent:
  role: Executor
  goal: Work the list
  backstory: |
    Reads the documentation,
    does the tasks.
  allow_code_execution: true
  verbose: true
  tools: [CodeInterpreterTool, FileReadTool]
  model: gpt-3.5-turbo
  allowed_models: [gpt-3.5-turbo]
server:
  check_interval: 60
  max_iterations: null
  task_delay: 5
  http_enabled: true
  http_port: 3456
  auto_reload: true
  reload_on_py_changes: true
  max_restarts: 5
  checkpoint:
    enabled: true
    checkpoint_file: .codeagent_checkpoint.json
    max_task_attempts: 3
    keep_completed_tasks: 100
  auto_todo_generation:
    enabled: false
    max_generations_per_session: 5
    session_tracker_file: .codeagent_sessions.json
    output_dir: todo
docs:
  supported_extensions: [.md, .txt, .rst]
  max_file_size: 1000000
  results_dir: docs/results
  reviews_dir: docs/reviews
logging: {level: INFO, file: logs/code_agent.log, console: true}
gemini:
  cli: {container_name: gemini-agent, timeout: 900}
cursor:
  interface_type: cli
  cli:
    cli_path: docker-compose-agent
    timeout: 1000
    headless: true
    container_name: cursor-agent
    model: auto
    fallback_models: [grok]
    resilience:
      enable_fallback: true
      max_fallback_attempts: 3
      fallback_retry_delay: 2
      fallback_on_errors: [billing_error, timeout, model_unavailable, unknown_error]
    prefer_cli: true
    auto_approve: true
    force_mode: true
    approve_mcps: true
  permissions: {enabled: true, allow_shell: [git]}
  screenshot: {path: temp/x.png}
  window: {title: Cursor}
  ocr: {engine: tesseract}
  ui: {click_delay: 0.5}
  reports: {check_interval: 10}
  control_phrases: [Отчет завершен!]
  error_handling: {max_retries: 3}
instructions:
  default:
    - instruction_id: 1
      name: План
      template: "Сделай {task_name}"
      wait_for_file: docs/results/last_result.md
      control_phrase: Отчет завершен!
      timeout: 300
    - instruction_id: free
      template: "{free_instruction_text}"
testing: {enabled: false}
git: {auto_commit: false, remote: origin}
mcp_servers: {playwright: {enabled: true}}
security:
  auto_push_enabled: true
  allow_remote_scripts: true
"""


def test_the_shipped_configuration_is_read_as_it_stands() -> None:
    config = load(SHIPPED, PROJECT_DIR="/srv/project")
    assert config.predecessor
    assert config.warnings == ()
    assert config.project.base_dir == "/srv/project"
    assert config.project.todo_format == "md"
    assert config.llm.cli_interface == "gemini"
    assert config.server.max_iterations is None
    assert config.server.max_restarts == 5
    assert config.docs.supported_extensions == (".md", ".txt", ".rst")
    assert config.gemini.cli.container_name == "gemini-agent"
    assert config.gemini.cli.timeout == 900
    assert config.cursor.cli.cli_path == "docker-compose-agent"
    assert config.cursor.cli.timeout == 1000
    assert config.cursor.cli.resilience.max_fallback_attempts == 3
    assert config.cursor.prefer_cursor
    assert config.security.auto_push_enabled
    assert config.max_attempts == 3
    assert [step["instruction_id"] for step in config.instructions["default"]] == [1, "free"]


def test_the_test_configuration_is_read_as_it_stands() -> None:
    text = (
        SHIPPED.replace("http_port: 3456", "http_port: 3457")
        .replace("interface_type: cli", 'interface_type: "file"')
        .replace("cli_path: docker-compose-agent", "cli_path: null")
        .replace("    container_name: cursor-agent\n", "")
        .replace("model: auto", 'model: ""')
        .replace("check_interval: 60", "check_interval: 5")
        .replace("max_iterations: null", "max_iterations: 10")
        .replace(": .codeagent_", ": .test_codeagent_")
    )
    config = load(text, PROJECT_DIR="/srv/project")
    assert config.server.http_port == 3457
    assert config.server.max_iterations == 10
    assert config.cursor.interface_type == "file"
    assert config.cursor.cli.cli_path is None
    assert config.cursor.cli.container_name is None
    assert config.cursor_model == "auto"


def test_three_empty_sections_and_a_directory_are_enough() -> None:
    config = load(with_sections())
    assert config.project.base_dir == "/work"
    assert config.project.todo_format == "txt"
    assert config.server.check_interval == 60
    assert config.server.task_delay == 5
    assert not config.security.auto_push_enabled
    assert config.cursor.cli.fallback_models == ("grok",)
    assert config.instructions == {}


@pytest.mark.parametrize("section", ["project", "agent", "server"])
def test_a_missing_section_is_named(section: str) -> None:
    text = "".join(f"{name}: {body}\n" for name, body in MINIMAL.items() if name != section)
    problem = only_problem(text)
    assert problem.message == f"Отсутствует обязательная секция: {section}"
    assert problem.key == section


@pytest.mark.parametrize("section", ["project", "agent", "server"])
@pytest.mark.parametrize("body", ["null", "[]", "text", "1"])
def test_a_section_that_is_not_a_mapping_is_named(section: str, body: str) -> None:
    problem = only_problem(with_sections(**{section: body}))
    assert problem.message == f"Секция '{section}' должна быть словарем"
    assert problem.line == list(MINIMAL).index(section) + 1


@pytest.mark.parametrize("body", ["{}", "{base_dir: null}", "{base_dir: }"])
def test_the_project_directory_is_required(body: str) -> None:
    problem = only_problem(with_sections(project=body))
    assert problem.message == (
        "Обязательное поле отсутствует: project.base_dir "
        "(Базовая директория проекта (должна содержать ${PROJECT_DIR}))"
    )
    assert (problem.key, problem.line) == ("project.base_dir", 1)


@pytest.mark.parametrize(
    ("section", "field", "value", "expected", "found"),
    [
        ("project", "base_dir", "7", "str", "int"),
        ("project", "docs_dir", "[a]", "str", "list"),
        ("project", "status_file", "1.5", "str", "float"),
        ("project", "todo_format", "yes", "str", "bool"),
        ("agent", "role", "{a: b}", "str", "dict"),
        ("agent", "goal", "1", "str", "int"),
        ("agent", "backstory", "[]", "str", "list"),
        ("agent", "allow_code_execution", "'true'", "bool", "str"),
        ("agent", "verbose", "1", "bool", "int"),
        ("agent", "tools", "FileReadTool", "list", "str"),
        ("agent", "model", "4", "str", "int"),
        ("agent", "allowed_models", "{}", "list", "dict"),
        ("server", "check_interval", "60.0", "int", "float"),
        ("server", "max_iterations", "'5'", "int или NoneType", "str"),
        ("server", "task_delay", "'5'", "int", "str"),
        ("server", "http_enabled", "1", "bool", "int"),
        ("server", "http_port", "'3456'", "int", "str"),
        ("server", "auto_reload", "'no'", "bool", "str"),
        ("server", "reload_on_py_changes", "0", "bool", "int"),
        ("server", "max_restarts", "2.5", "int", "float"),
        ("server", "auto_todo_generation", "true", "dict", "bool"),
        ("server", "checkpoint", "[]", "dict", "list"),
    ],
)
def test_a_wrong_type_is_named_in_python_s_words(
    section: str, field: str, value: str, expected: str, found: str
) -> None:
    body = f"{{{field}: {value}}}"
    if section == "project" and field != "base_dir":
        body = f"{{base_dir: /work, {field}: {value}}}"
    problem = only_problem(with_sections(**{section: body}))
    assert problem.message == (
        f"Неверный тип для {section}.{field}: ожидается {expected}, получен {found}"
    )
    assert problem.key == f"{section}.{field}"
    assert problem.allowed is not None
    assert problem.line == list(MINIMAL).index(section) + 1


def test_everything_that_is_wrong_is_told_at_once_under_the_predecessor_s_header() -> None:
    error = refusal(
        "project: {base_dir: 1, todo_format: rst}\nserver:\n  task_delay: 301\n"
        "cursor:\n  cli:\n    timeout: soon\n"
    )
    text = str(error)
    assert text.startswith("Ошибка валидации конфигурации:")
    assert "Обнаружено 5 ошибок валидации конфигурации" in text
    assert [problem.key for problem in error.problems] == [
        "agent",
        "project.base_dir",
        "project.todo_format",
        "server.task_delay",
        "cursor.cli.timeout",
    ]
    assert all(str(problem) in text for problem in error.problems)
    assert "line 6" in str(error.problems[-1])
    assert "1. Проверьте структуру config.yaml" in text


def test_fields_that_are_null_take_their_defaults() -> None:
    config = load(
        with_sections(
            server="{check_interval: null, checkpoint: null, http_port: null}",
            docs="null",
            cursor="{cli: {timeout: null, resilience: null, fallback_models: null}}",
            security="{auto_push_enabled: null}",
            instructions="{default: null}",
        )
    )
    assert config.server.check_interval == 60
    assert config.server.checkpoint.max_task_attempts == 3
    assert config.docs.results_dir == "docs/results"
    assert config.cursor.cli.timeout == 300
    assert config.instructions == {}


def test_what_the_predecessor_passed_over_is_passed_over_with_a_warning() -> None:
    config = load(with_sections(docs="[a]", instructions="{default: {a: b}, 7: [x]}"))
    assert config.docs.results_dir == "docs/results"
    assert config.instructions == {"7": ["x"]}
    assert config.warnings == (
        "config.yaml, line 4: docs is not a mapping and has no effect",
        "config.yaml, line 5: instructions.default is not a list and has no effect",
    )


def test_the_new_sections_are_read_beside_the_old_ones() -> None:
    config = load(
        with_sections(
            agents="{mine: {command: my-agent -p}}", **{"async": "{path: sync, agent: mine}"}
        )
    )
    assert config.runtime.path == "sync"
    assert config.agent is not None
    assert config.agent.command == ("my-agent", "-p")


def test_an_unset_variable_is_told_in_the_predecessor_s_words() -> None:
    problem = only_problem("\nproject:\n  base_dir: ${ PROJECT_DIR }\nserver: {}\nagent: {}\n")
    assert problem.message == "Переменная окружения не найдена: PROJECT_DIR"
    assert (problem.key, problem.line) == ("project.base_dir", 3)


def test_an_empty_directory_is_worth_a_warning() -> None:
    config = load(with_sections(project="{base_dir: '${PROJECT_DIR}'}"), PROJECT_DIR="")
    assert config.project.base_dir == ""
    assert "line 1: project.base_dir is empty" in config.warnings[0]


@pytest.mark.parametrize(
    ("server", "files"),
    [
        ("{}", ("data/.codeagent_checkpoint.json", ".codeagent_checkpoint.json")),
        (
            "{checkpoint: {checkpoint_file: .codeagent_checkpoint.json}}",
            ("data/.codeagent_checkpoint.json", ".codeagent_checkpoint.json"),
        ),
        (
            "{checkpoint: {checkpoint_file: state/other.json}}",
            ("state/other.json", "data/.codeagent_checkpoint.json"),
        ),
        (
            "{checkpoint_file: flat.json, checkpoint: {checkpoint_file: nested.json}}",
            ("flat.json",),
        ),
    ],
)
def test_state_is_looked_for_where_the_predecessor_kept_it(
    server: str, files: tuple[str, ...]
) -> None:
    assert load(with_sections(server=server)).checkpoint_files == files


def test_a_report_may_take_as_long_as_its_instruction() -> None:
    assert load(with_sections()).report_timeout(900) == 900
    limited = load(with_sections(**{"async": "{report_timeout: 20}"}))
    assert limited.report_timeout(900) == 20


@pytest.mark.parametrize(
    ("project", "key"),
    [
        ("{base_dir: ../../../../x}", "project.base_dir"),
        ("{base_dir: /w, docs_dir: ../docs}", "project.docs_dir"),
        ("{base_dir: /w, status_file: a/../../s.md}", "project.status_file"),
    ],
)
def test_paths_that_climb_out_are_refused(project: str, key: str) -> None:
    assert only_problem(with_sections(project=project)).key == key
    load(with_sections(project="{base_dir: ../../../x}"))
