"""Writes reports as agents do: in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import TracebackType

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


class Reporter:
    """A process that writes ``text`` to files of ``directory``; use it as a block."""

    def __init__(self, directory: Path, text: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-IS", "-c", _PROGRAM, text],
            cwd=directory,
            stdin=subprocess.PIPE,
            bufsize=0,
        )

    def write(self, name: str) -> None:
        """Have the file ``name`` written; does not wait for it."""
        self._tell(f"write {name}\n")

    def remove(self, name: str) -> None:
        """Have it deleted; does not wait for it."""
        self._tell(f"remove {name}\n")

    def _tell(self, order: str) -> None:
        assert self._process.stdin is not None  # asked for above
        self._process.stdin.write(order.encode())

    def __enter__(self) -> Reporter:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        with self._process:  # closes its input, at which it ends
            pass
