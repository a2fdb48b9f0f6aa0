"""The command line as a whole."""

from __future__ import annotations

import subprocess
import sys

import pytest

from codeagent.cli import main
from codeagent.cli.commands import COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_explains_itself(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert not ended.value.code
    assert capsys.readouterr().out.startswith(f"usage: codeagent {name} ")


def test_help_names_every_command_and_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert not ended.value.code
    words = " ".join(capsys.readouterr().out.split())
    assert all(f"{name} {text}" in words for name, (_, text) in COMMANDS.items())


@pytest.mark.parametrize("words", [[], ["nothing"], ["--path", "sync", "run"], ["--", "ls"]])
def test_what_does_not_begin_with_a_command_is_wrong_usage(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: codeagent" in capsys.readouterr().err


def test_what_shows_the_tasks_loads_only_what_it_needs() -> None:
    code = (
        "import sys\nfrom codeagent.cli import main\n"
        "try: main(['ls', '--project', '/nowhere'])\n"
        "finally: print([name for name in ('asyncio', 'inspect', 'pydantic', 'yaml')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.split(b"\n")[-2] == b"[]"
