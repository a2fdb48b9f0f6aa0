"""What of the server's environment reaches agents and commands."""

from __future__ import annotations

from pathlib import Path

from codeagent.core.surroundings import (
    agent_files,
    compose_name,
    for_commands,
    inherited,
    private,
)

SERVER = {
    "PATH": "/bin",
    "HOME": "/home/user",
    "LC_TIME": "C",
    "SSL_CERT_FILE": "/ca.pem",
    "https_proxy": "http://proxy",
    "CURSOR_API_KEY": "cursor",
    "OPENAI_API_KEY": "openai",
    "LAUNCHDARKLY_SDK_KEY": "sdk",
    "DATABASE_URL": "postgres://u:p@h/db",
    "AWS_SECRET_ACCESS_KEY": "aws",
    "NPM_TOKEN": "npm",
    "GITHUB_TOKEN": "gh",
}
OWN = Path("/state/codeagent/project-12345678/run/task_1")


def test_secrets_of_the_server_do_not_reach_agents() -> None:
    made = inherited(SERVER)
    assert made == {
        name: SERVER[name]
        for name in (
            "PATH",
            "HOME",
            "LC_TIME",
            "SSL_CERT_FILE",
            "https_proxy",
            "CURSOR_API_KEY",
            "OPENAI_API_KEY",
        )
    }


def test_configured_names_are_passed_on() -> None:
    assert inherited(SERVER, ["NPM_TOKEN"]).items() >= {("NPM_TOKEN", "npm")}
    assert "NOT_SET" not in inherited(SERVER, ["NOT_SET"])


def test_commands_of_the_project_do_not_get_the_keys_of_agents() -> None:
    given = inherited(SERVER) | private("t", OWN, (1, 2), isolate_agents=True)
    made = for_commands(given)
    assert "CURSOR_API_KEY" not in made
    assert "CODEX_HOME" not in made
    assert made["PATH"] == "/bin"
    assert made["PORT"] == "1"
    assert for_commands(given, ["OPENAI_API_KEY"])["OPENAI_API_KEY"] == "openai"


def test_every_task_has_directories_ports_and_a_compose_project_of_its_own() -> None:
    made = private("task_1", OWN, (21010, 21019), isolate_agents=True)
    assert made["TMPDIR"] == str(OWN / "tmp")
    assert (made["PORT"], made["CODEAGENT_PORT_FIRST"]) == ("21010", "21010")
    assert made["CODEAGENT_PORT_LAST"] == "21019"
    assert made["CURSOR_CONFIG_DIR"] == f"{OWN}/cursor"
    assert made["CLAUDE_CONFIG_DIR"] == f"{OWN}/claude"
    assert made["CODEX_HOME"] == f"{OWN}/codex"
    assert made["GIT_TERMINAL_PROMPT"] == "0"


def test_agents_share_the_users_directories_if_that_is_wanted() -> None:
    made = private("task_1", OWN, (1, 2), isolate_agents=False)
    assert not {"CURSOR_CONFIG_DIR", "CLAUDE_CONFIG_DIR", "CODEX_HOME"} & made.keys()


def test_a_compose_project_is_named_as_compose_wants_it() -> None:
    assert compose_name("Task_1", OWN) == "codeagent-project-12345678-task_1"
    other = OWN.parents[2] / "other-1" / "run" / "Task_1"
    assert compose_name("Task_1", other) != compose_name("Task_1", OWN)


def test_logins_are_copied_from_where_agents_keep_them() -> None:
    pairs = dict(agent_files({"CODEX_HOME": "/srv/codex"}, Path("/home/user"), OWN))
    assert pairs[Path("/srv/codex/auth.json")] == OWN / "codex/auth.json"
    assert pairs[Path("/home/user/.cursor/cli-config.json")] == OWN / "cursor/cli-config.json"
    assert pairs[Path("/home/user/.claude/.credentials.json")] == OWN / "claude/.credentials.json"
    assert pairs[Path("/home/user/.claude.json")] == OWN / "claude/.claude.json"
