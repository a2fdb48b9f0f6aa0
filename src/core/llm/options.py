"""What may be set for all models together: what is spent, kept, and asked twice."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from ..config.base import PositiveSeconds, Settings, StrictSettings


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number")
    return value


_Tokens = Annotated[int, BeforeValidator(_number), Field(ge=1)]
_Cost = Annotated[float, BeforeValidator(_number), Field(gt=0, allow_inf_nan=False)]


class ParallelSettings(Settings):
    """The models that are asked at once, and the one that judges their answers."""

    enabled: bool = True
    models: tuple[str, ...] = ()
    evaluator_model: str | None = None
    selection_criteria: tuple[str, ...] = ()


class BudgetSettings(StrictSettings):
    """What one run of the server may spend, and a task in it; costs are in USD."""

    tokens: _Tokens | None = None
    cost: _Cost | None = None
    task_tokens: _Tokens | None = None
    task_cost: _Cost | None = None


class CacheSettings(StrictSettings):
    """How many answers are kept for the same question; ``max_age`` is in seconds."""

    entries: Annotated[int, BeforeValidator(_number), Field(ge=0, le=100_000)] = 0
    max_age: PositiveSeconds = 3600
