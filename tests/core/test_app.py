"""The composition root up to the moment in which something runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from codeagent.app import (
    Prepared,
    Refused,
    Request,
    find_agent,
    prepare,
    require_list,
)
from codeagent.core.agents import (
    BUILT_IN,
    ClaudeAgent,
    CommandAgent,
    CursorAgent,
    PredecessorCursorAgent,
    PredecessorGeminiAgent,
)
from codeagent.core.config import ConfigError
from codeagent.serving import run_server

PREDECESSOR = "project:\n  base_dir: {base}\nagent:\n  role: coder\nserver:\n  check_interval: 30\n"
AGENT = "agents:\n  mine:\n    command: {command}\nasync:\n  agent: mine\n"


def write(file: Path, text: str = "") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file


def program(file: Path) -> Path:
    write(file, "#!/bin/sh\n").chmod(0o755)
    return file


def ask(
    directory: Path,
    *,
    project: Path | None = None,
    config: str | Path | None = None,
    path: str | None = None,
    agent: str | None = None,
    **environment: str,
) -> Prepared:
    return prepare(
        Request(
            project=project,
            config=None if config is None else Path(config),
            path=path,
            agent=agent,
            directory=directory,
            environment=environment,
        )
    )


@pytest.fixture
def here(tmp_path: Path) -> Path:
    directory = tmp_path / "here"
    directory.mkdir()
    return directory


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    directory.mkdir()
    return directory


def test_without_any_configuration_the_defaults_hold_in_the_working_directory(here: Path) -> None:
    prepared = ask(here)
    assert (prepared.config_file, prepared.layout.project, prepared.path) == (None, here, "async")
    assert prepared.layout.state == here / ".codeagent"
    assert not prepared.config.predecessor


def test_the_predecessors_place_comes_first_then_our_own(here: Path, project: Path) -> None:
    own = write(here / "codeagent.yaml", "async:\n  path: sync\n")
    assert ask(here).config_file == own
    assert ask(here).path == "sync"
    theirs = write(here / "config/config.yaml", PREDECESSOR.format(base=project))
    assert ask(here).config_file == theirs
    assert ask(here).config.predecessor
    named = write(here / "other.yaml")
    assert ask(here, config="other.yaml").config_file == named


@pytest.mark.parametrize("name", ["codeagent.yaml", "codeagent.yml"])
def test_our_own_configuration_is_looked_for_in_the_project(
    name: str, here: Path, project: Path
) -> None:
    file = write(project / name)
    prepared = ask(here, project=project)
    assert (prepared.config_file, prepared.layout.project) == (file, project)


def test_a_relative_project_and_configuration_count_from_the_working_directory(here: Path) -> None:
    write(here / "sub/settings.yaml", "async:\n  state_dir: state\n")
    prepared = ask(here, project=here / "sub", config="sub/settings.yaml")
    assert prepared.layout.project == here / "sub"
    assert prepared.layout.state == here / "sub/state"


def test_the_predecessors_state_stays_beside_its_configuration(here: Path, project: Path) -> None:
    write(here / "config/config.yaml", PREDECESSOR.format(base=project))
    layout = ask(here).layout
    assert (layout.project, layout.state) == (project, here / "data")
    assert layout.logs == here / "logs"


def test_the_command_line_wins_over_the_configuration(here: Path, project: Path) -> None:
    write(here / "config/config.yaml", PREDECESSOR.format(base=here))
    write(here / "codeagent.yaml", AGENT.format(command="[sh]"))
    assert ask(here, project=project).layout.project == project
    prepared = ask(here, config="codeagent.yaml", path="sync", agent="cursor")
    assert (prepared.path, prepared.config.runtime.agent) == ("sync", "cursor")


def test_an_agent_that_nobody_described_is_refused_with_those_there_are(here: Path) -> None:
    write(here / "codeagent.yaml", AGENT.format(command="[sh]"))
    with pytest.raises(Refused, match="no agent 'other': choose from mine, cursor, claude"):
        ask(here, agent="other")


def test_the_nearest_env_file_wins_over_the_environment_as_it_always_did(
    here: Path, project: Path
) -> None:
    write(here / "config/config.yaml", PREDECESSOR.format(base="${PROJECT_DIR}"))
    write(here.parent / ".env", "PROJECT_DIR=/nowhere\n")
    write(here / ".env", f"PROJECT_DIR='{project}'\nKEY=from the file\n")
    prepared = ask(here, PROJECT_DIR=str(here), KEY="from outside", OTHER="kept")
    assert prepared.layout.project == project
    assert prepared.environment["KEY"] == "from the file"
    assert prepared.environment["OTHER"] == "kept"


def test_an_env_file_further_up_is_found(here: Path) -> None:
    write(here.parent / ".env", "KEY=value\n")
    assert ask(here).environment["KEY"] == "value"


def test_secrets_are_not_shown(here: Path) -> None:
    write(here / ".env", "API_KEY=s3cret\n")
    prepared = ask(here, OTHER_KEY="s3cret")
    assert "s3cret" not in repr(prepared)
    assert "s3cret" not in repr(Request(environment={"KEY": "s3cret"}))


def test_a_project_behind_a_link_is_the_directory_itself(here: Path, project: Path) -> None:
    link = here / "link"
    link.symlink_to(project)
    assert ask(here, project=link).layout.project == project


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"config": "nothing.yaml"}, "nothing.yaml (no such configuration file)"),
        ({"config": "."}, "no such configuration file"),
        ({"project": "nothing"}, "nothing does not exist: name another with --project"),
        ({"project": "file"}, "file is not a directory"),
    ],
)
def test_what_is_not_there_is_refused_by_its_name(
    request_: dict[str, str], words: str, here: Path
) -> None:
    write(here / "file")
    asked = {name: here / value for name, value in request_.items()}
    with pytest.raises(Refused) as caught:
        ask(here, **asked)  # type: ignore[arg-type]
    assert words in str(caught.value)


def test_a_file_in_another_encoding_is_refused_with_what_to_do(here: Path) -> None:
    (here / "codeagent.yaml").write_bytes("# настройки".encode("cp1251"))
    with pytest.raises(Refused, match=r"is not UTF-8 text \(byte 2\): save it as UTF-8"):
        ask(here)
    (here / "codeagent.yaml").unlink()
    (here / ".env").write_bytes(b"KEY=\xff\n")
    with pytest.raises(Refused, match=r"\.env is not UTF-8 text"):
        ask(here)


def test_a_byte_order_mark_does_no_harm(here: Path) -> None:
    (here / "codeagent.yaml").write_bytes(b"\xef\xbb\xbfasync:\r\n  path: sync\r\n")
    assert ask(here).path == "sync"


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        (
            "async:\n  max_concurrent_tasks: 2\n",
            Refused,
            "max_concurrent_tasks is 2, but tasks run in place",
        ),
        ("async:\n  path: both\n", ConfigError, "both"),
        ("async:\n  paht: sync\n", ConfigError, "paht"),
        (
            "instructions:\n  default:\n    - instruction_id: 1\n",
            Refused,
            "instructions.default[0].template: is missing or empty",
        ),
        (
            "instructions:\n  bugfix:\n    - {instruction_id: 1, template: x, timeout: soon}\n",
            Refused,
            "instructions.bugfix[0].timeout",
        ),
    ],
)
def test_what_is_wrong_in_the_configuration_is_told_before_anything_runs(
    text: str, error: type[Exception], words: str, here: Path
) -> None:
    file = write(here / "codeagent.yaml", text)
    with pytest.raises(error) as caught:
        ask(here)
    assert words in str(caught.value)
    assert error is Refused or str(file) in str(caught.value)
    assert list(here.iterdir()) == [file]


@pytest.mark.parametrize("name", ["agent", "cursor-agent", "cursor", "cursor-cli"])
def test_cursors_program_is_found_under_each_of_its_names(name: str, here: Path) -> None:
    found = program(here / "bin" / name)
    assert find_agent(ask(here, PATH=str(here / "bin"))) == CursorAgent(str(found))


def test_the_first_of_the_names_wins_and_what_cannot_be_run_is_passed_over(here: Path) -> None:
    write(here / "bin/agent")
    program(here / "bin/cursor-agent")
    program(here / "bin/cursor")
    adapter = find_agent(ask(here, PATH=str(here / "bin")))
    assert adapter == CursorAgent(str(here / "bin/cursor-agent"))


def predecessors(program: str) -> PredecessorCursorAgent:
    return PredecessorCursorAgent(program, "auto", ("grok",))


def test_the_predecessor_gets_its_own_call_and_its_own_place_of_the_program(
    here: Path, project: Path
) -> None:
    text = PREDECESSOR.format(base=project)
    write(here / "config/config.yaml", text)
    found = program(here / "bin/agent")
    assert find_agent(ask(here, PATH=str(found.parent))) == predecessors(str(found))
    elsewhere = program(here / "opt/my cursor")
    write(here / "config/config.yaml", f"{text}cursor:\n  cli:\n    cli_path: '{elsewhere}'\n")
    assert find_agent(ask(here, PATH="")) == predecessors(str(elsewhere))


def test_a_relative_place_of_the_program_still_leads_there_from_the_project(
    here: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"{PREDECESSOR.format(base=project)}cursor:\n  cli:\n    cli_path: bin/agent\n"
    write(here / "config/config.yaml", text)
    program(here / "bin/agent")
    monkeypatch.chdir(here)
    assert find_agent(ask(here)) == predecessors(str(here / "bin/agent"))
    monkeypatch.chdir(here / "bin")
    with pytest.raises(Refused, match=r"cursor\.cli\.cli_path: 'bin/agent' does not exist"):
        find_agent(ask(here))


def test_without_any_agent_it_is_said_what_was_looked_for(here: Path) -> None:
    with pytest.raises(Refused, match="none of agent, cursor-agent, cursor, cursor-cli is on"):
        find_agent(ask(here, PATH=str(here)))


def test_the_model_of_the_configuration_is_asked_for(here: Path) -> None:
    write(here / "codeagent.yaml", "cursor:\n  cli:\n    model: gpt-5\n")
    found = program(here / "bin/agent")
    assert find_agent(ask(here, PATH=str(found.parent))) == CursorAgent(str(found), "gpt-5")


@pytest.mark.parametrize("command", ["tool", "./tools/tool", "{project}/tools/tool"])
def test_a_configured_agent_is_looked_for_where_it_will_be_started(
    command: str, here: Path, project: Path
) -> None:
    program(project / "tools/tool")
    text = AGENT.format(command=f"['{command.format(project=project)}', -x]")
    write(project / "codeagent.yaml", text)
    adapter = find_agent(ask(here, project=project, PATH=str(project / "tools")))
    assert isinstance(adapter, CommandAgent)
    assert adapter.label == "mine"


@pytest.mark.parametrize("command", ["tool", "./tool", "/nowhere/tool"])
def test_a_configured_agent_that_is_not_there_is_refused(
    command: str, here: Path, project: Path
) -> None:
    program(here / "tool")
    write(project / "codeagent.yaml", AGENT.format(command=f"['{command}']"))
    with pytest.raises(Refused, match=r"agents\.mine\.command: there is no program"):
        find_agent(ask(here, project=project, PATH=str(project)))


@pytest.mark.parametrize("name", ["claude", "codex", "gemini", "opencode"])
def test_a_built_in_agent_is_found_by_its_name_or_refused_with_what_to_do(
    name: str, here: Path
) -> None:
    write(here / "codeagent.yaml", f"async:\n  agent: {name}\n")
    with pytest.raises(Refused, match=f"async.agent is {name}, but there is no {name} on the PATH"):
        find_agent(ask(here, PATH=str(here)))
    found = program(here / "bin" / name)
    assert find_agent(ask(here, PATH=str(found.parent))) == BUILT_IN[name](str(found))


def test_a_built_in_agent_is_adjusted_by_the_entry_with_its_name(here: Path) -> None:
    found = program(here / "bin/claude")
    write(
        here / "codeagent.yaml",
        "agents:\n  claude: {model: opus, models: [sonnet], timeout: 9, environment: {A: b}}\n",
    )
    prepared = ask(here, PATH=str(found.parent), agent="claude")
    assert find_agent(prepared) == ClaudeAgent(
        str(found), "opus", models=("sonnet",), timeout=9, environment={"A": "b"}
    )


def test_another_agent_than_the_configured_one_can_be_asked_for(here: Path) -> None:
    program(here / "bin/agent")
    found = program(here / "bin/codex")
    prepared = ask(here, PATH=str(found.parent))
    assert find_agent(prepared, "codex") == BUILT_IN["codex"](str(found))
    with pytest.raises(Refused, match="there is no agent 'other': choose from cursor, claude"):
        find_agent(prepared, "other")


GEMINI = PREDECESSOR + "llm:\n  cli_interface: gemini\n"


def test_the_predecessors_gemini_runs_in_its_container(here: Path, project: Path) -> None:
    container = "gemini: {cli: {container_name: gemini-agent, timeout: 900}}\n"
    write(here / "config/config.yaml", GEMINI.format(base=project) + container)
    with pytest.raises(Refused, match="no docker on the PATH: install it, or remove the key"):
        find_agent(ask(here, PATH=str(here)))
    docker = program(here / "bin/docker")
    expected = PredecessorGeminiAgent(str(docker), container="gemini-agent", has_key=True)
    assert find_agent(ask(here, PATH=str(docker.parent), GOOGLE_API_KEY="k")) == expected


def test_the_predecessors_gemini_is_its_own_script_and_needs_a_key(
    here: Path, project: Path
) -> None:
    write(here / "config/config.yaml", GEMINI.format(base=project))
    with pytest.raises(Refused, match=r"there is no .*/gemini_agent_cli\.py: set gemini\.cli"):
        find_agent(ask(here))
    script = write(here / "src/agents/gemini_agent/gemini_agent_cli.py")
    with pytest.raises(Refused, match="GOOGLE_API_KEY is not set"):
        find_agent(ask(here))
    expected = PredecessorGeminiAgent(sys.executable, str(script), str(project))
    assert find_agent(ask(here, GOOGLE_API_KEY="k")) == expected


def test_the_predecessors_configuration_may_name_another_agent(here: Path, project: Path) -> None:
    write(here / "config/config.yaml", GEMINI.format(base=project) + "async: {agent: claude}\n")
    found = program(here / "bin/claude")
    assert find_agent(ask(here, PATH=str(found.parent))) == ClaudeAgent(str(found))


@pytest.mark.parametrize("name", ["todo.md", "TODO.txt", "todo/todo.yaml"])
def test_a_project_needs_a_list(name: str, here: Path) -> None:
    prepared = ask(here)
    with pytest.raises(Refused, match=f"there is no TODO list in {here}: create one of todo.md"):
        require_list(prepared)
    write(here / name)
    require_list(prepared)


def test_a_loop_that_is_not_installed_is_refused_before_anything_is_made(here: Path) -> None:
    name = "uvloop" if os.name == "nt" else "winloop"
    write(here / "codeagent.yaml", f"async:\n  loop: {name}\n")
    prepared = ask(here)
    with pytest.raises(Refused, match=f"{name}' is not installed"):
        run_server(
            prepared,
            CursorAgent("agent"),
            sink=lambda event: None,
            keep_watching=False,
            command="codeagent run",
        )
    assert not prepared.layout.state.exists()
