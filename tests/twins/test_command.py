"""The command line: what is printed, and the exit code."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from typing import Any

import pytest

from codeagent.cli import twins
from codeagent.twins.command import main


@pytest.fixture(autouse=True)
def here(brook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(brook.root / "lib")


def test_generate_then_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 1
    out = capsys.readouterr().out
    assert "lib/brook/blocking/water.py: missing\n--- " in out
    assert out.endswith("to bring the twins up to date, run: codeagent twins generate\n")
    assert main(["generate"]) == 0
    out = capsys.readouterr().out
    assert "wrote lib/brook/blocking/water.py\n" in out
    assert out.endswith("3 written, 0 removed, 0 unchanged, 0 findings\n")
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "3 twins up to date\n"


def test_a_surplus_twin_is_explained_and_its_removal_told(
    brook: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["generate"])
    brook.write("lib/brook/blocking/old.py", brook.read("lib/brook/blocking/water.py"))
    capsys.readouterr()
    assert main(["check"]) == 1
    assert "old.py: surplus\n  it has no source" in capsys.readouterr().out
    assert main(["generate"]) == 0
    assert "removed lib/brook/blocking/old.py\n" in capsys.readouterr().out


@pytest.mark.parametrize("action", ["generate", "check", "lint"])
def test_a_finding_fails_every_action_and_the_twin_is_written_all_the_same(
    brook: Any, capsys: pytest.CaptureFixture[str], action: str
) -> None:
    main(["generate"])
    brook.write("lib/brook/aio/stone.py", "import asyncio\n\nx = asyncio\n")
    capsys.readouterr()
    assert main([action]) == 1
    assert "lib/brook/aio/stone.py:1: TW301 asyncio has one colour" in capsys.readouterr().out
    written = "import asyncio" in brook.read("lib/brook/blocking/stone.py")
    assert written == (action == "generate")


def test_a_tree_that_cannot_be_generated_gives_one(
    brook: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    brook.write("lib/brook/blocking/water.py", "MINE = 1\n")
    assert main(["generate"]) == 1
    assert "error: nothing was written: lib/brook/blocking/water.py" in capsys.readouterr().err
    brook.write("lib/brook/aio/water.py", "(")
    assert main(["check"]) == 1
    assert "error: lib/brook/aio/water.py:1: not valid Python" in capsys.readouterr().err


def test_an_error_of_the_system_gives_one_without_a_traceback(
    brook: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (brook.root / "lib/brook/blocking").mkdir()
    (brook.root / "lib/brook/blocking/gone.py").symlink_to("nowhere")
    assert main(["check"]) == 1
    assert "gone.py" in capsys.readouterr().err


def test_a_wrong_configuration_gives_two(brook: Any, capsys: pytest.CaptureFixture[str]) -> None:
    brook.write("pyproject.toml", "[tool.codeagent.twins]\npair = 1\n")
    assert main(["check"]) == 2
    assert "pair: unknown key; did you mean pairs?" in capsys.readouterr().err
    assert main(["check", "--config", "absent.toml"]) == 2


@pytest.mark.parametrize("arguments", [[], ["polish"], ["check", "--colour"]])
def test_wrong_usage_gives_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_the_programs_own_command_does_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    twins.add_parser(parser.add_subparsers())
    for action, code in (("check", 1), ("generate", 0), ("check", 0)):
        args = parser.parse_args(["twins", action, "--config", "../pyproject.toml"])
        assert args.run(args) == code
    assert capsys.readouterr().out.endswith("3 twins up to date\n")


def test_the_package_runs_as_a_module(brook: Any) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "codeagent.twins", "lint"],
        cwd=brook.root,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "0 findings\n", "")
