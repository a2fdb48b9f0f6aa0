"""Writes reports as agents do: in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_PROGRAM = """\
import os, sys
text = sys.argv[1].encode()
for line in iter(sys.stdin.readline, ""):
    order, name = line.split()
    if order == "write":
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.write(descriptor, text)
        os.close(descriptor)
    else:
        os.unlink(name)
"""


@contextmanager
def reporter(directory: Path, text: str) -> Iterator[Callable[[str, str], None]]:
    """Gives what has a file of ``directory`` written or removed, by another process.

    It takes ``"write"`` or ``"remove"`` and the file's name, and does not wait.
    """
    command = [sys.executable, "-IS", "-c", _PROGRAM, text]
    with subprocess.Popen(command, cwd=directory, stdin=subprocess.PIPE, bufsize=0) as process:
        assert process.stdin is not None  # asked for above
        tell = process.stdin.write

        def order(what: str, name: str) -> None:
            tell(f"{what} {name}\n".encode())

        yield order
