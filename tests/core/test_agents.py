from __future__ import annotations

import pytest

from codeagent.core.agents import (
    BUILT_IN,
    CommandAgent,
    CursorAgent,
    Launch,
    PredecessorCursorAgent,
    PredecessorGeminiAgent,
)
from codeagent.core.config import BUILT_IN_AGENTS, AgentSettings
from codeagent.core.streams import (
    ClaudeStream,
    CodexStream,
    CursorStream,
    Decoder,
    GeminiStream,
    OpencodeStream,
    TextStream,
)

PROMPT = "Сделай «это»: $HOME `pwd` {model} {prompt}\n--force"
FLAGS = ("--force", "--trust", "--approve-mcps")
MODERN = ("/bin/agent", "-p", "--output-format", "stream-json", *FLAGS)


def command(**settings: object) -> CommandAgent:
    return CommandAgent("mine", AgentSettings.model_validate(settings))


def test_cursor_gets_the_prompt_on_its_input_and_speaks_its_stream() -> None:
    assert CursorAgent("/bin/agent").launch(PROMPT) == Launch(
        argv=MODERN,
        stdin=PROMPT.encode(),
        environment={"NO_OPEN_BROWSER": "1"},
        decoder=CursorStream,
        announces=True,
    )


@pytest.mark.parametrize(("model", "more"), [("gpt-5", ("--model", "gpt-5")), ("", ()), (None, ())])
def test_cursor_is_told_the_model_only_if_there_is_one(
    model: str | None, more: tuple[str, ...]
) -> None:
    assert CursorAgent("/bin/agent", model).launch("x").argv == (*MODERN, *more)


def test_the_predecessors_call_of_cursor_is_word_for_word_the_same() -> None:
    agent = PredecessorCursorAgent("/bin/agent")
    argv = ("/bin/agent", "-p", PROMPT, "--force", "--approve-mcps")
    assert agent.launch(PROMPT) == Launch(argv=argv)
    assert (agent.label, agent.timeout, agent.silence) == ("Cursor", None, 0.0)


def test_the_predecessors_call_of_cursor_knows_no_chats() -> None:
    agent = PredecessorCursorAgent("/bin/agent")
    launch = agent.launch("x", session="s", environment={"A": "b"}, workspace="/w")
    assert launch.argv == ("/bin/agent", "-p", "x", "--force", "--approve-mcps")
    assert launch.environment == {"A": "b"}
    assert (agent.resumes, agent.models, agent.announces) == (False, (), False)


@pytest.mark.parametrize(
    ("usual", "asked", "named"),
    [
        ("auto", None, ()),
        ("auto", "auto", ()),
        ("auto", "grok", ("--model", "grok")),
        ("sonnet", None, ("--model", "sonnet")),
        ("sonnet", "auto", ()),
    ],
)
def test_the_predecessors_call_of_cursor_names_any_model_but_the_agents_own_choice(
    usual: str, asked: str | None, named: tuple[str, ...]
) -> None:
    launch = PredecessorCursorAgent("/bin/agent", usual).launch("x", model=asked)
    assert launch.argv == ("/bin/agent", *named, "-p", "x", "--force", "--approve-mcps")


def test_the_built_in_agents_are_those_that_can_be_named() -> None:
    assert tuple(BUILT_IN) == BUILT_IN_AGENTS


@pytest.mark.parametrize(
    ("name", "decoder", "usual", "everything"),
    [
        (
            "cursor",
            CursorStream,
            "-p --output-format stream-json --force --trust --approve-mcps",
            (
                "-p --output-format stream-json --force --trust --approve-mcps --workspace /w "
                "--model m --resume s"
            ),
        ),
        (
            "claude",
            ClaudeStream,
            (
                "-p --output-format stream-json --verbose --include-partial-messages "
                "--permission-mode bypassPermissions --disallowedTools AskUserQuestion"
            ),
            (
                "-p --output-format stream-json --verbose --include-partial-messages "
                "--permission-mode bypassPermissions --disallowedTools AskUserQuestion "
                "--model m --resume s"
            ),
        ),
        (
            "codex",
            CodexStream,
            "exec --json --skip-git-repo-check --sandbox workspace-write -",
            (
                "exec --json --skip-git-repo-check --sandbox workspace-write --cd /w --model m "
                "resume s -"
            ),
        ),
        (
            "gemini",
            GeminiStream,
            "--output-format stream-json --approval-mode yolo",
            "--output-format stream-json --approval-mode yolo --model m --resume s",
        ),
        (
            "opencode",
            OpencodeStream,
            "run --format json --auto",
            "run --format json --auto --dir /w --model m --session s",
        ),
    ],
)
def test_each_built_in_agent_is_called_as_it_wants_to_be(
    name: str, decoder: type[Decoder], usual: str, everything: str
) -> None:
    agent = BUILT_IN[name]("/bin/x", models=("n",), environment={"KEY": "a", "OWN": "s3cret"})
    launch = agent.launch(PROMPT)
    assert launch.argv == ("/bin/x", *usual.split())
    assert (launch.stdin, launch.decoder, launch.announces) == (PROMPT.encode(), decoder, True)
    launch = agent.launch(
        "x", session="s", model="m", environment={"KEY": "c"}, workspace="/w", report="r.md"
    )
    assert launch.argv == ("/bin/x", *everything.split())
    assert launch.environment.items() >= {"KEY": "c", "OWN": "s3cret"}.items()
    assert agent.resumes
    assert launch.greets == (name != "opencode")
    assert "s3cret" not in repr(agent) + repr(launch)


def test_a_built_in_agent_has_its_usual_model_unless_another_is_asked_for() -> None:
    agent = CursorAgent("a", "usual")
    assert agent.launch("x").argv[-1] == "usual"
    assert agent.launch("x", model="other").argv[-2:] == ("--model", "other")


TOLD = ("Do 'it'", "docs/r.md", "Done!")


def test_the_predecessors_gemini_is_called_word_for_word_the_same() -> None:
    agent = PredecessorGeminiAgent("/bin/python", "/old/cli.py", "/project")
    launch = agent.launch(TOLD[0], report=TOLD[1], phrase=TOLD[2])
    argv = ("/bin/python", "/old/cli.py", *TOLD, "--project_path", "/project")
    assert launch == Launch(argv=argv, reports=False)
    assert agent.launch(TOLD[0], session="7").argv == (
        *("/bin/python", "/old/cli.py", TOLD[0], "docs/results/last_result.md"),
        *("Задача выполнена успешно!", "--project_path", "/project", "--session_id", "7"),
    )


@pytest.mark.parametrize(("has_key", "key"), [(True, ("-e", "GOOGLE_API_KEY")), (False, ())])
def test_the_predecessors_gemini_in_its_container(has_key: bool, key: tuple[str, ...]) -> None:
    agent = PredecessorGeminiAgent("/bin/docker", container="gemini-agent", has_key=has_key)
    launch = agent.launch(TOLD[0], report=TOLD[1], phrase=TOLD[2], session="7")
    inside = (
        "python /usr/local/bin/gemini_agent_cli.py 'Do '\"'\"'it'\"'\"'' docs/r.md 'Done!' "
        "--project_path /workspace --session_id 7"
    )
    assert launch.argv == ("/bin/docker", "exec", *key, "gemini-agent", "bash", "-c", inside)


def test_a_prompt_that_no_encoding_takes_is_sent_all_the_same() -> None:
    assert CursorAgent("a").launch("a\ud800b").stdin == b"a?b"


@pytest.mark.parametrize(
    ("settings", "argv", "stdin"),
    [
        ({"command": ["tool", "-x"]}, ("tool", "-x"), PROMPT.encode()),
        ({"command": "tool 'a b' -x"}, ("tool", "a b", "-x"), PROMPT.encode()),
        ({"command": ["tool"], "prompt": "argument"}, ("tool", PROMPT), None),
        ({"command": ["tool", "--ask={prompt}!"]}, ("tool", f"--ask={PROMPT}!"), None),
        (
            {"command": ["tool", "{model}", "{prompt}", "{other}"], "model": "m-1"},
            ("tool", "m-1", PROMPT, "{other}"),
            None,
        ),
    ],
)
def test_a_configured_command_gets_its_words_and_the_prompt_where_it_wants_it(
    settings: dict[str, object], argv: tuple[str, ...], stdin: bytes | None
) -> None:
    launch = command(**settings).launch(PROMPT)
    assert (launch.argv, launch.stdin) == (argv, stdin)


def test_a_command_speaks_text_unless_it_is_said_to_stream() -> None:
    text = command(command=["tool"]).launch("x")
    stream = command(command=["tool"], output="stream-json").launch("x")
    assert (text.decoder, text.announces) == (TextStream, False)
    assert (stream.decoder, stream.announces) == (CursorStream, True)


@pytest.mark.parametrize(
    ("output", "decoder"),
    [("claude", ClaudeStream), ("codex", CodexStream), ("gemini", GeminiStream)],
)
def test_a_command_may_speak_as_another_agent_does(output: str, decoder: type[Decoder]) -> None:
    launch = command(command=["tool"], output=output).launch("x")
    assert (launch.decoder, launch.announces) == (decoder, True)


def test_a_command_that_can_resume_and_change_its_model_does() -> None:
    agent = command(
        command=["tool", "-m", "{model}"],
        model="a",
        models=["b"],
        resume=["--resume", "{session}"],
        environment={"KEY": "mine", "MORE": "1"},
    )
    assert (agent.resumes, agent.models) == (True, ("b",))
    launch = agent.launch("x", session="s", model="b", environment={"KEY": "other"})
    assert launch.argv == ("tool", "-m", "b", "--resume", "s")
    assert launch.environment == {"KEY": "other", "MORE": "1"}
    plain = command(command=["tool"])
    assert (plain.resumes, plain.models) == (False, ())
    assert plain.launch("x", session="s", model="m").argv == ("tool",)


@pytest.mark.parametrize(
    ("settings", "silence"),
    [
        ({}, 0.0),
        ({"output": "stream-json"}, None),
        ({"idle_timeout": 7}, 7.0),
        ({"idle_timeout": 0, "output": "stream-json"}, 0.0),
    ],
)
def test_only_an_agent_that_talks_is_expected_to_unless_configured(
    settings: dict[str, object], silence: float | None
) -> None:
    agent = command(command=["tool"], timeout=90, **settings)
    assert (agent.label, agent.timeout, agent.silence) == ("mine", 90.0, silence)


def test_the_environment_of_an_agent_is_passed_on_and_not_shown() -> None:
    agent = command(command=["tool"], environment={"KEY": "s3cret", "LEVEL": 2})
    launch = agent.launch("x")
    assert launch.environment == {"KEY": "s3cret", "LEVEL": "2"}
    assert "s3cret" not in repr(launch) + repr(agent)
