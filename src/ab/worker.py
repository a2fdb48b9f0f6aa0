"""A side in a long-lived process of its own, so that memory and imports do not mix.

The worker reads one JSON object a line from its standard input and answers each
with one line on its standard output; see `codeagent.ab.worker_process`.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from .measure import MeasureError, Sample, end_group, tail

_LEAVE = 5.0  # seconds for a worker to go by itself


class Worker:
    """A scenario in its own process.

    Args:
        name: what it is called in results.
        scenario: ``"package.module:function"``, importable in the worker.
        arguments: keyword arguments of the scenario, as JSON can hold them.
        loop_factory: ``"package.module:function"`` that makes the event loop.
        python: the interpreter and its options.
        cwd: the worker's directory.  It is importable, as with ``python -m``.
        env: the worker's whole environment.
        timeout: seconds that a single answer may take.
    """

    def __init__(
        self,
        name: str,
        scenario: str,
        *,
        arguments: Mapping[str, Any] | None = None,
        loop_factory: str | None = None,
        python: Sequence[str] = (sys.executable,),
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 300.0,
    ) -> None:
        self.name = name
        self._opening = {
            "do": "open",
            "scenario": scenario,
            "arguments": dict(arguments or {}),
            "loop_factory": loop_factory,
        }
        self._command = [*python, "-m", f"{__package__}.worker_process"]
        self._cwd = cwd
        self._env = env
        self._timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: BinaryIO | None = None
        self._unread = b""

    @property
    def pid(self) -> int | None:
        """The worker's process id while it is open."""
        return self._process.pid if self._process else None

    def open(self) -> None:
        """Start the worker and open its scenario.

        Raises:
            MeasureError: if either fails; the message has the worker's last words.
        """
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the worker
        self._unread = b""
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                cwd=self._cwd,
                env=self._env,
                start_new_session=True,
            )
            self.ask(self._opening)
        except OSError as error:
            self.close()
            raise MeasureError(f"{self.name}: cannot start {self._command[0]}: {error}") from error
        except MeasureError:
            self.close()
            raise

    def settle(self) -> None:
        """Collect garbage in the worker."""
        self.ask({"do": "settle"})

    def run(self, repeats: int) -> Sample:
        """Run the operation so often in the worker; its own clocks measure."""
        answer = self.ask({"do": "run", "repeats": repeats})
        return Sample(answer["wall"], answer["cpu"])

    def inspect(self) -> dict[str, Any]:
        """The worker's memory (bytes, now and peak), its descriptors and threads."""
        return self.ask({"do": "inspect"})

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Send one request and wait for the answer.

        Raises:
            MeasureError: if the worker reports an error, ends, or takes too long.
        """
        process = self._process
        if process is None or process.stdin is None:
            raise MeasureError(f"{self.name}: the worker is not open")
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended; reading tells why
        answer: dict[str, Any] = json.loads(self._line(process))
        if "error" in answer:
            raise MeasureError(f"{self.name}: {answer['error']}")
        return answer

    def _line(self, process: subprocess.Popen[bytes]) -> bytes:
        assert process.stdout is not None  # noqa: S101 - it was opened with a pipe
        until = time.monotonic() + self._timeout
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                if not selector.select(until - time.monotonic()):
                    raise MeasureError(f"{self.name}: no answer within {self._timeout:g} s")
                data = os.read(process.stdout.fileno(), 65536)
                if not data:
                    code = process.wait()
                    said = tail(self._errors) if self._errors else ""
                    raise MeasureError(f"{self.name}: the worker ended with {code}: {said}")
                self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def close(self) -> None:
        """End the worker: by closing its input, if that does not help by its process group."""
        process, self._process = self._process, None
        if process is not None:
            if process.stdin is not None:
                with suppress(BrokenPipeError):
                    process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LEAVE)
            end_group(process)
            if process.stdout is not None:
                process.stdout.close()
        if self._errors is not None:
            self._errors.close()
            self._errors = None
