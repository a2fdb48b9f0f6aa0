"""The agents as the predecessor called them: word for word the same."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from .launch import NOTHING, Launch

SCRIPT = "src/agents/gemini_agent/gemini_agent_cli.py"
"""The predecessor's own Gemini agent, relative to its installation."""

KEY = "GOOGLE_API_KEY"

AUTO = "auto"
"""The model's name where Cursor chooses one."""

_IN_CONTAINER = "/usr/local/bin/gemini_agent_cli.py"
_REPORT = "docs/results/last_result.md"
_PHRASE = "Задача выполнена успешно!"


@dataclass(frozen=True, slots=True)
class PredecessorCursorAgent:
    """Cursor's command line exactly as the predecessor called it.

    It says nothing until it ends, so silence means nothing.  A model is named
    as in the predecessor's container; on this machine it asked for the same one
    again and again.  `AUTO` is the agent's own choice, and never named.
    """

    program: str
    model: str = AUTO
    models: tuple[str, ...] = ()
    label: str = "Cursor"
    timeout: float | None = None
    silence: float | None = 0.0

    resumes: ClassVar[bool] = False
    announces: ClassVar[bool] = False

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
        """The command with the prompt as its argument; a chat is never named."""
        chosen = model or self.model
        named = () if chosen == AUTO else ("--model", chosen)
        return Launch(
            argv=(self.program, *named, "-p", prompt, "--force", "--approve-mcps"),
            environment=dict(environment),
        )


@dataclass(frozen=True, slots=True)
class PredecessorGeminiAgent:
    """The predecessor's own Gemini agent, on this machine or in its container.

    ``program`` is the Python that runs ``script``, or Docker's client if
    ``container`` is named.  It writes the report itself, at a path relative to
    where it runs, so that its exit code alone says whether it has succeeded.
    The key reaches the container by its name: as a value it would stand in the
    list of processes.
    """

    program: str
    script: str = ""
    project: str = ""
    container: str | None = None
    has_key: bool = False
    label: str = "Gemini"
    timeout: float | None = None
    silence: float | None = 0.0

    models: ClassVar[tuple[str, ...]] = ()
    resumes: ClassVar[bool] = True
    announces: ClassVar[bool] = False

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
        """The command with prompt, report and phrase as its arguments."""
        told = (prompt, report or _REPORT, phrase or _PHRASE)
        chat = ("--session_id", session) if session else ()
        if self.container is None:
            words = (self.script, *told, "--project_path", self.project, *chat)
        else:
            quoted = " ".join(shlex.quote(word) for word in told)
            inside = f"python {_IN_CONTAINER} {quoted} --project_path /workspace"
            if session:
                inside += f" --session_id {shlex.quote(session)}"
            key = ("-e", KEY) if self.has_key else ()
            words = ("exec", *key, self.container, "bash", "-c", inside)
        return Launch(argv=(self.program, *words), environment=dict(environment), reports=False)
