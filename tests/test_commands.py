"""The command line as a whole."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from codeagent.cli import main
from codeagent.cli.commands import COMMANDS
from codeagent.cli.parsing import columns


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
    code = """
import sys
before = set(sys.modules)
from codeagent.cli import main
try:
    main(["ls", "--project", "/nowhere"])
finally:
    loaded = sys.modules.keys() - before
    print([name for name in ("asyncio", "inspect", "pydantic", "shutil", "typing", "unicodedata",
                             "yaml") if name in loaded])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.split(b"\n")[-2] == b"[]"


@pytest.mark.parametrize("given", ["61", "0", "-3", "wide", ""])
def test_help_is_as_wide_as_the_terminal(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", given)
    assert columns() == shutil.get_terminal_size().columns


def test_pydantic_works_without_looking_for_plugins() -> None:
    code = """
import sys
from codeagent.cli.plugins import leave_out_plugins
leave_out_plugins()
from codeagent.core.config.limits import LimitSettings
print(LimitSettings(), "importlib.metadata" in sys.modules)
from pydantic.plugin import _loader
print(_loader.get_plugins(), _loader.PYDANTIC_ENTRY_POINT_GROUP)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    limits, plugins = done.stdout.splitlines()
    assert limits.endswith(" False")
    assert plugins == "() pydantic"
