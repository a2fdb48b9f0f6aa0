"""Any other agent: a command from the configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..config import AgentSettings
from ..streams import (
    ClaudeStream,
    CodexStream,
    CursorStream,
    Decoder,
    GeminiStream,
    OpencodeStream,
    TextStream,
)
from .launch import NOTHING, Launch, encoded

_DECODERS: Mapping[str, Callable[[], Decoder]] = {
    "text": TextStream,
    "stream-json": CursorStream,
    "claude": ClaudeStream,
    "codex": CodexStream,
    "gemini": GeminiStream,
    "opencode": OpencodeStream,
}


@dataclass(frozen=True, slots=True)
class CommandAgent:
    """An agent that is described under ``agents``."""

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

    @property
    def models(self) -> tuple[str, ...]:
        return self.settings.models

    @property
    def resumes(self) -> bool:
        return bool(self.settings.resume)

    @property
    def announces(self) -> bool:
        return self.settings.output != "text"

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
        """The configured command for ``prompt``."""
        settings = self.settings
        return Launch(
            argv=settings.arguments(prompt, session=session, model=model),
            stdin=encoded(prompt) if settings.prompt == "stdin" else None,
            environment={**settings.environment, **environment},
            decoder=_DECODERS[settings.output],
            announces=self.announces,
            greets=settings.output != "opencode",
        )
