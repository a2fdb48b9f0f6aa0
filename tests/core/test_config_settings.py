from __future__ import annotations

from pathlib import PurePath, PurePosixPath, PureWindowsPath

import pytest
from pydantic import ValidationError

from codeagent.core.config import Config, ConfigError, Problem, is_predecessor, parse_config


def load(text: str, **environment: str) -> Config:
    return parse_config(text, source="codeagent.yaml", predecessor=False, environment=environment)


def problems(text: str, **environment: str) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        load(text, **environment)
    return caught.value.problems


def only_problem(text: str, **environment: str) -> Problem:
    (problem,) = problems(text, **environment)
    return problem


@pytest.mark.parametrize("text", ["", "\n", "\ufeff", "# nothing\n", "---\n", "null", "async:\n"])
def test_nothing_configured_means_the_defaults(text: str) -> None:
    config = load(text)
    runtime = config.runtime
    assert (runtime.path, runtime.agent, runtime.loop) == ("async", "cursor", "auto")
    assert (runtime.max_concurrent_tasks, runtime.io_threads) == (None, 8)
    assert (runtime.grace_period, runtime.exit_grace, runtime.idle_timeout) == (30, 10, 300)
    assert (runtime.handshake_timeout, runtime.tool_timeout, runtime.tool_grace) == (60, 7200, 30)
    assert (runtime.instruction_timeout, runtime.report_timeout) == (600, None)
    assert (runtime.retry_delay, runtime.retry_delay_max) == (5, 300)
    assert (runtime.ageing, runtime.monitor_interval) == (600, 30)
    assert (runtime.log_level, runtime.debug, runtime.state_dir) == ("info", False, None)
    assert (runtime.http.max_connections, runtime.http.max_per_host) == (100, 10)
    assert config.report_timeout(600) == 60
    assert config.project.todo_format == "md"
    assert config.agent is None
    assert not config.predecessor
    assert config.warnings == ()


def test_a_configuration_cannot_be_changed() -> None:
    config = load("")
    with pytest.raises(ValidationError, match="frozen"):
        config.runtime.path = "sync"


def test_strings_are_converted_so_that_variables_can_hold_numbers_and_flags() -> None:
    config = load(
        "server: {http_port: '${PORT}', http_enabled: '${HTTP:no}'}\nasync: {idle_timeout: '1.5'}",
        PORT="4000",
    )
    assert config.server.http_port == 4000
    assert not config.server.http_enabled
    assert config.runtime.idle_timeout == 1.5


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("path: Async", "async.path must be one of async, sync"),
        ("loop: gevent", "async.loop must be one of auto, uvloop, winloop, asyncio"),
        (
            "max_concurrent_tasks: 0",
            "async.max_concurrent_tasks must be a whole number from 1 to 1000",
        ),
        (
            "max_concurrent_tasks: 1001",
            "async.max_concurrent_tasks must be a whole number from 1 to 1000",
        ),
        ("max_concurrent_tasks: true", "async.max_concurrent_tasks must be a number"),
        ("debug: maybe", "async.debug must be true or false"),
        ("grace_period: -1", "async.grace_period must be a number from 0 to 31536000"),
        ("grace_period: .inf", "async.grace_period must be a number from 0 to 31536000"),
        ("grace_period: .nan", "async.grace_period must be a number from 0 to 31536000"),
        ("grace_period: soon", "async.grace_period must be a number from 0 to 31536000"),
        ("report_timeout: 0", "async.report_timeout must be a number above 0 and up to 31536000"),
        ("state_dir: [a]", "async.state_dir must be text or null"),
        ("http: 3", "async.http must be a mapping"),
        (
            "http: {max_per_host: 0}",
            "async.http.max_per_host must be a whole number from 1 to 10000",
        ),
        ("retry_delay: 301", "async has a retry_delay longer than its retry_delay_max"),
    ],
)
def test_a_wrong_value_is_told_with_what_is_allowed_and_its_line(entry: str, message: str) -> None:
    problem = only_problem(f"# comment\nasync:\n  {entry}\n")
    assert problem.message.startswith(message.split(" or null", maxsplit=1)[0])
    assert problem.line == (2 if entry.startswith("retry_delay") else 3)


@pytest.mark.parametrize("value", ["1", "1000"])
def test_the_ends_of_the_concurrency_are_inside_it(value: str) -> None:
    config = load(f"async: {{max_concurrent_tasks: {value}}}")
    assert config.runtime.max_concurrent_tasks == int(value)


def test_an_unknown_key_of_async_is_refused_with_a_suggestion() -> None:
    problem = only_problem("async:\n  debug: true\n  grace_perod: 3\n")
    assert problem.message == "unknown key async.grace_perod; did you mean 'grace_period'?"
    assert (problem.key, problem.value, problem.line) == ("async.grace_perod", 3, 3)
    assert problem.allowed is not None
    assert "grace_period" in problem.allowed.split(", ")


def test_an_unknown_key_without_a_near_one_lists_the_known_ones() -> None:
    problem = only_problem("agents: {mine: {command: x, zzz: 1}}")
    assert problem.message == "unknown key agents.mine.zzz"
    assert problem.allowed == (
        "command, prompt, output, resume, environment, timeout, idle_timeout, model, models"
    )


def test_unknown_keys_elsewhere_are_passed_over_and_a_near_miss_is_mentioned() -> None:
    config = load("serve: {}\nother: 1\nserver:\n  chek_interval: 3\n  anything: 4\n")
    assert config.server.check_interval == 60
    nested, top = config.warnings
    assert nested.startswith("codeagent.yaml, line 4: unknown key server.chek_interval")
    assert nested.endswith("has no effect; did you mean 'check_interval'?")
    assert top.startswith("codeagent.yaml, line 1: unknown key serve has no effect")


def test_keys_of_the_predecessor_that_mean_nothing_are_accepted_silently() -> None:
    assert load("logging: {level: INFO}\ngit: {}\nmcp_servers: {}\ntesting: {}").warnings == ()


def test_the_document_cannot_set_what_only_the_reader_knows() -> None:
    config = load("source: x\npredecessor: true\nwarnings: [a]\n")
    assert (config.source, config.predecessor, config.warnings) == ("codeagent.yaml", False, ())


def test_a_built_in_agent_is_adjusted_without_a_command() -> None:
    config = load("async: {agent: claude}\nagents: {claude: {model: opus, models: [sonnet]}}")
    assert config.agent is not None
    assert (config.agent.command, config.agent.models) == ((), ("sonnet",))
    problem = only_problem("agents:\n  claude: {output: text}\n")
    assert problem.message.endswith("has 'output', which only an agent with a command has")


def test_words_that_resume_a_chat_come_behind_the_command() -> None:
    config = load(
        "agents:\n  a: {command: run -p, prompt: argument, resume: '--resume {session}'}\n"
        "  b: {command: 'run {model} {prompt}', model: m, resume: ['-r={session}']}\n"
    )
    a, b = config.agents["a"], config.agents["b"]
    assert a.arguments("do {session}") == ("run", "-p", "do {session}")
    assert a.arguments("do it", session="s") == ("run", "-p", "--resume", "s", "do it")
    assert b.arguments("x", session="s", model="n") == ("run", "n", "x", "-r=s")


def test_an_agent_that_is_not_configured_is_refused_with_a_suggestion() -> None:
    problem = only_problem("async:\n  agent: claud\nagents:\n  claude: {command: claude}\n")
    assert "did you mean 'claude'?" in problem.message
    assert problem.allowed == "claude, cursor, codex, gemini, opencode"
    assert problem.line == 2


def test_a_command_is_words_or_a_string_that_is_split_like_a_shell_does() -> None:
    config = load(
        "async: {agent: two}\nagents:\n  one: {command: \"run 'a b' -p\"}\n"
        "  two: {command: [run, 'a b', 7], environment: {PORT: 80}}\n"
    )
    assert config.agents["one"].command == ("run", "a b", "-p")
    assert config.agent is config.agents["two"]
    assert config.agent.command == ("run", "a b", "7")
    assert config.agent.environment == {"PORT": "80"}


def test_a_prompt_goes_to_standard_input_unless_the_command_has_a_place_for_it() -> None:
    config = load(
        "agents:\n  stdin: {command: run -q}\n  placed: {command: 'run {prompt} -q'}\n"
        "  last: {command: run -q, prompt: argument}\n"
    )
    prompts = {name: agent.prompt for name, agent in config.agents.items()}
    assert prompts == {"stdin": "stdin", "placed": "argument", "last": "argument"}
    assert config.agents["stdin"].arguments("do it") == ("run", "-q")
    assert config.agents["placed"].arguments("do it") == ("run", "do it", "-q")
    assert config.agents["last"].arguments("do it") == ("run", "-q", "do it")


def test_placeholders_are_filled_in_once_and_other_braces_stay() -> None:
    config = load(
        "agents: {a: {command: [run, '--model={model}', '{prompt}', '{x}'], model: '{prompt}'}}"
    )
    assert config.agents["a"].arguments("say {model}") == (
        "run",
        "--model={prompt}",
        "say {model}",
        "{x}",
    )


@pytest.mark.parametrize(
    ("agent", "message"),
    [
        ("{}", "agents.a.command is missing"),
        ("run", "agents.a must be a mapping"),
        ("{command: ''}", "agents.a.command must be a program and its arguments"),
        ("{command: []}", "agents.a.command must be a program and its arguments"),
        ("{command: [' ']}", "agents.a has a command that names no program"),
        ("{command: 'run \"x'}", "agents.a.command cannot be split into words: No closing quot"),
        ("{command: 'run {prompt}', prompt: stdin}", "agents.a has {prompt} in its command"),
        ("{command: 'run {model}'}", "agents.a has {model} in its command"),
        ("{command: run, prompt: file}", "agents.a.prompt must be one of argument, stdin"),
        ("{command: run, output: xml}", "agents.a.output must be one of text, stream-json"),
        ("{command: run, environment: {A: [b]}}", "agents.a.environment.A must be text"),
        ("{command: run, timeout: 0}", "agents.a.timeout must be a number above 0"),
        ("{command: run, models: [m]}", "agents.a has 'models', so {model} must stand in"),
        ("{command: run, resume: --continue}", "agents.a has 'resume' without {session} in it"),
        ("{model: m}", "agents.a.command is missing"),
    ],
)
def test_an_agent_that_cannot_be_started_is_refused(agent: str, message: str) -> None:
    problem = only_problem(f"agents:\n  a: {agent}\n")
    assert problem.message.startswith(message)
    assert problem.line == 2


def test_secrets_are_neither_in_errors_nor_in_the_representation() -> None:
    text = (
        "agents:\n"
        "  a: {command: 'run --key hunter2 \"', environment: {API_KEY: [hunter2]}}\n"
        "  b: {command: 'run {model}', environment: {API_KEY: hunter2}}\n"
        "server: {http_port: '${LOGIN}'}\n"
    )
    found = problems(text, LOGIN="hunter2")
    assert len(found) == 4
    assert "hunter2" not in str(ConfigError(found, source="x")) + repr(found)
    assert found[0].value == "${LOGIN}"
    config = load("agents: {a: {command: run, environment: {API_KEY: hunter2}}}")
    assert "hunter2" not in repr(config)


def test_instructions_are_kept_as_they_were_written() -> None:
    config = load("instructions:\n  default: [{instruction_id: 1, x: {y: null}}, text]\n  on: []\n")
    assert config.instructions == {
        "default": [{"instruction_id": 1, "x": {"y": None}}, "text"],
        "True": [],
    }


@pytest.mark.parametrize("body", ["[]", "text", "{default: {a: b}}"])
def test_instructions_of_another_shape_are_refused(body: str) -> None:
    problem = only_problem(f"instructions: {body}")
    assert problem.key.startswith("instructions")
    assert problem.line == 1


def test_every_problem_is_told_at_once() -> None:
    found = problems("async: {path: x, loop: y}\nserver: []\nproject: {todo_format: rst}\n")
    assert {problem.key for problem in found} == {
        "async.path",
        "async.loop",
        "server",
        "project.todo_format",
    }
    text = str(ConfigError(found, source="codeagent.yaml"))
    assert text.startswith("codeagent.yaml: 4 problems in the configuration\n")
    assert text.count("\n  - ") == 4


def test_a_problem_says_each_thing_once() -> None:
    problem = Problem("a.b", "a.b must be one of x, y", "z" * 500, "one of x, y", 7)
    text = str(problem)
    assert text.startswith("a.b must be one of x, y (line 7; value 'zz")
    assert len(text) < 150
    assert str(Problem("a.b", "it is wrong", allowed="x")) == "it is wrong (a.b; allowed: x)"
    assert str(Problem("", "it is wrong")) == "it is wrong"


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (PurePosixPath("config/config.yaml"), "", True),
        (PurePosixPath("/x/config.yml"), "", True),
        (PureWindowsPath("C:\\x\\Config.YAML"), "", True),
        (PurePosixPath("config/test_config.yaml"), "", True),
        (PurePosixPath("codeagent.yaml"), "project: {}\nagent: {}\nserver: {}\n", False),
        (PurePosixPath("config/codeagent.yml"), "", False),
        (PurePosixPath("mine.yaml"), "", False),
        (PurePosixPath("mine.yaml"), "project: {}\nserver: {}\n", True),
        (PurePosixPath("mine.yaml"), "project: {}\nagent: {}\n", True),
        (PurePosixPath("mine.yaml"), "{project: {}, agent: {}}", True),
        (PurePosixPath("mine.yaml"), "project: {}\nasync: {}\n", False),
        (PurePosixPath("mine.yaml"), "server: {}\nagent: {}\n", False),
        (PurePosixPath("mine.yaml"), "project: [\nagent: {}\n", False),
        (PurePosixPath("mine.yaml"), "[project, agent]", False),
    ],
)
def test_the_dialect_is_recognised(path: PurePath, text: str, expected: bool) -> None:
    assert is_predecessor(path, text) is expected
