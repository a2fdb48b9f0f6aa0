from __future__ import annotations

import pytest

from codeagent.core.agents import CommandAgent, CursorAgent, Launch, PredecessorCursorAgent
from codeagent.core.config import AgentSettings
from codeagent.core.streams import CursorStream, TextStream

PROMPT = "Сделай «это»: $HOME `pwd` {model} {prompt}\n--force"
MODERN = ("/bin/agent", "-p", "--output-format", "stream-json", "--force", "--trust")


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
