"""Run a twin through the configured formatter, and see that Python accepts it."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from .errors import ConversionError, ToolMissing


def resolve(commands: Sequence[str]) -> list[list[str]]:
    """Each command as an argument list with its program found.

    A program is looked for beside the running interpreter first, so that an
    environment's own formatter is used when it is not activated.
    """
    lines = []
    for command in commands:
        program, *arguments = shlex.split(command)
        found = shutil.which(program, path=str(Path(sys.executable).parent)) or shutil.which(
            program
        )
        if found is None:
            advice = (
                "install it with: pip install 'codeagent[twins]'"
                if program == "ruff"
                else "install it, or change formatter in the configuration"
            )
            raise ToolMissing(f"the formatter {program!r} was not found; {advice}")
        lines.append([found, *arguments])
    return lines


def format_text(text: str, path: str, commands: Sequence[Sequence[str]], root: Path) -> str:
    """``text`` after every command; ``{file}`` in an argument stands for ``path``."""
    for command in commands:
        done = subprocess.run(
            [argument.replace("{file}", path) for argument in command],
            input=text.encode(),
            capture_output=True,
            cwd=root,
            check=False,
        )
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip() or f"exit code {done.returncode}"
            raise ConversionError(f"{path}: {Path(command[0]).name} failed: {said}")
        text = done.stdout.decode().replace("\r\n", "\n")
    return text


def verify(text: str, header: str, path: str, source: str) -> None:
    """Raise ConversionError unless ``text`` begins with ``header`` and compiles."""
    if text.split("\n")[: header.count("\n") + 1] != header.split("\n"):
        raise ConversionError(f"{path}: the formatter moved or changed the header")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, path, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise ConversionError(
            f"{source}: its twin {path} would not be valid Python"
            f" (line {error.lineno}: {error.msg}); run `lint` for the cause"
        ) from None
