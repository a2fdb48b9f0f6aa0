"""The section ``agents``: coding agents, described or adjusted by the user."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from .base import PositiveSeconds, Seconds, StrictSettings, Words

BUILT_IN_AGENTS = ("cursor", "claude", "codex", "gemini", "opencode")
"""The agents that need no command."""

_BLANK = re.compile(r"\{prompt\}|\{model\}|\{session\}")
_OF_A_COMMAND = ("prompt", "output", "resume")


class AgentSettings(StrictSettings):
    """A coding agent started by a command of the user's choice, or a built-in one.

    ``command`` is a list of words, or one string that is split as a POSIX shell
    would; ``{prompt}`` and ``{model}`` in it are filled in.  Only an entry with the
    name of a built-in agent may do without: it adjusts that agent.  ``resume`` are
    the words that go on with an earlier chat; ``models`` are asked for in their
    order when ``model`` cannot do it.  Time-outs are in seconds; absent, those of
    the instruction and of ``async`` apply.
    """

    command: Words = Field(
        default=(),
        min_length=1,
        description="a program and its arguments: a list of words, or one string",
    )
    prompt: Literal["argument", "stdin"] = "stdin"
    output: Literal["text", "stream-json", "claude", "codex", "gemini", "opencode"] = "text"
    resume: Words = Field(default=(), description="a list of words, or one string")
    environment: dict[str, str] = Field(default_factory=dict, repr=False)
    timeout: PositiveSeconds | None = None
    idle_timeout: Seconds | None = None
    model: str | None = None
    models: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _prompt_goes_where_the_command_says(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        command = data.get("command")
        words = command if isinstance(command, list | tuple) else (command,)
        if not any(isinstance(word, str) and "{prompt}" in word for word in words):
            return data
        if data.get("prompt", "argument") == "stdin":
            raise ValueError("has {prompt} in its command, so 'prompt' must not be stdin")
        return {**data, "prompt": "argument"} if "prompt" not in data else data

    @model_validator(mode="after")
    def _can_be_started(self) -> AgentSettings:
        if not self.command:
            if of_a_command := [key for key in _OF_A_COMMAND if key in self.model_fields_set]:
                raise ValueError(f"has {of_a_command[0]!r}, which only an agent with a command has")
            return self
        if not self.command[0].strip():
            raise ValueError("has a command that names no program")
        takes_model = any("{model}" in word for word in self.command)
        if self.model is None and takes_model:
            raise ValueError("has {model} in its command, so 'model' must be set")
        if self.models and not takes_model:
            raise ValueError("has 'models', so {model} must stand in its command")
        if self.resume and not any("{session}" in word for word in self.resume):
            raise ValueError("has 'resume' without {session} in it")
        return self

    def arguments(
        self, prompt: str, *, session: str | None = None, model: str | None = None
    ) -> tuple[str, ...]:
        """The command to start for ``prompt``, which is the last word unless placed.

        ``resume`` comes behind the command, before a prompt that was not placed.
        """
        words = (*self.command, *(self.resume if session else ()))
        if self.prompt == "argument" and not any("{prompt}" in word for word in self.command):
            words = (*words, "{prompt}")
        values = {
            "{prompt}": prompt,
            "{model}": model or self.model or "",
            "{session}": session or "",
        }
        return tuple(_fill(word, values) for word in words)


def _fill(word: str, values: Mapping[str, str]) -> str:
    return _BLANK.sub(lambda found: values[found[0]], word)
