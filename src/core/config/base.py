"""What every section of the configuration is built from."""

from __future__ import annotations

import shlex
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

YEAR = 365 * 24 * 3600


def not_a_bool(value: object) -> object:
    """Refuse true and false where a number is meant."""
    if isinstance(value, bool):
        raise ValueError("must be a number")
    return value


def lowered(value: object) -> object:
    """Names are compared without regard to case."""
    return value.lower() if isinstance(value, str) else value


def as_words(value: object) -> object:
    """A command as a list of words; one string is split as a POSIX shell would."""
    if not isinstance(value, str):
        return value
    try:
        return shlex.split(value)
    except ValueError as error:
        raise ValueError(f"cannot be split into words: {error}") from None


Number = BeforeValidator(not_a_bool)
Seconds = Annotated[float, Number, Field(ge=0, le=YEAR, allow_inf_nan=False)]
PositiveSeconds = Annotated[float, Number, Field(gt=0, le=YEAR, allow_inf_nan=False)]
Words = Annotated[tuple[str, ...], BeforeValidator(as_words)]


class Settings(BaseModel):
    """A section: it cannot be changed, and it passes over keys that it does not know."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        defer_build=True,
        coerce_numbers_to_str=True,
        hide_input_in_errors=True,
    )


class StrictSettings(Settings):
    """A section that refuses keys that it does not know."""

    model_config = ConfigDict(extra="forbid")
