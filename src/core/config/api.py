"""The HTTP API."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .base import Number, StrictSettings


class ApiSettings(StrictSettings):
    """Where the server takes requests from programs on its machine.

    ``port`` 0 is any that is free; the server's ``api.json`` says which.
    """

    enabled: bool = True
    port: Annotated[int, Number, Field(ge=0, le=65535)] = 0
