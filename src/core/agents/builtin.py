"""The coding agents whose command lines are known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from ..streams import ClaudeStream, CodexStream, CursorStream, Decoder, GeminiStream, OpencodeStream
from .launch import NOTHING, Launch, encoded


@dataclass(frozen=True, slots=True)
class BuiltInAgent(ABC):
    """An agent that takes the prompt on standard input and streams JSON events.

    ``programs`` are the names under which it is looked for, in order, and
    ``installation`` says how to get it.
    """

    program: str
    model: str | None = None
    models: tuple[str, ...] = ()
    timeout: float | None = None
    silence: float | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    label: ClassVar[str]
    programs: ClassVar[tuple[str, ...]]
    installation: ClassVar[str]
    decoder: ClassVar[Callable[[], Decoder]]
    settings: ClassVar[Mapping[str, str]] = NOTHING
    resumes: ClassVar[bool] = True
    announces: ClassVar[bool] = True
    greets: ClassVar[bool] = True

    def launch(
        self,
        prompt: str,
        *,
        session: str | None = None,
        model: str | None = None,
        environment: Mapping[str, str] = NOTHING,
        workspace: str | None = None,
        report: str = "",
        phrase: str = "",
    ) -> Launch:
        """The command; the prompt goes to standard input, which then ends."""
        return Launch(
            argv=(self.program, *self._words(session, model or self.model, workspace)),
            stdin=encoded(prompt),
            environment={**self.settings, **self.environment, **environment},
            decoder=type(self).decoder,
            announces=self.announces,
            greets=self.greets,
        )

    @abstractmethod
    def _words(
        self, session: str | None, model: str | None, workspace: str | None
    ) -> tuple[str, ...]:
        """The arguments."""


@dataclass(frozen=True, slots=True)
class CursorAgent(BuiltInAgent):
    """Cursor's command line, https://cursor.com/docs/cli/headless.

    Without ``--force`` edits are only proposed, and ``--trust`` is needed for
    every directory anew.
    """

    label = "Cursor"
    programs = ("agent", "cursor-agent", "cursor", "cursor-cli")
    installation = "install Cursor's command line (https://cursor.com/docs/cli/installation)"
    decoder = CursorStream
    settings = {"NO_OPEN_BROWSER": "1"}  # noqa: RUF012 - a constant of the class

    def _words(
        self, session: str | None, model: str | None, workspace: str | None
    ) -> tuple[str, ...]:
        return (
            *("-p", "--output-format", "stream-json", "--force", "--trust", "--approve-mcps"),
            *(("--workspace", workspace) if workspace else ()),
            *(("--model", model) if model else ()),
            *(("--resume", session) if session else ()),
        )


@dataclass(frozen=True, slots=True)
class ClaudeAgent(BuiltInAgent):
    """Claude Code, https://code.claude.com/docs/en/headless.

    Partial messages show that it is alive while it writes long texts.  It refuses
    to go on without asking when it runs as root, unless it is told that it is
    inside a sandbox: ``IS_SANDBOX: "1"`` in its environment.
    """

    label = "Claude"
    programs = ("claude",)
    installation = "install Claude Code (npm install -g @anthropic-ai/claude-code)"
    decoder = ClaudeStream
    settings = {"DISABLE_AUTOUPDATER": "1"}  # noqa: RUF012

    def _words(
        self, session: str | None, model: str | None, workspace: str | None
    ) -> tuple[str, ...]:
        return (
            *("-p", "--output-format", "stream-json", "--verbose", "--include-partial-messages"),
            *("--permission-mode", "bypassPermissions", "--disallowedTools", "AskUserQuestion"),
            *(("--model", model) if model else ()),
            *(("--resume", session) if session else ()),
        )


@dataclass(frozen=True, slots=True)
class CodexAgent(BuiltInAgent):
    """Codex, https://developers.openai.com/codex/noninteractive.

    Its sandbox is read-only unless told otherwise.  It says nothing while its
    model thinks, so it may be silent for longer.
    """

    silence: float | None = 900.0

    label = "Codex"
    programs = ("codex",)
    installation = "install Codex (npm install -g @openai/codex)"
    decoder = CodexStream

    def _words(
        self, session: str | None, model: str | None, workspace: str | None
    ) -> tuple[str, ...]:
        return (
            *("exec", "--json", "--skip-git-repo-check", "--sandbox", "workspace-write"),
            *(("--cd", workspace) if workspace else ()),
            *(("--model", model) if model else ()),
            *(("resume", session) if session else ()),
            "-",
        )


@dataclass(frozen=True, slots=True)
class GeminiAgent(BuiltInAgent):
    """Gemini's command line, https://geminicli.com/docs/cli/headless.

    It needs an API key or an enterprise account.
    """

    label = "Gemini"
    programs = ("gemini",)
    installation = "install Gemini's command line (npm install -g @google/gemini-cli)"
    decoder = GeminiStream
    settings = {"GEMINI_CLI_TRUST_WORKSPACE": "true"}  # noqa: RUF012

    def _words(
        self, session: str | None, model: str | None, workspace: str | None
    ) -> tuple[str, ...]:
        return (
            *("--output-format", "stream-json", "--approval-mode", "yolo"),
            *(("--model", model) if model else ()),
            *(("--resume", session) if session else ()),
        )


@dataclass(frozen=True, slots=True)
class OpencodeAgent(BuiltInAgent):
    """opencode, https://opencode.ai/docs/cli; a model is named ``provider/model``.

    Its first word comes with the first of its model, and it tells of a tool only
    when that has ended, so it may be silent for longer.
    """

    silence: float | None = 1800.0

    label = "opencode"
    programs = ("opencode",)
    installation = "install opencode (npm install -g opencode-ai)"
    greets = False
    decoder = OpencodeStream
    settings = {"OPENCODE_DISABLE_AUTOUPDATE": "1"}  # noqa: RUF012

    def _words(
        self, session: str | None, model: str | None, workspace: str | None
    ) -> tuple[str, ...]:
        return (
            *("run", "--format", "json", "--auto"),
            *(("--dir", workspace) if workspace else ()),
            *(("--model", model) if model else ()),
            *(("--session", session) if session else ()),
        )


BUILT_IN: Mapping[str, type[BuiltInAgent]] = {
    "cursor": CursorAgent,
    "claude": ClaudeAgent,
    "codex": CodexAgent,
    "gemini": GeminiAgent,
    "opencode": OpencodeAgent,
}
"""The built-in agents by the name that ``async.agent`` gives them."""
