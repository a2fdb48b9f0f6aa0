"""Tokens and money: what was spent, by task and by model, and where it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from .settings import Model
from .wire import Usage

_MILLION: Final = 1_000_000
_MOST_TASKS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Price:
    """USD for a million tokens."""

    input: float = 0.0
    output: float = 0.0

    def of(self, usage: Usage) -> float:
        """The cost in USD: what the server stated, else what the tokens cost."""
        if usage.cost is not None:
            return usage.cost
        return (usage.input * self.input + usage.output * self.output) / _MILLION


def prices(models: Mapping[str, Model]) -> dict[str, Price]:
    """The configured prices by model; those without one cost nothing that is known."""
    return {
        name: Price(model.settings.input_price or 0.0, model.settings.output_price or 0.0)
        for name, model in models.items()
    }


@dataclass(frozen=True, slots=True)
class Spending:
    """``cost`` is in USD."""

    requests: int = 0
    input: int = 0
    output: int = 0
    cost: float = 0.0

    @property
    def tokens(self) -> int:
        return self.input + self.output

    def plus(self, usage: Usage, cost: float) -> Spending:
        return Spending(
            self.requests + 1,
            self.input + usage.input,
            self.output + usage.output,
            self.cost + cost,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What may be spent: tokens, and USD.  None is no limit."""

    tokens: int | None = None
    cost: float | None = None
    task_tokens: int | None = None
    task_cost: float | None = None


class Ledger:
    """The account of all requests.  Not safe across threads: the caller guards it.

    The oldest of more than 10,000 tasks are dropped; the total knows them still.
    """

    __slots__ = ("_budget", "_models", "_prices", "_tasks", "_total")

    def __init__(self, prices: Mapping[str, Price], budget: Budget) -> None:
        self._prices = dict(prices)
        self._budget = budget
        self._total = Spending()
        self._tasks: dict[str, Spending] = {}
        self._models: dict[str, Spending] = {}

    @property
    def total(self) -> Spending:
        return self._total

    @property
    def tasks(self) -> Mapping[str, Spending]:
        return MappingProxyType(self._tasks)

    @property
    def models(self) -> Mapping[str, Spending]:
        return MappingProxyType(self._models)

    def charge(self, task: str | None, model: str, usage: Usage) -> float:
        """Enter the usage of one request and return its cost in USD."""
        cost = self._prices.get(model, Price()).of(usage)
        self._total = self._total.plus(usage, cost)
        self._models[model] = self._models.get(model, Spending()).plus(usage, cost)
        if task is not None:
            self._tasks[task] = self._tasks.pop(task, Spending()).plus(usage, cost)
            if len(self._tasks) > _MOST_TASKS:
                del self._tasks[next(iter(self._tasks))]
        return cost

    def reason_to_stop(self, task: str | None = None) -> str | None:
        """Why no further request may be sent, None if one may.

        A budget is looked at before a request; the one that exceeds it is finished.
        """
        budget = self._budget
        limits = [("the budget", self._total, budget.tokens, budget.cost)]
        if task is not None:
            spent = self._tasks.get(task, Spending())
            limits.append((f"the budget of {task}", spent, budget.task_tokens, budget.task_cost))
        for name, spent, tokens, cost in limits:
            if tokens is not None and spent.tokens >= tokens:
                return f"{name} of {tokens} tokens is used up"
            if cost is not None and spent.cost >= cost:
                return f"{name} of {cost:g} USD is used up"
        return None
