"""How each coding agent is started and how its output is read.

An adapter only describes; starting and watching the process is the same for
all agents.  To add an agent, add an adapter here, or none at all: a command
under ``agents`` in the configuration is an adapter already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from .config import AgentSettings
from .streams import CursorStream, Decoder, TextStream

PROGRAM_NAMES = ("agent", "cursor-agent", "cursor", "cursor-cli")
"""The names under which Cursor's command line is looked for, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One start of an agent.

    ``stdin`` is given to it as a whole; without it, its input is empty.
    ``environment`` is added to the server's own.  ``announces``: the output
    carries an event that says that, and how, the agent has finished.
    """

    argv: tuple[str, ...]
    stdin: bytes | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    decoder: Callable[[], Decoder] = TextStream
    announces: bool = False


class Adapter(Protocol):
    """What the server has to know of an agent.

    ``label`` stands in the status file.  ``timeout`` and ``silence`` (seconds)
    replace the instruction's time and the limit without a sign of life.
    """

    @property
    def label(self) -> str: ...
    @property
    def timeout(self) -> float | None: ...
    @property
    def silence(self) -> float | None: ...
    def launch(self, prompt: str) -> Launch: ...


@dataclass(frozen=True, slots=True)
class CursorAgent:
    """Cursor's command line, non-interactive, speaking its event stream.

    https://cursor.com/docs/cli/headless: without ``--force`` edits are only
    proposed, and ``--trust`` is needed for every directory anew.
    """

    program: str
    model: str | None = None
    label: str = "Cursor"
    timeout: float | None = None
    silence: float | None = None

    def launch(self, prompt: str) -> Launch:
        """The command; the prompt goes to standard input, which then ends."""
        words = [self.program, "-p", "--output-format", "stream-json", "--force", "--trust"]
        if self.model:
            words += ["--model", self.model]
        return Launch(
            argv=tuple(words),
            stdin=prompt.encode("utf-8", "replace"),
            environment={"NO_OPEN_BROWSER": "1"},
            decoder=CursorStream,
            announces=True,
        )


@dataclass(frozen=True, slots=True)
class PredecessorCursorAgent:
    """Cursor's command line exactly as the predecessor called it.

    It says nothing until it ends, so silence means nothing.
    """

    program: str
    label: str = "Cursor"
    timeout: float | None = None
    silence: float | None = 0.0

    def launch(self, prompt: str) -> Launch:
        """The command with the prompt as its argument."""
        return Launch(argv=(self.program, "-p", prompt, "--force", "--approve-mcps"))


@dataclass(frozen=True, slots=True)
class CommandAgent:
    """Any other agent: a command from the configuration."""

    name: str
    settings: AgentSettings

    @property
    def label(self) -> str:
        return self.name

    @property
    def timeout(self) -> float | None:
        return self.settings.timeout

    @property
    def silence(self) -> float | None:
        if self.settings.idle_timeout is None and self.settings.output == "text":
            return 0.0
        return self.settings.idle_timeout

    def launch(self, prompt: str) -> Launch:
        """The configured command for ``prompt``."""
        streams = self.settings.output == "stream-json"
        return Launch(
            argv=self.settings.arguments(prompt),
            stdin=prompt.encode("utf-8", "replace") if self.settings.prompt == "stdin" else None,
            environment=dict(self.settings.environment),
            decoder=CursorStream if streams else TextStream,
            announces=streams,
        )
