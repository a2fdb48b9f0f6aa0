"""How it is found out whether a task's work is good."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainValidator

from .base import Number, PositiveSeconds, StrictSettings

FORBIDDEN = (
    ".git/**",
    ".env",
    ".env.local",
    ".env.*.local",
    "*.pem",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    ".ssh/**",
    ".netrc",
    ".pypirc",
    ".aws/credentials",
)
"""What no task may change unless configured: git's own files, and where keys are kept."""

_OPERATOR = re.compile(r"\|\|?|&&?|;|\d*(?:<<?|>>?)(?:&\d+)?")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


@dataclass(frozen=True, slots=True)
class Command:
    """A program and its arguments; ``text`` is the line that people know it by."""

    argv: tuple[str, ...]
    text: str


def command(written: object) -> Command:
    """What a configuration says is to be run: words, one line of them, or ``{shell: line}``.

    Only the last goes through a shell, ``sh``.  Raises `ValueError`, with advice
    where a line means a shell and does not say so.
    """
    if isinstance(written, dict):
        line = written.get("shell")
        if set(written) != {"shell"} or not isinstance(line, str) or not line.strip():
            raise ValueError("must be a command, or a mapping of the one key shell: 'a line'")
        return _startable(("sh", "-c", line), line.strip())
    if isinstance(written, str):
        try:
            words = shlex.split(written)
        except ValueError as error:
            raise ValueError(f"cannot be split into words: {error}") from None
        if operator := next(filter(_OPERATOR.fullmatch, words), None):
            raise ValueError(f"holds {operator!r}, which needs a shell: write {{shell: '...'}}")
        if words and _ASSIGNMENT.match(words[0]):
            raise ValueError(
                f"begins with {words[0].partition('=')[0]}=, which needs a shell: write "
                "{shell: '...'}, or set the variable in verify.environment"
            )
        return _startable(words, written.strip())
    if isinstance(written, list | tuple):
        if any(
            isinstance(word, bool) or not isinstance(word, str | int | float) for word in written
        ):
            raise ValueError("must be words: a list of texts")
        words = [str(word) for word in written]
        return _startable(words, shlex.join(words))
    raise ValueError("must be a line, a list of words, or {shell: '...'}")


def _startable(words: Sequence[str], text: str) -> Command:
    if not words or not words[0].strip():
        raise ValueError("names no program")
    if any("\0" in word for word in words):
        raise ValueError("holds a zero byte")
    return Command(tuple(words), text)


def _listed(value: object) -> object:
    """One command may stand for a list of one."""
    return (value,) if isinstance(value, str | dict) else value


class VerifySettings(StrictSettings):
    """The commands that decide whether a task's work is good, and what else is looked at.

    ``commands`` are run one after another to the first that fails; without any,
    ``detect`` looks for the project's own.  ``timeout`` is in seconds and of one
    command, which is tried ``retries`` times more when it fails.  ``jobs`` is how
    many verifications run at once, by default half the processors.  ``forbidden``
    are the paths that no task may change; ``allow`` are patterns of paths, and of
    values that look like secrets, about which nothing is said.  Files of more than
    ``max_file_size`` bytes are reported.  ``environment`` is added to that of the
    commands.
    """

    commands: Annotated[
        tuple[Annotated[Command, PlainValidator(command)], ...], BeforeValidator(_listed)
    ] = Field(default=(), description="a list of commands")
    detect: bool = True
    timeout: PositiveSeconds = 1800
    retries: Annotated[int, Number, Field(ge=0, le=10)] = 0
    jobs: Annotated[int, Number, Field(ge=1, le=256)] | None = None
    forbidden: tuple[str, ...] = FORBIDDEN
    allow: tuple[str, ...] = ()
    max_file_size: Annotated[int, Number, Field(ge=0)] = 5_000_000
    allow_no_changes: bool = False
    environment: dict[str, str] = Field(default_factory=dict, repr=False)
